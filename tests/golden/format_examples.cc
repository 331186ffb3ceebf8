// The ragzip writer, assembler and decoder as filters, for tests/golden/format_examples_test.py.
//
//   format_examples write ENGINE PAGE_BITS INDEX_BITS [ID=TEXT]...   content -> file, level 6
//   format_examples assemble PAGE_BITS INDEX_BITS [ID=TEXT]...       pages -> file
//   format_examples decode                                           file -> content, strict
//
// Pages to assemble: of each u32 logical length, u32 size (big endian), its gzip members. 0 when
// done, 1 with the error on stderr.
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "base/endian.h"
#include "support/memory_io.h"
#include "tape/error.h"
#include "tape/ragzip_decode.h"
#include "tape/ragzip_writer.h"

namespace {

using tape::Bytes;
using Words = std::vector<std::string>;

Bytes read_all() {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  return {text.begin(), text.end()};
}

void write_all(const Bytes& bytes) {
  std::cout << tape::as_text(bytes) << std::flush;
}

tape::RagzipShape shape_of(const Words& words, std::size_t at) {
  return {std::stoi(words.at(at)), std::stoi(words.at(at + 1)), false};
}

// From `words[at]` on.
template <class Writer>
void add_extensions(Writer& writer, const Words& words, std::size_t at) {
  for (; at < words.size(); ++at) {
    const std::size_t split = words[at].find('=');
    writer.add_extension(static_cast<std::uint32_t>(std::stoul(words[at].substr(0, split))),
                         tape::as_bytes(std::string_view(words[at]).substr(split + 1)));
  }
}

void write(const Words& words) {
  tape::RagzipOptions options;
  static_cast<tape::RagzipShape&>(options) = shape_of(words, 1);
  options.engine = words.at(0) == "zlib" ? tape::Engine::zlib : tape::Engine::libdeflate;
  options.level = 6;
  tape::MemorySink sink;
  tape::RagzipWriter writer(sink, options, nullptr);
  add_extensions(writer, words, 3);
  writer.write(read_all());
  writer.finish_pages();
  writer.finish();
  write_all(sink.bytes);
}

void assemble(const Words& words) {
  tape::MemorySink sink;
  tape::RagzipAssembler assembler(sink, shape_of(words, 0));
  add_extensions(assembler, words, 2);
  const Bytes in = read_all();
  for (tape::ByteView rest = in; !rest.empty();) {
    const std::uint32_t length = tape::load_be32(rest.data());
    const std::uint32_t size = tape::load_be32(&rest[4]);
    assembler.add_page(rest.subspan(8, size), length);
    rest = rest.subspan(8 + std::size_t{size});
  }
  assembler.finish_pages();
  assembler.finish();
  write_all(sink.bytes);
}

void decode() {
  const Bytes file = read_all();
  const tape::MemorySource source(file);
  tape::MemorySink sink;
  tape::decode_ragzip(source, sink, {});
  write_all(sink.bytes);
}

void run(const std::string& verb, const Words& words) {
  if (verb == "write") return write(words);
  if (verb == "assemble") return assemble(words);
  if (verb == "decode") return decode();
  throw tape::Error(tape::ErrorKind::usage, "no verb " + verb);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto failure = tape::failure_of([&] { run(argv[1], Words(argv + 2, argv + argc)); });
  if (failure) std::cerr << failure->what() << "\n";
  return failure ? 1 : 0;
}
