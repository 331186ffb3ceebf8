#include "codec/inflate_stream.h"

#include <algorithm>
#include <climits>

#include <zlib.h>

#include "tape/error.h"

namespace tape {

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
  const int code = ::inflate(&stream, Z_NO_FLUSH);
  if (code == Z_MEM_ERROR) throw Error(ErrorKind::exhausted, "zlib: no memory for its window");
  Step step{in_size - stream.avail_in, out_size - stream.avail_out, Outcome::bad};
  if (code == Z_STREAM_END) step.outcome = Outcome::done;
  // Z_BUF_ERROR: nothing could be done with what was given.
  if (code == Z_OK || code == Z_BUF_ERROR)
    step.outcome = stream.avail_out == 0 ? Outcome::more_out : Outcome::more_in;
  return step;
}

void StreamInflater::reset() {
  inflateReset(&state_->stream);
}

}  // namespace tape
