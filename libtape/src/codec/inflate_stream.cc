#include "codec/inflate_stream.h"

#include <algorithm>
#include <climits>

#include <zlib.h>

#include "base/assert.h"
#include "tape/error.h"

namespace tape {
namespace {

// zlib.h, inflate(): what data_type says behind a step.
constexpr int kBitsLeft = 7;
constexpr int kBehindLastBlock = 64;
constexpr int kBlockEnds = 128;

}  // namespace

struct StreamInflater::State {
  z_stream stream{};
};

StreamInflater::StreamInflater() : state_(std::make_unique<State>()) {
  if (inflateInit2(&state_->stream, -15) != Z_OK)
    throw Error(ErrorKind::exhausted, "zlib: no memory for a decompressor");
}

StreamInflater::~StreamInflater() {
  inflateEnd(&state_->stream);
}

StreamInflater::Step StreamInflater::step(ByteView in, MutableBytes out) {
  z_stream& stream = state_->stream;
  Bytef nothing = 0;  // zlib wants a pointer even where nothing may be written
  const auto in_size = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT_MAX));
  const auto out_size = static_cast<uInt>(std::min<std::size_t>(out.size(), UINT_MAX));
  stream.next_in = const_cast<Bytef*>(in.empty() ? &nothing : in.data());
  stream.avail_in = in_size;
  stream.next_out = out.empty() ? &nothing : out.data();
  stream.avail_out = out_size;
  const int code = ::inflate(&stream, stop_at_blocks_ ? Z_BLOCK : Z_NO_FLUSH);
  if (code == Z_MEM_ERROR) throw Error(ErrorKind::exhausted, "zlib: no memory for its window");
  Step step{in_size - stream.avail_in, out_size - stream.avail_out, Outcome::bad};
  if (code == Z_STREAM_END) step.outcome = Outcome::done;
  // Z_BUF_ERROR: nothing could be done with what was given.
  if (code == Z_OK || code == Z_BUF_ERROR)
    step.outcome = stream.avail_out == 0 ? Outcome::more_out : Outcome::more_in;
  const bool block = stop_at_blocks_ && code == Z_OK && (stream.data_type & kBlockEnds) != 0 &&
                     (stream.data_type & kBehindLastBlock) == 0;
  if (block) step.outcome = Outcome::block;
  return step;
}

void StreamInflater::reset() {
  inflateReset(&state_->stream);
}

void StreamInflater::reset_at(ByteView window, unsigned bits, std::uint8_t byte) {
  TAPE_ASSERT(bits < 8 && window.size() <= 32768);
  reset();
  if (bits != 0) inflatePrime(&state_->stream, static_cast<int>(bits), byte >> (8 - bits));
  if (!window.empty())
    inflateSetDictionary(&state_->stream, window.data(), static_cast<uInt>(window.size()));
}

unsigned StreamInflater::bits_left() const {
  return static_cast<unsigned>(state_->stream.data_type & kBitsLeft);
}

}  // namespace tape
