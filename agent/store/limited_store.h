// LimitedStore: so many bytes a second, for stores without an HTTP client: directories.
//
// What put, put_part and get carry, and reads of what was opened, waits in front of the call until
// all of it may go. A store behind HTTP is paced inside its client, where bytes pass one by one
// (HttpOptions): not by this, too.
//
// Fails:   as the store inside does, and as Clock::sleep.
// Limits:  what was opened must not outlive the store.
// Threads: any number of callers.
// Spec:    docs/adr/0015.
#pragma once
#include "net/rate_limit.h"
#include "store/wrapped_store.h"

namespace agent {

class LimitedStore final : public WrappedStore {
 public:
  // May be null: no limit. What is referred to must outlive this.
  struct Limits {
    RateLimit* upload = nullptr;
    RateLimit* download = nullptr;
  };
  LimitedStore(ObjectStore& store, const Limits& limits) : WrappedStore(store), limits_(limits) {}

  tape::Bytes get(const std::string& key, tape::ByteCount limit) override;

 private:
  void around(const StoreCall& call, const std::function<void()>& step) override;

  const Limits limits_;
};

}  // namespace agent
