# What a plain cache misses is compared with the LRU that ships.
target_link_libraries(unit_predict PRIVATE forerun_cache)
