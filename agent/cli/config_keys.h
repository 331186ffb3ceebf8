// The keys of a configuration, each once: name, kind, where it may stand, what it is for.
//
// Spec:    docs/operations.md "Configuration"; schemas/config.schema.json.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agent {

enum class ValueKind {
  text,
  list,   // of texts; one by itself is a list of one
  flag,   // true or false
  count,  // from 0 on
  keep,   // a count, or "all"
  size,   // "1GiB"
  time,   // "6h"
  schedule,
  zone,
  choice,         // one of `choices`
  secret,         // { env | file | command | credential = TEXT }
  public_secret,  // the same, or a text: no secret by itself
};

enum class ConfigTable { agent, store, set };

struct ConfigKey {
  ConfigTable table;
  const char* name;
  ValueKind kind;
  const char* help;
  const char* choices = "";  // divided by `|`
  bool is_option = false;    // of `ragtape backup`, by the same name
};

const std::vector<ConfigKey>& config_keys();
const ConfigKey* find_config_key(ConfigTable table, std::string_view name);
// The nearest name of a table, for who mistyped one. Empty: none is near.
std::string nearest_config_key(ConfigTable table, const std::string& typed);

// schemas/config.schema.json.
std::string config_schema();

}  // namespace agent
