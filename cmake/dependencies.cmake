# Everything comes from the distribution.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL 7.85 REQUIRED)  # CURLOPT_PROTOCOLS_STR
find_package(EXPAT 2.4.1 REQUIRED)  # from there on it bounds what entities grow to
find_package(SQLite3 3.37 REQUIRED)  # STRICT tables
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_path(TOMLPLUSPLUS_HEADERS toml++/toml.h REQUIRED)  # the headers alone: the library is built with exceptions
pkg_check_modules(libdeflate REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8)
pkg_check_modules(libisal IMPORTED_TARGET libisal>=2.30)  # not on every architecture; without it there is no --engine isal
