// Raw deflate in one call: pages and nodes.
//
// In, out: whole buffers.
// Threads: one caller at a time for each object.
// Spec:    RFC 1951; docs/format.md §3 "Engines".
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tape/bytes.h"
#include "tape/ragzip_writer.h"

namespace tape {

class Deflater {
 public:
  Deflater() = default;
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  virtual ~Deflater() = default;
  // Appends the raw deflate stream of `in` to `out`. Equal bytes for equal input, engine, engine
  // version and level; nothing is promised across versions, and of isal across processors.
  virtual void deflate(ByteView in, Bytes& out) = 0;
  // The most that deflate() appends for `size` bytes.
  virtual std::size_t bound(std::size_t size) = 0;
};

// `level` as in RagzipOptions, checked by the caller.
std::unique_ptr<Deflater> make_libdeflate_deflater(int level);
std::unique_ptr<Deflater> make_zlib_deflater(int level);
std::unique_ptr<Deflater> make_isal_deflater(int level);
// Fails: Error{usage} where this build has no such engine.
std::unique_ptr<Deflater> make_deflater(Engine engine, int level);
void check_engine(Engine engine);  // the same
// Fails: Error{usage} that names the range.
void check_level(Engine engine, int level);

std::string version_of_libdeflate();
std::string version_of_zlib();
std::string version_of_isal();  // empty: deflate_no_isal.cc was built

enum class InflateOutcome { done, bad_or_cut, too_long };

// Raw inflate in one call.
class Inflater {
 public:
  Inflater() = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  virtual ~Inflater() = default;

  struct Result {
    InflateOutcome outcome = InflateOutcome::done;
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };
  // Inflates the stream at the beginning of `in` into the beginning of `out`.
  virtual Result inflate(ByteView in, MutableBytes out) = 0;
};

std::unique_ptr<Inflater> make_libdeflate_inflater();  // fast
std::unique_ptr<Inflater> make_zlib_inflater();        // what gzip takes, and nothing else

std::uint32_t crc32(ByteView bytes);  // of RFC 1952
// Of what has the CRC32 `before` with `bytes` behind it.
std::uint32_t crc32(std::uint32_t before, ByteView bytes);

}  // namespace tape
