// ragtape ragzip encode [FILE]

#include <memory>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/ragzip_verbs.h"
#include "tape/error.h"
#include "tape/files.h"
#include "tape/member_index.h"

namespace agent {
namespace {

constexpr std::size_t kExtensionBytesMax = 32768;

// ID:FILE, read whole.
NewExtension extension_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos)
    throw tape::Error(tape::ErrorKind::usage,
                      "--extension " + tape::shown(text) + ": ID:FILE expected");
  NewExtension extension;
  extension.id = parse_extension_id(text.substr(0, colon));
  if (extension.id == tape::kTmixId)
    throw tape::Error(tape::ErrorKind::usage, "--extension " + tape::shown(text) +
                                                  ": that id is of the member index of a tape");
  const std::string path = text.substr(colon + 1);
  if (path.empty())
    throw tape::Error(tape::ErrorKind::usage,
                      "--extension " + tape::shown(text) + ": ID:FILE expected");
  ByteInput in = open_input(path);
  // One more than may be: the writer refuses it.
  extension.payload.resize(kExtensionBytesMax + 1);
  extension.payload.resize(in.read(extension.payload));
  return extension;
}

struct EncodeCommand {
  std::string input = "-";
  OutputWords output;
  RagzipWords ragzip;
  std::vector<std::string> extensions;
  bool plain = false;

  std::string target() const {
    if (!output.path.empty()) return output.path;
    return is_standard_stream(input) ? "-" : input + ".gz";
  }

  int run(const GlobalOptions& global, bool content) {
    const Output out(global, content);
    const std::string to = target();
    if (plain) must_be_plain();
    if (content && ::isatty(STDOUT_FILENO) != 0 && !output.force)
      throw tape::Error(tape::ErrorKind::usage, "standard output is a terminal",
                        "name a file with -o, or say -f");
    EncodeOptions options{ragzip.parsed(), {}};
    options.ragzip.workers = jobs_of(global);
    for (const std::string& text : extensions)
      options.extensions.push_back(extension_of(text));
    ByteInput in = open_input(input);
    const auto sink = open_output(to, output.force, input, jobs_of(global));
    EncodeSummary summary;
    {
      Progress progress(out);
      const BytesProgress shown = shown_progress(progress, in.size, in.name);
      summary = plain ? encode_plain(in.read, *sink, options.ragzip.level, shown)
                      : encode(in.read, *sink, options, shown);
    }
    report(summary, options.ragzip, to, out);
    return kDone;
  }

  // What a plain file has no place for is not passed over in silence.
  void must_be_plain() {
    if (!extensions.empty() || ragzip.shape_was_typed())
      throw tape::Error(tape::ErrorKind::usage,
                        "--plain: such a file has no pages, indexes and extensions",
                        "leave out --page-size, --index-exponent, --compat and --extension");
    ragzip.expect_engine("zlib", "--plain");
  }

  void report(const EncodeSummary& summary,
              const tape::RagzipOptions& options,
              const std::string& to,
              const Output& out) const {
    if (out.json()) {
      Json fields = {{"input", json_text(input)},
                     {"output", json_text(to)},
                     {"bytes_read", summary.bytes_read},
                     {"bytes_written", summary.bytes_written},
                     {"engine", tape::engine_name(options.engine)},
                     {"engine_version", tape::engine_version(options.engine)},
                     {"level", options.level}};
      if (!plain) {
        fields["page_size"] = std::uint64_t{1} << options.page_bits;
        fields["index_exponent"] = options.index_bits;
        fields["pages"] = summary.pages;
        fields["levels"] = summary.levels;
      }
      out.line("summary", fields);
    }
    if (to == "-") return;  // stdout is the file
    out.text(fmt::format("{}: {} bytes from {}\n", tape::shown(to),
                         shown_count(summary.bytes_written), shown_count(summary.bytes_read)));
  }
};

}  // namespace

void add_ragzip_encode(const Verb& ragzip,
                       const GlobalOptions& global,
                       std::optional<Command>& chosen) {
  const Verb verb(ragzip, "encode", "Make a ragzip file, or a plain gzip one; the input is kept");
  const auto command = std::make_shared<EncodeCommand>();
  verb.option("FILE", command->input, "What to encode (default: standard input)");
  command->output.add(verb, "FILE.gz, of standard input stdout");
  command->ragzip.add(verb);
  verb.option("--extension", command->extensions,
              "ID:FILE: a custom extension with the content of FILE (again: more, 50 at most)");
  verb.flag("--plain", command->plain, "A gzip file of one member, by zlib, without pages");
  verb.footer(help_end("ragtape ragzip encode access.log -o access.log.gz",
                       "0 made; 1 failed, nothing made; 2 usage; 10 no such file; 12 denied"));
  verb.callback([&global, &chosen, command] {
    command->output.settle();
    const bool content = command->target() == "-";
    chosen =
        Command{[&global, command, content] { return command->run(global, content); }, content};
  });
}

}  // namespace agent
