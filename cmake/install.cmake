# The program, and libtape for other programs: headers, two archives, a CMake package `tape`, pkg-config `tape`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(tape_package ${CMAKE_INSTALL_LIBDIR}/cmake/tape)
install(TARGETS ragtape RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS tape tape_read EXPORT tape ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY libtape/include/tape DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT tape NAMESPACE tape:: FILE tape-targets.cmake DESTINATION ${tape_package})
configure_package_config_file(cmake/tape-config.cmake.in ${CMAKE_BINARY_DIR}/tape-config.cmake INSTALL_DESTINATION ${tape_package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/tape-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/tape-config.cmake ${CMAKE_BINARY_DIR}/tape-config-version.cmake DESTINATION ${tape_package})
configure_file(cmake/tape.pc.in ${CMAKE_BINARY_DIR}/tape.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/tape.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
