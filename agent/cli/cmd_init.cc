// ragtape init: three questions, and a configuration that works.

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/config.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "cli/where.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? "" : value;
}

// In quotes, as TOML has a basic string.
std::string toml_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// The name of a set: the last component of its source, of letters that a set may have.
std::string set_of(const std::string& source) {
  std::string out;
  for (const char c : source.substr(source.rfind('/') + 1)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    const bool capital = c >= 'A' && c <= 'Z';
    out += plain ? c : capital ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  while (out.starts_with('-'))
    out.erase(0, 1);
  constexpr std::size_t kMost = 40;
  return out.empty() ? "backup" : out.substr(0, kMost);
}

struct InitCommand {
  std::string source;
  std::string to;
  std::string schedule;

  int run(const GlobalOptions& global) {
    const Output out(global, false);
    const std::string path = config_path(global);
    if (tape::identity_of(path))
      throw tape::Error(tape::ErrorKind::usage, tape::shown(path) + ": is there already",
                        "`ragtape config show` says what it is; --config names another");
    ask("What shall be backed up?", environment("HOME"), source, "--source");
    ask("Where to? A directory on another disk, or s3://BUCKET/PREFIX", "", to, "--to");
    ask("When?", "daily 03:00", schedule, "--schedule");
    source = tape::resolved(source);
    check_store();
    write(path);
    const auto failure = tape::failure_of([&] { load_config(path); });
    if (failure) {
      tape::remove_if_there(path);
      throw tape::Error(*failure);
    }
    if (out.json()) out.line("summary", {{"config", json_text(path)}, {"set", set_of(source)}});
    const std::string config = global.config.empty() ? "" : " --config " + quoted(path);
    out.text(fmt::format(
        "{}: written\nto check it    ragtape{} config show\nto begin now   ragtape{} agent "
        "run {}\nfrom now on    ragtape{} agent\n",
        tape::shown(path), config, config, set_of(source), config));
    return kDone;
  }

  // From the words, else from standard input.
  static void ask(const std::string& question,
                  const std::string& otherwise,
                  std::string& answer,
                  const char* option) {
    if (!answer.empty()) return;
    const std::string hint = otherwise.empty() ? "" : " [" + tape::shown(otherwise) + "]";
    std::fprintf(stderr, "%s%s ", question.c_str(), hint.c_str());
    if (!std::getline(std::cin, answer) && answer.empty())
      throw tape::Error(tape::ErrorKind::usage, "no answer on standard input",
                        std::string("or as an option: ") + option);
    if (answer.empty()) answer = otherwise;
    if (answer.empty()) throw tape::Error(tape::ErrorKind::usage, question + " nothing was said");
  }

  void check_store() {
    const std::string folder = store_directory(to);
    if (folder.empty()) return;
    // The agent may be started anywhere.
    if (!to.starts_with('/') && !to.starts_with("file://"))
      to = tape::resolved(tape::folder_of(to)) + "/" + to.substr(to.rfind('/') + 1);
    if (!tape::is_directory(tape::folder_of(store_directory(to))))
      throw tape::Error(tape::ErrorKind::not_found, tape::shown(to) + ": its folder is not there");
  }

  void write(const std::string& path) const {
    std::string text =
        "# `ragtape config check` after each change; the agent reads it anew on SIGHUP.\n";
    text += "[stores.main]\nurl = " + toml_text(to) + "\n";
    if (to.starts_with("s3://")) {
      std::string endpoint = environment("AWS_ENDPOINT_URL_S3");
      if (endpoint.empty()) endpoint = environment("AWS_ENDPOINT_URL");
      if (!endpoint.empty()) text += "endpoint = " + toml_text(endpoint) + "\n";
      const bool has_key = !environment("AWS_ACCESS_KEY_ID").empty();
      text += has_key
                  ? "access-key-id = { env = \"AWS_ACCESS_KEY_ID\" }\nsecret-access-key = { env = "
                    "\"AWS_SECRET_ACCESS_KEY\" }   # or { file = \"/path\" }\n"
                  : "# Keys come from where AWS's own tools take them, or: access-key-id, "
                    "secret-access-key = { file = \"/path\" }\n";
    }
    text += "\n[sets." + set_of(source) + "]\nsource = " + toml_text(source) +
            "\nschedule = " + toml_text(schedule) +
            "\n# exclude = [\".cache\", \"*.tmp\"]\nkeep-daily = 7\nkeep-weekly = 5\nkeep-monthly "
            "= 12\n";
    tape::create_folders(tape::folder_of(path));
    constexpr std::uint32_t kMode = 0600;
    const auto sink = tape::create_file_sink(path, kMode);
    sink->write(tape::as_bytes(text));
    sink->finish();
  }
};

}  // namespace

void add_init(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "init", "Write a configuration that works, by three answers");
  const auto command = std::make_shared<InitCommand>();
  verb.option("--source", command->source, "What shall be backed up");
  verb.option("--to", command->to, "Where to: a directory, or s3://BUCKET/PREFIX");
  verb.option("--schedule", command->schedule, "When, such as \"daily 03:00\"");
  verb.footer(help_end("ragtape init --source ~/Documents --to s3://backups/laptop",
                       "0 written; 1 failed; 2 usage, or there is a configuration already; 10 no "
                       "such source"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
