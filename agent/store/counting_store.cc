#include "store/counting_store.h"

namespace agent {

tape::Bytes CountingStore::get(const std::string& key, tape::ByteCount limit) {
  tape::Bytes out = WrappedStore::get(key, limit);
  counts_.bytes_read += out.size();
  return out;
}

void CountingStore::around(const StoreCall& call, const std::function<void()>& step) {
  ++counts_.requests;
  step();
  counts_.bytes_sent += call.sent;
  counts_.bytes_read += call.asked;
}

}  // namespace agent
