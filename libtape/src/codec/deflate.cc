#include "codec/deflate.h"

namespace tape {

std::unique_ptr<Deflater> make_deflater(Engine engine, int level) {
  return engine == Engine::zlib ? make_zlib_deflater(level) : make_libdeflate_deflater(level);
}

}  // namespace tape
