# The crash tests run on the simulated disk.
target_link_libraries(unit_provenance PRIVATE forerun_sim)
