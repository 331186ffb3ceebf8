#include "store/limited_store.h"

namespace agent {

// How many bytes it will be is known when it is open.
tape::Bytes LimitedStore::get(const std::string& key, tape::ByteCount limit) {
  return read_whole(*open(key), limit);
}

void LimitedStore::around(const StoreCall& call, const std::function<void()>& step) {
  if (limits_.upload != nullptr) limits_.upload->pass(call.sent);
  if (limits_.download != nullptr) limits_.download->pass(call.asked);
  step();
}

}  // namespace agent
