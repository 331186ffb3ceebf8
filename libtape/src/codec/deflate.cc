#include "codec/deflate.h"

namespace tape {

std::unique_ptr<Deflater> make_deflater(Engine engine, int level) {
  return engine == Engine::zlib ? make_zlib_deflater(level) : make_libdeflate_deflater(level);
}

std::string engine_version(Engine engine) {
  return engine == Engine::zlib ? version_of_zlib() : version_of_libdeflate();
}

}  // namespace tape
