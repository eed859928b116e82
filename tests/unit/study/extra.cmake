# Published figures are checked on recorded traces.
target_link_libraries(unit_study PRIVATE forerun_replay)
