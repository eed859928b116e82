# How a room (one folder of the architecture) declares itself. Sources are found by name, so a new file
# needs no edit; which room may know which is checked by tests/support/layers.py.

# A pure core: values only. Built without exceptions, so that the compiler keeps part of the rule.
function(forerun_core name)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  if(sources)
    add_library(forerun_${name} STATIC ${sources})
    target_compile_options(forerun_${name} PRIVATE -fno-exceptions)
    target_include_directories(forerun_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
    target_link_libraries(forerun_${name} PUBLIC ${ARGN})
  else()
    add_library(forerun_${name} INTERFACE)
    target_include_directories(forerun_${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
    target_link_libraries(forerun_${name} INTERFACE ${ARGN})
  endif()
endfunction()

# An adapter, an actor room or a library of an app: the same, with exceptions.
function(forerun_library name)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_library(forerun_${name} STATIC ${sources})
  target_include_directories(forerun_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(forerun_${name} PUBLIC ${ARGN})
endfunction()
