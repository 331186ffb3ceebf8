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

// What goes, behind `kept`, must hold nothing but what the footer counts: a page more, or another
// file, may stand there.
void expect_nothing_else(tape::RagzipReader& reader, const tape::PageBoundary& kept) {
  const std::uint64_t pages = reader.geometry().page_count;
  tape::GzOffset end = kept.position;
  if (pages > 0) reader.expect_no_content({tape::GzOffset(0), reader.page_place(0).begin.value()});
  if (kept.page_count < pages) {
    tape::Bytes last;
    const tape::GzRange page = reader.decode_indexed(pages - 1, last);
    reader.expect_no_content({end, page.begin - end});
    end = page.end();
  }
  reader.expect_no_content({end, reader.source().size() - end.value()});
}

Ending ending_of(const tape::RangeSource& source) {
  tape::RagzipReader reader(source, {tape::IndexMode::loaded, 1});
  const tape::RagzipGeometry& geometry = reader.geometry();
  const std::uint64_t full = geometry.logical_size >> geometry.page_bits;
  Ending out;
  out.logical_size = geometry.logical_size;
  out.part.resize(geometry.logical_size - (full << geometry.page_bits));
  reader.read_at(tape::LogicalOffset(full << geometry.page_bits), out.part);
  out.boundary = reader.boundary_behind(full);
  expect_nothing_else(reader, out.boundary);
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

class Appending {
 public:
  Appending(const AppendOptions& options, const Ending& ending)
      : options_(options), ending_(ending) {
    summary_.bytes_before = ending.logical_size;
    summary_.bytes_kept = ending.boundary.position.value();
  }

  // `buffer` holds the first `n` bytes of what comes.
  AppendSummary run(const tape::ByteReader& in,
                    tape::Bytes buffer,
                    std::size_t n,
                    const BytesProgress& progress) {
    const auto sink = open_sink();
    tape::RagzipOptions ragzip = options_.ragzip;
    static_cast<tape::RagzipShape&>(ragzip) = ending_.shape;
    tape::RagzipWriter writer(*sink, ragzip, nullptr);
    writer.resume(ending_.boundary);
    add_extensions(writer);
    writer.write(ending_.part);
    // Fewer bytes than asked for are the end.
    for (;; n = in(buffer)) {
      writer.write(tape::ByteView(buffer).first(n));
      summary_.bytes_read += n;
      progress(summary_.bytes_read);
      if (n < buffer.size()) break;
    }
    writer.finish_pages();
    writer.finish();
    summary_.bytes_written = writer.position().value();
    sink->finish();
    return summary_;
  }

 private:
  std::unique_ptr<tape::ByteSink> open_sink() const {
    if (options_.output.empty()) return continued_file(options_, ending_);
    const auto source = tape::open_file_source(options_.path);
    return new_file(*source, options_, summary_.bytes_kept);
  }

  void add_extensions(tape::RagzipWriter& writer) {
    for (const tape::RagzipExtension& extension : ending_.extensions) {
      // It names members of the tail that goes.
      if (extension.id == tape::kTmixId) {
        summary_.member_index_dropped = true;
      } else {
        writer.add_extension(extension.id, extension.payload, extension.flags);
      }
    }
  }

  const AppendOptions& options_;
  const Ending& ending_;
  AppendSummary summary_;
};

Ending ending_at(const std::string& path) {
  return ending_of(*tape::open_file_source(path));
}

}  // namespace

AppendSummary append(const tape::ByteReader& in,
                     const AppendOptions& options,
                     const BytesProgress& progress) {
  return tape::within(tape::shown(options.path), [&] {
    // What cannot be appended to is refused before anything is waited for.
    Ending ending = ending_at(options.path);
    tape::Bytes buffer(kBufferBytes);
    const std::size_t n = in(buffer);
    if (n == 0 && options.output.empty()) {
      const tape::ByteCount size = tape::open_file_source(options.path)->size();
      return AppendSummary{ending.logical_size, 0, size, size, false};
    }
    // It took as long as it took: look again.
    ending = ending_at(options.path);
    return Appending(options, ending).run(in, std::move(buffer), n, progress);
  });
}

}  // namespace agent
