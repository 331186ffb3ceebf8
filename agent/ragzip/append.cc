#include "ragzip/append.h"

#include <algorithm>

#include "tape/error.h"
#include "tape/files.h"
#include "tape/member_index.h"

namespace agent {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{512} * 1024;

// The specification's own limit is 32 KiB; what is in the file already is kept.
bool fits_compat(const tape::RagzipReader& reader) {
  const int index_bits = reader.geometry().index_bits;
  if (tape::failure_of([&] { tape::check_shape({reader.geometry().page_bits, index_bits, true}); }))
    return false;
  const auto& extensions = reader.extensions();
  return std::all_of(extensions.begin(), extensions.end(), [](const auto& extension) {
    return extension.payload.size() <= tape::kExtensionMaxCompatible;
  });
}

// What of the old file is made again.
struct Ending {
  tape::PageBoundary boundary;
  tape::Bytes part;  // of content behind it
  std::vector<tape::RagzipExtension> extensions;
  tape::RagzipShape shape;
  tape::ByteCount logical_size = 0;

  friend bool operator==(const Ending& a, const Ending& b) {
    return tape::encode_boundary(a.boundary) == tape::encode_boundary(b.boundary) &&
           a.part == b.part && a.logical_size == b.logical_size;
  }
};

Ending ending_of(const tape::RangeSource& source) {
  tape::RagzipReader reader(source, {tape::IndexMode::loaded, 1});
  const tape::RagzipGeometry& geometry = reader.geometry();
  const std::uint64_t full = geometry.logical_size >> geometry.page_bits;
  Ending out;
  out.logical_size = geometry.logical_size;
  out.part.resize(geometry.logical_size - (full << geometry.page_bits));
  reader.read_at(tape::LogicalOffset(full << geometry.page_bits), out.part);
  out.boundary = reader.boundary_behind(full);
  out.extensions = reader.extensions();
  out.shape = {geometry.page_bits, geometry.index_bits, fits_compat(reader)};
  return out;
}

std::unique_ptr<tape::ByteSink> new_file(const tape::RangeSource& source,
                                         const AppendOptions& options,
                                         tape::ByteCount kept) {
  const std::uint32_t mode = tape::permissions_of(options.path);
  auto sink = options.replace ? tape::create_replacing_file_sink(options.output, mode)
                              : tape::create_file_sink(options.output, mode);
  tape::Bytes piece;
  for (tape::ByteCount done = 0; done < kept; done += piece.size()) {
    piece.resize(std::min<tape::ByteCount>(kBufferBytes, kept - done));
    source.read_at(tape::GzOffset(done), piece);
    sink->write(piece);
  }
  return sink;
}

// Holds the file from here on. Another append may have ended between the look at it and that.
std::unique_ptr<tape::ByteSink> continued_file(const AppendOptions& options, const Ending& ending) {
  auto sink = tape::create_continued_file_sink(options.path, ending.boundary.position.value());
  const auto source = tape::open_file_source(options.path);
  if (ending_of(*source) == ending) return sink;
  throw tape::Error(tape::ErrorKind::object_changed,
                    "another program has added to it meanwhile; it is left as it is");
}

}  // namespace

AppendSummary append(const tape::ByteReader& in,
                     const AppendOptions& options,
                     const BytesProgress& progress) {
  return tape::within(tape::shown(options.path), [&] {
    // What cannot be appended to is refused before anything is waited for.
    auto source = tape::open_file_source(options.path);
    Ending ending = ending_of(*source);
    tape::Bytes buffer(kBufferBytes);
    std::size_t n = in(buffer);
    // It took as long as it took: look again.
    source = tape::open_file_source(options.path);
    ending = ending_of(*source);
    AppendSummary summary;
    summary.bytes_before = ending.logical_size;
    if (n == 0 && options.output.empty()) {
      summary.bytes_written = summary.bytes_kept = source->size();
      return summary;
    }
    summary.bytes_kept = ending.boundary.position.value();
    const auto sink = options.output.empty() ? continued_file(options, ending)
                                             : new_file(*source, options, summary.bytes_kept);
    tape::RagzipOptions ragzip = options.ragzip;
    static_cast<tape::RagzipShape&>(ragzip) = ending.shape;
    tape::RagzipWriter writer(*sink, ragzip, nullptr);
    writer.resume(ending.boundary);
    for (const tape::RagzipExtension& extension : ending.extensions) {
      // It names members of the tail that goes.
      if (extension.id == tape::kTmixId) {
        summary.member_index_dropped = true;
      } else {
        writer.add_extension(extension.id, extension.payload, extension.flags);
      }
    }
    writer.write(ending.part);
    for (; n > 0; n = in(buffer)) {
      writer.write(tape::ByteView(buffer).first(n));
      summary.bytes_read += n;
      progress(summary.bytes_read);
    }
    writer.finish_pages();
    writer.finish();
    summary.bytes_written = writer.position().value();
    sink->finish();
    return summary;
  });
}

}  // namespace agent
