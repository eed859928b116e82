pkg_check_modules(libnbd REQUIRED IMPORTED_TARGET libnbd)
target_link_libraries(unit_nbd PRIVATE PkgConfig::libnbd)
