#include "ragzip/decode.h"

#include <optional>

#include "tape/error.h"
#include "tape/gunzip.h"
#include "tape/ragzip_decode.h"

namespace agent {
namespace {

DecodeSummary decode_by_indexes(const tape::RangeSource& source,
                                tape::ByteSink& out,
                                const DecodeOptions& options,
                                const BytesProgress& progress) {
  std::optional<tape::RagzipGeometry> geometry;
  const auto failure = tape::failure_of([&] {
    geometry = tape::decode_ragzip(source, out, {options.workers, progress});
  });
  if (!failure) return {source.size(), geometry->logical_size, true};
  if (failure->kind() != tape::ErrorKind::corrupt) throw tape::Error(*failure);
  throw tape::Error(failure->kind(), failure->what(),
                    "--lenient goes by the gzip members alone; files that were joined by cat are "
                    "read so, or from standard input");
}

}  // namespace

DecodeSummary decode(const DecodeInput& in,
                     tape::ByteSink& out,
                     const DecodeOptions& options,
                     const BytesProgress& progress) {
  DecodeSummary summary;
  if (in.source != nullptr && !options.lenient && tape::has_ragzip_footer(*in.source)) {
    summary = decode_by_indexes(*in.source, out, options, progress);
  } else {
    const auto read = tape::gunzip(in.read, out, {options.workers, !options.lenient},
                                   [&](tape::ByteCount done, tape::ByteCount) { progress(done); });
    summary = {read.bytes_in, read.bytes_out, read.ragzip};
  }
  out.finish();
  return summary;
}

}  // namespace agent
