#include "codec/digest.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>

#define XXH_STATIC_LINKING_ONLY  // the fields of XXH3_state_t, for save() and load()
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

// The fields are those of the header that this was built with; 0 when the library is another one.
std::uint32_t layout_version() {
  return XXH_versionNumber() == XXH_VERSION_NUMBER ? XXH_VERSION_NUMBER : 0;
}

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
  // save() writes all of it, and what was in this memory before is nobody's business.
  std::memset(state_->handle->buffer, 0, sizeof state_->handle->buffer);
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

// The whole state cannot be copied: it points at the secret, which the next process has elsewhere.
// So the fields that move go into a freshly reset state; they are private to a version.
Bytes Xxh3Stream::save() const {
  const XXH3_state_t& state = *state_->handle;
  Bytes out;
  append_be(out, layout_version(), 4);
  append_be(out, state.totalLen, 8);
  append_be(out, state.nbStripesSoFar, 8);
  append_be(out, state.bufferedSize, 4);
  for (const XXH64_hash_t lane : state.acc)
    append_be(out, lane, 8);
  out.insert(out.end(), std::begin(state.buffer), std::end(state.buffer));
  return out;
}

bool Xxh3Stream::load(ByteView saved) {
  XXH3_state_t& state = *state_->handle;
  constexpr std::size_t kHead = 24;
  if (saved.size() != kHead + sizeof state.acc + sizeof state.buffer ||
      load_be32(saved.data()) != layout_version() || layout_version() == 0)
    return false;
  const std::uint64_t stripes = load_be64(&saved[12]);
  const std::uint32_t buffered = load_be32(&saved[20]);
  // What the library goes on from without a look of its own.
  if (buffered > sizeof state.buffer || stripes >= state.nbStripesPerBlock) return false;
  reset();
  state.totalLen = load_be64(&saved[4]);
  state.nbStripesSoFar = static_cast<decltype(state.nbStripesSoFar)>(stripes);
  state.bufferedSize = buffered;
  for (std::size_t i = 0; i < std::size(state.acc); ++i)
    state.acc[i] = load_be64(&saved[kHead + i * 8]);
  std::memcpy(state.buffer, &saved[kHead + sizeof state.acc], sizeof state.buffer);
  return true;
}

std::uint64_t xxh3_64(ByteView bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 xxh3_128(ByteView bytes) {
  return canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

}  // namespace tape
