#include "backup/tail.h"

#include "support/expect.h"
#include "support/memory_io.h"
#include "support/samples.h"
#include "support/temporary_folder.h"

using namespace test;
using agent::TailReader;
using agent::TailWriter;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::uint64_t written(const std::string& path, tape::ByteView bytes, std::size_t step) {
  TailWriter tail(path);
  for (std::size_t at = 0; at < bytes.size(); at += step)
    tail.write(bytes.subspan(at, std::min(step, bytes.size() - at)));
  tail.finish();
  return tail.digest();
}

// As a volume that must be started over.
template <class Step>
bool refused(Step&& step, const char* text) {
  const tape::Error error = tape::failed(step);
  return error.kind() == tape::ErrorKind::object_changed && tape::says(error, text);
}

}  // namespace

TEST_CASE("tail: what was written comes back, however it is cut", "[tail]") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.tail";
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kMiB - 1, kMiB, kMiB + 1, 3 * kMiB}) {
    INFO(size);
    const tape::Bytes bytes = tape::mixed_bytes(size, size);
    const std::uint64_t digest = written(path, bytes, kMiB / 3);
    CHECK(written(path, bytes, size + 1) == digest);
    TailReader tail(path, size);
    tail.skip(size / 2);
    tape::Bytes read;
    while (tail.left() > 0) {
      const tape::Bytes more = tail.next(std::min<std::size_t>(tail.left(), 700'001));
      read.insert(read.end(), more.begin(), more.end());
    }
    tail.must_have(digest);
    CHECK(read == tape::Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(size / 2), bytes.end()));
  }
}

TEST_CASE("tail: one that is gone, cut or changed is refused", "[tail]") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.tail";
  const std::size_t size = kMiB + 100;
  const tape::Bytes bytes = tape::mixed_bytes(size, 1);
  const std::uint64_t digest = written(path, bytes, size);
  for (const std::size_t at : {std::size_t{0}, kMiB - 1, kMiB, size - 1}) {
    tape::Bytes changed = bytes;
    changed[at] ^= 1;
    write_file(path, tape::as_text(changed));
    TailReader tail(path, size);
    tail.skip(size);
    CHECK(refused([&] { tail.must_have(digest); }, "not what was written"));
  }
  write_file(path, tape::as_text(tape::ByteView(bytes).first(size - 1)));
  CHECK(refused([&] { TailReader(path, size); }, "1048675 bytes"));
  std::filesystem::remove(path);
  CHECK(refused([&] { TailReader(path, size); }, "gone"));
}
