#include "codec/digest.h"

#include <algorithm>
#include <iterator>
#include <new>

#include <xxhash.h>

#include "base/endian.h"

namespace tape {
namespace {

Hash128 canonical(XXH128_hash_t value) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, value);
  Hash128 hash;
  static_assert(sizeof bytes.digest == sizeof hash);
  std::copy(std::begin(bytes.digest), std::end(bytes.digest), hash.begin());
  return hash;
}

struct Free {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

}  // namespace

struct Xxh3Stream::State {
  std::unique_ptr<XXH3_state_t, Free> handle{XXH3_createState()};
};

Xxh3Stream::Xxh3Stream() : state_(std::make_unique<State>()) {
  if (!state_->handle) throw std::bad_alloc();
  reset();
}

Xxh3Stream::~Xxh3Stream() = default;

void Xxh3Stream::reset() {
  XXH3_128bits_reset(state_->handle.get());
}

void Xxh3Stream::update(ByteView bytes) {
  XXH3_128bits_update(state_->handle.get(), bytes.data(), bytes.size());
}

void Xxh3Stream::update_framed(ByteView run) {
  Bytes length;
  append_be(length, run.size(), 8);
  update(length);
  update(run);
}

Hash128 Xxh3Stream::digest() const {
  return canonical(XXH3_128bits_digest(state_->handle.get()));
}

std::uint64_t xxh3_64(ByteView bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 xxh3_128(ByteView bytes) {
  return canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string hex(const Hash128& hash) {
  std::string out;
  for (const std::uint8_t byte : hash) {
    constexpr const char* kDigits = "0123456789abcdef";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace tape
