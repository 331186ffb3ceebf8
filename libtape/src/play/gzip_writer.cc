#include "tape/gzip_writer.h"

#include "codec/deflate.h"
#include "codec/deflate_stream.h"
#include "format/gzip_format.h"
#include "tape/ragzip_writer.h"

namespace tape {

GzipWriter::GzipWriter(ByteSink& sink, int level) : sink_(sink) {
  check_level(Engine::zlib, level);
  stream_ = make_deflate_stream(sink, level);
  sink_.write(kPageHeader);
}

GzipWriter::~GzipWriter() = default;

void GzipWriter::write(ByteView bytes) {
  stream_->write(bytes);
  crc32_ = crc32(crc32_, bytes);
  size_ += bytes.size();
}

void GzipWriter::finish() {
  stream_->finish();
  Bytes trailer;
  append_trailer(trailer, crc32_, size_);
  sink_.write(trailer);
}

}  // namespace tape
