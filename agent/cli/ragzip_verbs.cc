#include "cli/ragzip_verbs.h"

#include <charconv>

#include <unistd.h>

#include "cli/signals.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {

using tape::Error;
using tape::ErrorKind;

ByteInput open_input(const std::string& path) {
  ByteInput in;
  if (is_standard_stream(path)) {
    in.name = "standard input";
    in.read = tape::descriptor_reader(STDIN_FILENO, in.name, check_stop);
    return in;
  }
  expect_no_directory(path);
  if (!tape::is_regular_file(path)) {
    in.name = tape::shown(path);
    in.read = tape::file_reader(path, check_stop);
    return in;
  }
  in.source = tape::open_file_source(path);
  in.name = in.source->name();
  in.size = in.source->size();
  in.read = [&source = *in.source, at = tape::GzOffset(0)](tape::MutableBytes out) mutable {
    const std::size_t n = std::min<tape::ByteCount>(out.size(), source.size() - at.value());
    source.read_at(at, out.first(n));
    at = at + n;
    return n;
  };
  return in;
}

void expect_no_directory(const std::string& path) {
  if (tape::is_directory(path))
    throw Error(ErrorKind::usage, tape::shown(path) + ": a directory",
                "`ragtape pack` makes an archive of one");
}

void OutputWords::add(const Verb& verb, const std::string& default_path) {
  verb.option("-o,--output", path, "Where it goes (default: " + default_path + "; -: stdout)");
  verb.flag("-f,--force", force, "Replace what has that name, once the new file is whole");
}

void OutputWords::settle() {
  if (!path.empty() && tape::is_standard_output(path)) path = "-";
}

bool is_standard_stream(const std::string& path) {
  return path == "-";
}

std::unique_ptr<tape::ByteSink> open_output(const std::string& path,
                                            bool force,
                                            const std::string& input,
                                            int threads) {
  if (is_standard_stream(path)) return tape::descriptor_sink(STDOUT_FILENO, "standard output");
  const auto there = tape::identity_of(path);
  if (there && tape::is_regular_file(path) && there == tape::identity_of(input))
    throw Error(ErrorKind::usage, tape::shown(path) + ": is the input, which is kept",
                "choose another name with -o");
  if (there && tape::is_regular_file(path) && !force)
    throw Error(ErrorKind::usage, tape::shown(path) + ": is there already",
                "choose another name with -o, or replace it with -f");
  if (!tape::is_regular_file(path) && there) return tape::create_file_sink(path);
  // Nobody may read in the output what he may not in the input.
  const std::uint32_t mode = tape::is_regular_file(input) ? tape::permissions_of(input) : 0666;
  if (threads > 1)
    return tape::create_positioned_file_sink(path, force, static_cast<unsigned>(threads), mode);
  return force ? tape::create_replacing_file_sink(path, mode) : tape::create_file_sink(path, mode);
}

BytesProgress shown_progress(Progress& progress, tape::ByteCount total, const std::string& name) {
  return [&progress, total, name](tape::ByteCount done) {
    check_stop();
    progress.working(done, total, name);
  };
}

std::uint32_t parse_extension_id(const std::string& text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* end = text.data() + text.size();
  std::uint32_t id = 0;
  const auto [last, error] = std::from_chars(begin, end, id, hex ? 16 : 10);
  if (error != std::errc() || last != end || begin == end)
    throw Error(ErrorKind::usage, "extension " + tape::shown(text) +
                                      ": a number up to 4294967295 or 0xFFFFFFFF expected");
  return id;
}

}  // namespace agent
