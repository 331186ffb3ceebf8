#include "cli/options.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include "tape/error.h"
#include "tape/files.h"
#include "tape/scan.h"

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

namespace {

// The patterns of an --exclude-file, which may be a pipe.
std::vector<std::string> lines_of(const std::string& path) {
  constexpr std::size_t kSizeMax = std::size_t{16} << 20;
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) throw tape::errno_error(tape::shown(path), errno);
  std::string text;
  std::string piece(kPiece, '\0');
  while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), file.get())) {
    text.append(piece, 0, n);
    if (text.size() > kSizeMax)
      throw Error(ErrorKind::usage, "--exclude-file " + tape::shown(path) + ": more than " +
                                        std::to_string(kSizeMax) + " bytes");
  }
  if (std::ferror(file.get()) != 0) throw tape::errno_error(tape::shown(path), errno);
  return tape::ignore_lines(text);
}

}  // namespace

std::chrono::seconds parse_duration(const std::string& option, const std::string& text) {
  constexpr std::uint64_t kSecondsMax = 100ULL * 365 * 86'400;
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, count);
  const std::string unit(rest, end);
  const std::uint64_t seconds = unit.empty() || unit == "s" ? 1
                                : unit == "m"               ? 60
                                : unit == "h"               ? 3600
                                : unit == "d"               ? 86'400
                                                            : 0;
  if (failure != std::errc() || seconds == 0 || count > kSecondsMax / seconds)
    throw tape::Error(tape::ErrorKind::usage, option + " " + tape::shown(text) +
                                                  ": a time such as 90s, 15m, 6h or 7d expected");
  return std::chrono::seconds(count * seconds);
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
  add_rules(verb);
}

void SourceWords::add_profile(const Verb& verb) {
  verb.option("--profile", profile,
              "tartape: the tar stream of tartape 2.3.3, byte for byte; only for scan and play")
      .one_of({"ragtape", "tartape"})
      .show_default();
}

// One list in the order typed: the last match wins.
void SourceWords::add_rules(const Verb& verb) {
  const auto rule = [&](const std::string& name, const std::string& help) {
    verb.each("--" + name, help, [this, name](const std::string& value) {
      rules.push_back({name, value});
    });
  };
  const auto switched = [&](const std::string& names, const std::string& name,
                            const std::string& help) {
    verb.each_flag(names, help, [this, name] { rules.push_back({name, ""}); });
  };
  rule("exclude", "Leave out what fits a pattern in gitignore syntax (again: more; !: not)");
  rule("iexclude", "The same without regard to case");
  rule("exclude-file", "Patterns, one a line, in gitignore syntax");
  rule("ignore-file", "Files of this name, such as .gitignore, say what to leave out below them");
  switched("--exclude-caches", "exclude-caches", "Leave out what is beside a CACHEDIR.TAG");
  rule("exclude-if-present", "Leave out what is beside a file or folder of this name, and in it");
  rule("exclude-larger-than", "Leave out files of more than so many bytes");
  switched("-x,--one-file-system", "one-file-system", "Do not enter other file systems");
}

SourceOptions SourceWords::parsed(const GlobalOptions& global) const {
  SourceOptions out;
  out.readers = readers_of(global);
  out.path = path;
  out.metadata = metadata == "full" ? tape::Metadata::full : tape::Metadata::portable;
  out.profile = profile == "tartape" ? tape::Profile::tartape : tape::Profile::ragtape;
  if (prefix_option->was_typed()) out.prefix = prefix;
  out.source_date_epoch = source_date_epoch();
  for (const tape::SourceOption& rule : rules) {
    if (rule.name == "exclude-file") {
      for (std::string& line : lines_of(rule.value))
        out.source_options.push_back({"exclude", std::move(line)});
    } else if (rule.name == "exclude-larger-than") {
      out.source_options.push_back(
          {rule.name, std::to_string(parse_size("--" + rule.name, rule.value))});
    } else {
      out.source_options.push_back(rule);
    }
  }
  return out;
}

void EngineWords::add(const Verb& verb) {
  engine = tape::engine_name(tape::RagzipOptions().engine);
  std::string levels;
  std::vector<std::string> engines;
  for (const tape::Engine known : tape::kEngines) {
    const tape::LevelRange range = tape::levels_of(known);
    engines.emplace_back(tape::engine_name(known));
    levels += (levels.empty() ? "" : ", ") + engines.back() + " " + std::to_string(range.first) +
              ".." + std::to_string(range.last) + " (" + std::to_string(range.usual) + ")";
  }
  level_option_ = verb.option("--level", level, "How hard it tries: " + levels);
  engine_option_ = verb.option("--engine", engine,
                               "What deflates; isal where ISA-L was there when this was built")
                       .one_of(engines)
                       .show_default();
}

void EngineWords::expect_engine(const std::string& name, const std::string& who) {
  if (engine_option_->was_typed() && engine != name)
    throw Error(ErrorKind::usage, who + ": the engine is " + name + ", not " + engine);
  engine = name;
}

tape::RagzipOptions EngineWords::parsed() const {
  tape::RagzipOptions out;
  out.engine = tape::engine_named(engine).value();
  out.level = level_option_->was_typed() ? level : tape::levels_of(out.engine).usual;
  return out;
}

void RagzipWords::add(const Verb& verb) {
  EngineWords::add(verb);
  shape_options_ = {
      verb.option("--page-size", page_size,
                  "Bytes of content in one gzip member: a power of two, 512 to 1GiB")
          .show_default(),
      verb.option("--index-exponent", index_exponent,
                  "2^N pages in one index: 1..10, to 12 with --compat off")
          .show_default(),
      verb.option("--compat", compat, "on: BusyBox gunzip can read it")
          .one_of({"on", "off"})
          .show_default(),
  };
}

bool RagzipWords::shape_was_typed() const {
  return std::any_of(shape_options_.begin(), shape_options_.end(),
                     [](const Option& option) { return option.was_typed(); });
}

tape::RagzipOptions RagzipWords::parsed() const {
  const tape::ByteCount size = parse_size("--page-size", page_size);
  if (!std::has_single_bit(size))
    throw Error(ErrorKind::usage,
                "--page-size " + tape::shown(page_size) + ": a power of two expected");
  tape::RagzipOptions out = EngineWords::parsed();
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

unsigned readers_of(const GlobalOptions& global) {
  const int jobs = jobs_of(global);
  return jobs == 1 ? 0 : std::min(32U, 2 * static_cast<unsigned>(jobs));
}

unsigned page_workers_of(const GlobalOptions& global, bool is_remote) {
  constexpr unsigned kRemote = 8;
  const int jobs = jobs_of(global);
  if (jobs == 1) return 0;
  return is_remote ? std::max(kRemote, static_cast<unsigned>(jobs)) : static_cast<unsigned>(jobs);
}

std::string help_end(const std::string& example, const std::string& exit_codes) {
  return "Example:\n  " + example + "\n\nExit codes: " + exit_codes;
}

}  // namespace agent
