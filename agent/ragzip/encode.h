// encode: a stream of bytes becomes a ragzip file, or a plain gzip one.
//
// Threads: one caller; workers of its own.
// Spec:    docs/format.md §3; docs/cli.md "ragzip".
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tape/io.h"
#include "tape/ragzip_writer.h"

namespace agent {

struct NewExtension {
  std::uint32_t id = 0;
  tape::Bytes payload;
};

struct EncodeOptions {
  tape::RagzipOptions ragzip;
  std::vector<NewExtension> extensions;
};

struct EncodeSummary {
  tape::ByteCount bytes_read = 0;
  tape::ByteCount bytes_written = 0;
  std::uint64_t pages = 0;
  int levels = 0;
};

// Hears how much was read; may throw to stop.
using BytesProgress = std::function<void(tape::ByteCount done)>;

// Finishes the sink. Fails: usage for an extension that cannot be, before anything is read; as
// `in` and `out` do.
EncodeSummary encode(const tape::ByteReader& in,
                     tape::ByteSink& out,
                     const EncodeOptions& options,
                     const BytesProgress& progress);

// One gzip member by zlib, of level 1..9.
EncodeSummary encode_plain(const tape::ByteReader& in,
                           tape::ByteSink& out,
                           int level,
                           const BytesProgress& progress);

}  // namespace agent
