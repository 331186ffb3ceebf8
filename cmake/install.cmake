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
set(tape_pc ${CMAKE_BINARY_DIR}/tape.pc)
include(cmake/pkg_config.cmake)
install(FILES ${tape_pc} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The agent as a service: its units, its user, its folders.
set(units ${CMAKE_BINARY_DIR}/systemd)
foreach(unit ragtape.service ragtape@.service)
  configure_file(agent/systemd/${unit}.in ${units}/${unit} @ONLY)
endforeach()
install(FILES ${units}/ragtape.service ${units}/ragtape@.service agent/systemd/ragtape@.timer DESTINATION lib/systemd/system)
install(FILES agent/systemd/ragtape.sysusers DESTINATION lib/sysusers.d RENAME ragtape.conf)
install(FILES agent/systemd/ragtape.tmpfiles DESTINATION lib/tmpfiles.d RENAME ragtape.conf)
