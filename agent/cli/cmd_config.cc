// ragtape config check|show|schema

#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command.h"
#include "cli/config.h"
#include "cli/config_keys.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/verb.h"

namespace agent {
namespace {

int check(const GlobalOptions& global) {
  const Output out(global, false);
  const std::string path = config_path(global);
  const ReadConfig read = read_config(path);
  for (const tape::Error& mistake : read.mistakes)
    out.error(mistake, kUsage);
  if (!read.mistakes.empty()) return kUsage;
  if (out.json()) {
    Json jobs = Json::array();
    for (const Job& job : read.config.jobs)
      jobs.push_back(job.name());
    out.line("summary", {{"config", json_text(path)}, {"jobs", jobs}});
  }
  out.text(fmt::format("{}: no mistakes; {} stores, {} sets, {} jobs\n", tape::shown(path),
                       read.config.stores.size(), read.config.sets.size(),
                       read.config.jobs.size()));
  return kDone;
}

std::string joined(const ConfigValue& value) {
  std::vector<std::string> texts;
  texts.reserve(value.texts.size());
  for (const std::string& text : value.texts)
    texts.push_back(tape::shown(text));
  return fmt::format("{}", fmt::join(texts, ", "));
}

struct ShowCommand {
  std::string set;
  std::vector<std::string> with;

  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    const Config config = load_config(config_path(global), with);
    if (!set.empty() && !config.sets.contains(set))
      throw tape::Error(tape::ErrorKind::not_found,
                        tape::shown(config.path) + ": no [sets." + tape::shown(set) + "]");
    if (set.empty()) {
      for (const auto& [name, values] : config.stores)
        show("stores." + name, values, out);
    }
    for (const auto& [name, values] : config.sets) {
      if (set.empty() || name == set) show("sets." + name, values, out);
    }
    for (const Job& job : config.jobs) {
      if (!set.empty() && job.set != set) continue;
      if (out.json())
        out.line("job", {{"job", job.name()},
                         {"schedule", job.schedule},
                         {"backup", words(job.backup)},
                         {"forget", words(job.forget)}});
      out.text(fmt::format("{}\n  ragtape backup {}\n", job.name(), line(job.backup)));
      if (!job.forget.empty()) out.text(fmt::format("  ragtape forget {}\n", line(job.forget)));
    }
    return kDone;
  }

  static void show(const std::string& table, const ConfigValues& values, const Output& out) {
    out.text(fmt::format("[{}]\n", table));
    for (const auto& [key, value] : values) {
      if (out.json())
        out.line("value", {{"table", table},
                           {"key", key},
                           {"value", words(value.texts)},
                           {"where", value.where}});
      out.text(fmt::format("  {} = {}   ({})\n", key, joined(value), value.where));
    }
  }

  static Json words(const std::vector<std::string>& texts) {
    Json out = Json::array();
    for (const std::string& text : texts)
      out.push_back(json_text(text));
    return out;
  }

  static std::string line(const std::vector<std::string>& texts) {
    std::vector<std::string> out;
    out.reserve(texts.size());
    for (const std::string& text : texts)
      out.push_back(quoted(text));
    return fmt::format("{}", fmt::join(out, " "));
  }
};

}  // namespace

void add_config(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb config(app, "config", "Check and show the configuration of the agent");
  config.footer(help_end("ragtape config show home", "0 done; 2 usage; 10 no configuration"));
  const Verb checks(config, "check", "Name every mistake, with its line");
  checks.footer(help_end("ragtape config check --config /etc/ragtape/config.toml",
                         "0 no mistakes; 2 usage, or some mistakes; 10 no such file; 12 denied"));
  checks.callback([&global, &chosen] { chosen = Command{[&global] { return check(global); }}; });
  const Verb shows(config, "show", "Say what counts, where each value comes from, and what is run");
  const auto command = std::make_shared<ShowCommand>();
  shows.option("SET", command->set, "Only of this set");
  shows.option("--with", command->with, "KEY=VALUE, as agent run has it; repeatable");
  shows.footer(help_end("ragtape config show home",
                        "0 done; 2 usage, or a mistake; 10 no such file or set"));
  shows.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
  const Verb schema(config, "schema", "The JSON schema of a configuration, for editors");
  schema.footer(
      help_end("ragtape config schema > config.schema.json", "0 done; 1 failed; 2 usage"));
  schema.callback([&chosen] {
    chosen = Command{[] {
      print(config_schema());
      return kDone;
    }};
  });
}

}  // namespace agent
