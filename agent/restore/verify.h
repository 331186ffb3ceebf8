// verify: a snapshot against its manifest.
//
// Threads: one caller.
#pragma once
#include <functional>
#include <string>

#include "store/object_store.h"
#include "tape/manifest.h"

namespace agent {

struct VerifyOptions {
  double share = 0;   // of the pages, to be decoded
  bool full = false;  // every page, node, header and hash
  std::uint64_t seed = 0;
  unsigned workers = 0;  // that inflate
};

struct VerifyReport {
  std::uint64_t volumes = 0;
  std::uint64_t members = 0;
  std::uint64_t pages = 0;
  std::uint64_t pages_decoded = 0;
  std::uint64_t damage = 0;  // volumes, or places, that are not what they should be
};

// Any member may be empty.
struct VerifyEvents {
  std::function<void(const tape::Error& error)> damage;
  std::function<void(tape::ByteCount done, tape::ByteCount total)> progress;  // may throw canceled
};

// Sizes and checksums of all volumes; then what the options ask for. Damage is reported and the
// rest goes on. Fails: transient, io, canceled.
struct VerifyContext {
  ObjectStore& store;
  const VerifyEvents& events;
};
VerifyReport verify_snapshot(const VerifyContext& context,
                             const tape::Manifest& manifest,
                             const VerifyOptions& options);

}  // namespace agent
