// CountingStore: what a run asked of a store without an HTTP client: a directory.
//
// A call is a request, whether it fails or not; bytes count when it succeeded. A store behind HTTP
// is counted inside its client (HttpOptions): not by this, too.
//
// Fails:   as the store inside does.
// Limits:  what was opened must not outlive the store.
// Threads: any number of callers.
// Spec:    docs/adr/0015.
#pragma once
#include "net/transfer_counts.h"
#include "store/wrapped_store.h"

namespace agent {

class CountingStore final : public WrappedStore {
 public:
  // What is referred to must outlive this.
  CountingStore(ObjectStore& store, TransferCounts& counts)
      : WrappedStore(store), counts_(counts) {}

  tape::Bytes get(const std::string& key, tape::ByteCount limit) override;

 private:
  void around(const StoreCall& call, const std::function<void()>& step) override;

  TransferCounts& counts_;
};

}  // namespace agent
