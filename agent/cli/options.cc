#include "cli/options.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <map>
#include <thread>

#include "tape/error.h"

namespace agent {

using tape::Error;
using tape::ErrorKind;

tape::ByteCount parse_size(const std::string& option, const std::string& text) {
  static const std::map<std::string, tape::ByteCount> kUnits = {
      {"", 1},
      {"B", 1},
      {"K", 1U << 10},
      {"KiB", 1U << 10},
      {"KB", 1000},
      {"M", 1U << 20},
      {"MiB", 1U << 20},
      {"MB", 1000'000},
      {"G", 1U << 30},
      {"GiB", 1U << 30},
      {"GB", 1000'000'000},
      {"T", 1ULL << 40},
      {"TiB", 1ULL << 40},
      {"TB", 1000'000'000'000},
  };
  tape::ByteCount number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto found = kUnits.find(unit);
  tape::ByteCount size = 0;
  if (error != std::errc() || found == kUnits.end() ||
      __builtin_mul_overflow(number, found->second, &size)) {
    throw Error(ErrorKind::usage, option + " " + tape::shown(text) +
                                      ": a size such as 262144, 256KiB or 1G expected");
  }
  return size;
}

void SourceWords::add(const Verb& verb, const std::string& default_metadata) {
  metadata = default_metadata;
  verb.option("DIR", path, "The tree: a directory or a single file").required();
  verb.option("--metadata", metadata,
              "full: owners, all mode bits, xattrs, ACLs, devices, nanoseconds; portable: same "
              "dataset, same bytes, on any host")
      .one_of({"full", "portable"})
      .show_default();
  prefix_option =
      verb.option("--prefix", prefix, "What member names begin with (default: the name of DIR)");
}

SourceOptions SourceWords::parsed() const {
  SourceOptions out;
  out.path = path;
  out.metadata = metadata == "full" ? tape::Metadata::full : tape::Metadata::portable;
  if (prefix_option->was_typed()) out.prefix = prefix;
  out.source_date_epoch = source_date_epoch();
  return out;
}

void RagzipWords::add(const Verb& verb) {
  verb.option("--level", level, "1..12 (zlib: 1..9)").show_default();
  verb.option("--engine", engine, "What deflates").one_of({"libdeflate", "zlib"}).show_default();
  verb.option("--page-size", page_size,
              "Tape bytes in one gzip member: a power of two, 512 to 1GiB")
      .show_default();
  verb.option("--index-exponent", index_exponent,
              "2^N pages in one index: 1..10, to 12 with --compat off")
      .show_default();
  verb.option("--compat", compat, "on: BusyBox gunzip can read it")
      .one_of({"on", "off"})
      .show_default();
}

tape::RagzipOptions RagzipWords::parsed() const {
  const tape::ByteCount size = parse_size("--page-size", page_size);
  if (!std::has_single_bit(size))
    throw Error(ErrorKind::usage,
                "--page-size " + tape::shown(page_size) + ": a power of two expected");
  tape::RagzipOptions out;
  out.engine = engine == "zlib" ? tape::Engine::zlib : tape::Engine::libdeflate;
  out.level = level;
  out.page_bits = std::countr_zero(size);
  out.index_bits = index_exponent;
  out.compat = compat == "on";
  return out;
}

void ChangeWords::add(const Verb& verb, const std::string& default_word) {
  on_change = default_word;
  verb.option("--on-change", on_change,
              "stop: end with exit 6 at the first source that is not what was scanned; mark: go "
              "on, and say so in the archive")
      .one_of({"stop", "mark"})
      .show_default();
  verb.flag("--strict", strict, "Every warning makes the exit code 3");
}

tape::OnChange ChangeWords::parsed() const {
  return on_change == "mark" ? tape::OnChange::mark : tape::OnChange::stop;
}

int jobs_of(const GlobalOptions& global) {
  if (global.jobs > 0) return global.jobs;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::string help_end(const std::string& example, const std::string& exit_codes) {
  return "Example:\n  " + example + "\n\nExit codes: " + exit_codes;
}

}  // namespace agent
