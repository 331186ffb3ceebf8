// gunzip: the content of any gzip stream, from a file or a pipe; with several threads where it has
// many members.
//
// In:      a ByteReader: gzip members one behind the other. Zero bytes behind a member are padding.
// Out:     their content, to a ByteSink, which is not finished.
// Limits:  memory: 64 MiB of pieces with their content, and as much again of buffers that are kept;
//          for pages of 256 KiB some 2 MiB a worker.
// Threads: the caller's reads, writes and hears of progress; the workers only inflate.
// Spec:    RFC 1952; docs/format.md §3.
#pragma once
#include <cstdint>
#include <functional>

#include "tape/bytes.h"
#include "tape/io.h"
#include "tape/offset.h"

namespace tape {

struct GunzipOptions {
  unsigned workers = 0;      // threads that inflate; 0: the caller's does it all
  bool check_footer = true;  // a ragzip stream must end with a footer that fits
};

struct GunzipSummary {
  std::uint64_t members = 0;
  ByteCount bytes_in = 0;
  ByteCount bytes_out = 0;
  ByteCount trailing_zeros = 0;  // behind the last member
  bool ragzip = false;           // members came whose first subfield is `RA`
  std::uint64_t volumes = 0;     // ragzip files that came, each up to a footer that fits it
  Bytes footer;  // the payload of the last member, if that was an empty `RA` member of 64 bytes
};

// What went through so far. May be empty.
using GunzipProgress = std::function<void(ByteCount in, ByteCount out)>;

// Checks the CRC32, the ISIZE and, where it has one, the CRC16 of each member. A member is sound if
// libdeflate or zlib inflates it to what these say; which of the two gets it depends on the bytes
// alone. Output, summary and verdict are the same for any number of workers.
//
// Where `RA` members came, the stream must be ragzip files one behind the other, as `cat` of
// volumes gives it: the last member is a footer, and it tells the size of what came behind the
// footer before it. Without `check_footer` nobody looks.
//
// Fails: Error{corrupt} that names an offset in the stream: no member at all, a damaged or cut one,
// other bytes behind a member, no footer or a wrong one; Error{unsupported}: a footer of another
// version; whatever `in` and `out` throw. Content of a damaged member may have been written before
// it is known to be damaged.
GunzipSummary gunzip(const ByteReader& in,
                     ByteSink& out,
                     const GunzipOptions& options,
                     const GunzipProgress& progress);

}  // namespace tape
