#include "ragzip/encode.h"

#include "tape/gzip_writer.h"

namespace agent {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{512} * 1024;

class CountedSink final : public tape::ByteSink {
 public:
  explicit CountedSink(tape::ByteSink& sink) : sink_(sink) {}
  void write(tape::ByteView bytes) override {
    sink_.write(bytes);
    size += bytes.size();
  }
  void finish() override { sink_.finish(); }

  tape::ByteCount size = 0;

 private:
  tape::ByteSink& sink_;
};

// Hands over all of `in`; returns its size.
template <class Writer>
tape::ByteCount write_all(const tape::ByteReader& in,
                          Writer& writer,
                          const BytesProgress& progress) {
  tape::Bytes buffer(kBufferBytes);
  tape::ByteCount done = 0;
  for (std::size_t n = buffer.size(); n == buffer.size();) {
    n = in(buffer);
    writer.write(tape::ByteView(buffer).first(n));
    done += n;
    progress(done);
  }
  return done;
}

}  // namespace

EncodeSummary encode(const tape::ByteReader& in,
                     tape::ByteSink& out,
                     const EncodeOptions& options,
                     const BytesProgress& progress) {
  tape::RagzipWriter writer(out, options.ragzip, nullptr);
  for (const NewExtension& extension : options.extensions)
    writer.add_extension(extension.id, extension.payload);
  EncodeSummary summary;
  summary.bytes_read = write_all(in, writer, progress);
  writer.finish_pages();
  writer.finish();
  summary.bytes_written = writer.position().value();
  summary.pages = writer.page_count();
  summary.levels = writer.levels();
  out.finish();
  return summary;
}

EncodeSummary encode_plain(const tape::ByteReader& in,
                           tape::ByteSink& out,
                           int level,
                           const BytesProgress& progress) {
  CountedSink counted(out);
  tape::GzipWriter writer(counted, level);
  EncodeSummary summary;
  summary.bytes_read = write_all(in, writer, progress);
  writer.finish();
  summary.bytes_written = counted.size;
  out.finish();
  return summary;
}

}  // namespace agent
