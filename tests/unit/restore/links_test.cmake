# cmake -DPROGRAM=FILE -P links_test.cmake: the way back needs no SQLite, no network and no cryptography.
execute_process(COMMAND ldd ${PROGRAM} OUTPUT_VARIABLE libraries RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR NOT libraries MATCHES "libdeflate")
  message(FATAL_ERROR "ldd ${PROGRAM} (${status}) shows not even libdeflate:\n${libraries}")
endif()
if(libraries MATCHES "sqlite|curl|ssl|crypto|nghttp|gnutls")
  message(FATAL_ERROR "a program of tape_read alone is linked with:\n${libraries}")
endif()
