// A gzip stream: the same content, the same summary and the same refusal with workers and without,
// with and without a look at the footer; and the same content member by member.
#include <algorithm>
#include <optional>

#include "fuzz/fuzz.h"
#include "restore/member_scan.h"
#include "support/memory_io.h"
#include "tape/gunzip.h"

namespace {

// A kilobyte gives a megabyte at best: an input costs milliseconds.
constexpr std::size_t kInputMax = std::size_t{64} << 10;

struct Gunzipped {
  tape::Bytes bytes;
  tape::GunzipSummary summary;
  std::optional<tape::Error> failure;
};

Gunzipped gunzipped(tape::ByteView input, unsigned workers, bool check_footer) {
  Gunzipped out;
  tape::MemorySink sink;
  const tape::ByteReader reader = [&](tape::MutableBytes room) {
    const std::size_t n = std::min(input.size(), room.size());
    std::copy_n(input.begin(), n, room.begin());
    input = input.subspan(n);
    return n;
  };
  fuzz::decodes_or_refuses([&] {
    out.failure = tape::failure_of([&] {
      out.summary = tape::gunzip(reader, sink, {workers, check_footer}, {});
    });
    if (out.failure) throw tape::Error(*out.failure);
  });
  out.bytes = std::move(sink.bytes);
  return out;
}

void must_be_alike(const Gunzipped& a, const Gunzipped& b) {
  fuzz::must(a.bytes == b.bytes, "the same content for any workers");
  fuzz::must(a.failure.has_value() == b.failure.has_value(), "the same verdict for any workers");
  fuzz::must(!a.failure || std::string(a.failure->what()) == b.failure->what(), "the same error");
  fuzz::must(a.summary.members == b.summary.members && a.summary.footer == b.summary.footer &&
                 a.summary.trailing_zeros == b.summary.trailing_zeros,
             "the same summary for any workers");
}

// zlib alone, which refuses codes that libdeflate takes: what passes here, passes there.
void must_pass_in_gunzip(const tape::Bytes& input, const Gunzipped& lenient) {
  const tape::MemorySource source(input);
  tape::MemberScan scan(source, tape::GzOffset(0));
  tape::Bytes content;
  std::uint64_t members = 0;
  fuzz::decodes_or_refuses([&] {
    const auto keep = [&](tape::ByteView more) {
      content.insert(content.end(), more.begin(), more.end());
    };
    while (scan.next(keep))
      ++members;
    if (members == 0) return;
    fuzz::must(!lenient.failure, "what is scanned to its end is no failure");
    fuzz::must(lenient.bytes == content, "the same content member by member");
    fuzz::must(lenient.summary.members == members, "as many members");
    fuzz::must(lenient.summary.trailing_zeros == scan.padding(), "as much padding");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kInputMax) return 0;
  const tape::Bytes input(data, data + size);
  const Gunzipped strict = gunzipped(input, 0, true);
  must_be_alike(strict, gunzipped(input, 2, true));
  const Gunzipped lenient = gunzipped(input, 0, false);
  if (!strict.failure) must_be_alike(strict, lenient);
  must_pass_in_gunzip(input, lenient);
  return 0;
}
