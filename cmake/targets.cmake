# tape_precompile(TARGET HEADER...): where the build is sanitized, and compiling takes longest. The preset dev does without, and
# shows that each file includes what it uses.
function(tape_precompile target)
  if(TAPE_SANITIZE)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# Warnings and sanitizers belong to a target, never to global flags.
function(tape_flags target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
    -Wimplicit-fallthrough $<$<BOOL:${TAPE_WERROR}>:-Werror>
    # gcc 12 sees overlapping copies in `"text" + std::string` where it inlines much (GCC bug 105651).
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
  # Offsets are 64 bits on every host.
  target_compile_definitions(${target} PRIVATE _FILE_OFFSET_BITS=64 _GNU_SOURCE)
  if(TAPE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TAPE_SANITIZE} -fno-sanitize-recover=all)
    # gcc 12 sees uninitialised values in the C++ library that sanitizing puts there (GCC bug 105562).
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(${target} PUBLIC -fsanitize=${TAPE_SANITIZE})
  endif()
  if(TAPE_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()
