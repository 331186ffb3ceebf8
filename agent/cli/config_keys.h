// The keys of a configuration, each once: name, kind, where it may stand, what it is for.
//
// Spec:    docs/operations.md "Configuration"; schemas/config.schema.json.
#pragma once
#include <span>
#include <string>
#include <string_view>

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
  constexpr ConfigKey(ConfigTable of,
                      const char* key,
                      ValueKind value,
                      const char* text,
                      const char* words = "",
                      bool option = false)
      : name(key), help(text), choices(words), table(of), kind(value), is_option(option) {}

  const char* name;
  const char* help;
  const char* choices;  // divided by `|`
  ConfigTable table;
  ValueKind kind;
  bool is_option;  // of `ragtape backup`, by the same name
};

std::span<const ConfigKey> config_keys();
const ConfigKey* find_config_key(ConfigTable table, std::string_view name);
// The nearest name of a table, for who mistyped one. Empty: none is near.
std::string nearest_config_key(ConfigTable table, const std::string& typed);

// schemas/config.schema.json.
std::string config_schema();

}  // namespace agent
