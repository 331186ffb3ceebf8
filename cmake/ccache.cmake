# A compiler cache where the machine has one: what one build tree has compiled, another need not.
find_program(TAPE_CCACHE ccache)
mark_as_advanced(TAPE_CCACHE)
if(TAPE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${TAPE_CCACHE})
endif()
