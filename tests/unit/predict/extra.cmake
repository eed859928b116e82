# What a plain cache misses is compared with the LRU that ships.
target_link_libraries(unit_predict PRIVATE forerun_cache)
# Forecasts are tried on recordings.
target_link_libraries(unit_predict PRIVATE forerun_replay)
