// A configuration: a TOML file with stores, sets, templates and defaults, as jobs.
//
// Spec:    docs/operations.md "Configuration".
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "schedule/job.h"
#include "tape/error.h"

namespace agent {

// A value with the place that it was written at.
struct ConfigValue {
  std::vector<std::string> texts;  // of all but lists and secrets one
  std::string where;               // `FILE:LINE`, and the table
};

// By key. What a set does not say its templates do, the last first, and then the defaults.
using ConfigValues = std::map<std::string, ConfigValue>;

struct Config {
  std::string path;
  std::string metrics_file;
  std::string listen;
  bool json_log = false;
  unsigned parallel = 2;
  std::map<std::string, ConfigValues> stores;
  std::map<std::string, ConfigValues> sets;
  std::vector<Job> jobs;  // in the order of their names
};

// --config, RAGTAPE_CONFIG, $XDG_CONFIG_HOME/ragtape/config.toml, as root /etc/ragtape/config.toml,
// else ~/.config/ragtape/config.toml. Fails: Error{usage} when nobody says where.
std::string config_path(const GlobalOptions& global);

// Every mistake there is, each with its file and line; `config` has what is right.
struct ReadConfig {
  Config config;
  std::vector<tape::Error> mistakes;
};
// `with`: KEY=VALUE, which counts for every set, whatever the file says; VALUE as TOML has it, or a
// text without quotes. Fails: not_found, denied, io.
ReadConfig read_config(const std::string& path, const std::vector<std::string>& with = {});

// Fails: Error{usage} at the first mistake.
Config load_config(const std::string& path, const std::vector<std::string>& with = {});

}  // namespace agent
