target_compile_options(unit_control PRIVATE -Wno-non-virtual-dtor) # KJ does without
