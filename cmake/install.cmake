# What `cmake --install` puts in place: the programs, and for C++ programs of others (find_package(forerun))
# the rooms that are values only. Headers keep their paths below include/forerun, so "runtime/base/ids.hpp"
# is included by the same name in here and out there.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(public_rooms base cache predict prefetch provenance)
set(programs forerun forerun-node forerun-origin)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/forerun)

set(needs_absl OFF)
foreach(room ${public_rooms})
  if(TARGET forerun_${room})
    set_target_properties(forerun_${room} PROPERTIES EXPORT_NAME ${room})
    target_include_directories(forerun_${room} INTERFACE $<INSTALL_INTERFACE:include/forerun>)
    get_target_property(links forerun_${room} INTERFACE_LINK_LIBRARIES)
    if(links MATCHES "absl::")
      set(needs_absl ON)
    endif()
    install(TARGETS forerun_${room} EXPORT forerun ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(DIRECTORY runtime/${room} DESTINATION include/forerun/runtime FILES_MATCHING PATTERN *.hpp)
  endif()
endforeach()
target_compile_features(forerun_base INTERFACE cxx_std_20)
install(EXPORT forerun NAMESPACE forerun:: FILE forerun-targets.cmake DESTINATION ${package_folder})

configure_package_config_file(cmake/forerun-config.cmake.in ${CMAKE_BINARY_DIR}/forerun-config.cmake
                              INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/forerun-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/forerun-config.cmake ${CMAKE_BINARY_DIR}/forerun-config-version.cmake
        DESTINATION ${package_folder})

# `./dev run` builds these and leaves the tests out.
add_custom_target(programs)
foreach(program ${programs})
  if(TARGET ${program})
    add_dependencies(programs ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
