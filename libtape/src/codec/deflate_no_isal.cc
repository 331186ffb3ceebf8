// Where the distribution has no ISA-L (libisal): in place of deflate_isal.cc.
#include "base/assert.h"
#include "codec/deflate.h"

namespace tape {

std::unique_ptr<Deflater> make_isal_deflater(int /*level*/) {
  TAPE_ASSERT(false);  // check_engine() comes first
  return nullptr;
}

std::string version_of_isal() {
  return {};
}

}  // namespace tape
