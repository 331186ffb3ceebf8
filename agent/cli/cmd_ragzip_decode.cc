// ragtape ragzip decode [FILE]

#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "cli/options.h"
#include "cli/ragzip_verbs.h"
#include "ragzip/decode.h"
#include "tape/error.h"
#include "tape/files.h"
#include "tape/ragzip_decode.h"

namespace agent {
namespace {

struct Suffix {
  std::string_view from;
  std::string_view to;
};
constexpr Suffix kSuffixes[] = {{".gz", ""}, {".rgz", ""}, {".tgz", ".tar"}, {".taz", ".tar"}};

// FILE without its suffix; none when it has none of these.
std::optional<std::string> decoded_name(const std::string& path) {
  for (const Suffix& suffix : kSuffixes) {
    const std::size_t stem = path.size() - std::min(path.size(), suffix.from.size());
    const bool named = stem > 0 && path[stem - 1] != '/';
    if (path.ends_with(suffix.from) && named) return path.substr(0, stem) + std::string(suffix.to);
  }
  return {};
}

struct DecodeCommand {
  std::string input = "-";
  OutputWords output;
  bool lenient = false;

  // Empty: it cannot be guessed.
  std::string target() const {
    if (!output.path.empty()) return output.path;
    return is_standard_stream(input) ? "-" : decoded_name(input).value_or("");
  }

  int run(const GlobalOptions& global, bool content) const {
    const Output out(global, content);
    if (!is_standard_stream(input)) expect_no_directory(input);
    const std::string to = target();
    if (to.empty())
      throw tape::Error(tape::ErrorKind::usage,
                        tape::shown(input) + ": it ends in none of .gz, .rgz, .tgz, .taz",
                        "say with -o where the content goes");
    ByteInput in = open_input(input);
    const auto sink = open_output(to, output.force, input, 1);
    if (lenient && in.source) tell_broken_rule(*in.source, out);
    DecodeOptions options;
    options.lenient = lenient;
    options.workers = static_cast<unsigned>(jobs_of(global));
    DecodeSummary summary;
    {
      Progress progress(out);
      summary = tape::within(in.name, [&] {
        return decode({in.source.get(), in.read}, *sink, options,
                      shown_progress(progress, in.size, in.name));
      });
    }
    report(summary, to, out);
    return kDone;
  }

  // What a strict reader would refuse its metadata for.
  static void tell_broken_rule(const tape::RangeSource& source, const Output& out) {
    if (!tape::has_ragzip_footer(source)) return;
    const auto broken = tape::failure_of([&] {
      const tape::RagzipReader reader(source, {tape::IndexMode::loaded, 1});
    });
    if (broken)
      out.warning(source.name() + ": " + broken->what() +
                  "; read by its gzip members alone (--lenient)");
  }

  void report(const DecodeSummary& summary, const std::string& to, const Output& out) const {
    if (out.json())
      out.line("summary", {{"input", json_text(input)},
                           {"output", json_text(to)},
                           {"bytes_read", summary.bytes_read},
                           {"bytes_written", summary.bytes_written},
                           {"ragzip", summary.ragzip}});
    if (to != "-")
      out.text(fmt::format("{}: {} bytes from {}\n", tape::shown(to),
                           shown_count(summary.bytes_written), shown_count(summary.bytes_read)));
  }
};

}  // namespace

void add_ragzip_decode(const Verb& ragzip,
                       const GlobalOptions& global,
                       std::optional<Command>& chosen) {
  const Verb verb(ragzip, "decode", "The content of a ragzip or any gzip file; the input is kept");
  const auto command = std::make_shared<DecodeCommand>();
  verb.option("FILE", command->input, "What to decode (default: standard input)");
  command->output.add(verb, "FILE without .gz or .rgz, of standard input stdout");
  verb.flag("--lenient", command->lenient,
            "Go by the gzip members alone, whatever indexes and footer say");
  verb.footer(help_end("ragtape ragzip decode access.log.gz",
                       "0 done; 1 failed or damaged, no file made; 2 usage; 5 the file changed "
                       "meanwhile; 10 no such file; 12 denied"));
  verb.callback([&global, &chosen, command] {
    command->output.settle();
    const bool content = command->target() == "-";
    chosen =
        Command{[&global, command, content] { return command->run(global, content); }, content};
  });
}

}  // namespace agent
