#include "cli/config_keys.h"

#include <algorithm>

#include "cli/output.h"

namespace agent {
namespace {

using Kind = ValueKind;
constexpr ConfigTable kAgent = ConfigTable::agent;
constexpr ConfigTable kStore = ConfigTable::store;
constexpr ConfigTable kSet = ConfigTable::set;

constexpr ConfigKey kKeys[] = {
    {kAgent, "metrics-file", Kind::text,
     "Where figures for Prometheus go: a .prom file in the folder of node_exporter's textfile "
     "collector"},
    {kAgent, "listen", Kind::text,
     "ADDRESS:PORT that answers GET /metrics and /status; nobody is asked who he is (none)"},
    {kAgent, "log-format", Kind::choice, "Of lines on stderr; with --json always json (text)",
     "text|json"},
    {kAgent, "parallel", Kind::count, "Runs at a time, of different sets (2)"},

    {kStore, "url", Kind::text, "A directory, or s3://BUCKET/PREFIX"},
    {kStore, "endpoint", Kind::text, "Of S3: https://HOST", "", true},
    {kStore, "region", Kind::text, "Of S3", "", true},
    {kStore, "aws-profile", Kind::text, "A profile of ~/.aws", "", true},
    {kStore, "path-style", Kind::choice, "Of S3", "auto|on|off", true},
    {kStore, "ca-bundle", Kind::text, "Certificates to trust", "", true},
    {kStore, "sse", Kind::text, "Encryption by the server", "", true},
    {kStore, "request-payer", Kind::choice, "Of S3", "requester", true},
    {kStore, "storage-class", Kind::text, "Of volumes", "", true},
    {kStore, "acl", Kind::text, "Canned", "", true},
    {kStore, "object-lock", Kind::text, "MODE:TIME", "", true},
    {kStore, "tag", Kind::list, "KEY=VALUE of every object", "", true},
    {kStore, "limit-upload", Kind::size, "Bytes a second", "", true},
    {kStore, "limit-download", Kind::size, "Bytes a second", "", true},
    {kStore, "idle-timeout", Kind::time, "A connection that stands still is ended", "", true},
    {kStore, "retry-for", Kind::time, "How long a request is tried again", "", true},
    {kStore, "access-key-id", Kind::public_secret, "Of S3: AWS_ACCESS_KEY_ID"},
    {kStore, "secret-access-key", Kind::secret, "Of S3: AWS_SECRET_ACCESS_KEY"},
    {kStore, "session-token", Kind::secret, "Of S3: AWS_SESSION_TOKEN"},

    {kSet, "source", Kind::text, "The tree: a directory or a file"},
    {kSet, "stores", Kind::list, "Names of stores; each gets a backup (default: the only one)"},
    {kSet, "inherits", Kind::text, "The name of a template"},
    {kSet, "schedule", Kind::schedule,
     "When: \"daily 03:00\", \"Mon..Fri 12,18:30\", \"every 6h\", a line of cron"},
    {kSet, "timezone", Kind::zone, "Of the schedule (the machine's)"},
    {kSet, "jitter", Kind::time, "Up to that much later, each time another"},
    {kSet, "catch-up", Kind::flag, "A run that was missed is made up for (true)"},
    {kSet, "retries", Kind::count, "How often a run that failed in passing is tried again (3)"},
    {kSet, "retry-wait", Kind::time,
     "In front of the first of these; then twice as long each time (5m)"},
    {kSet, "skip-on-battery", Kind::flag, "Put off while the machine runs on battery (false)"},
    {kSet, "skip-on-metered", Kind::flag,
     "Put off while NetworkManager calls the network metered (false)"},
    {kSet, "condition", Kind::list, "Commands; put off while one fails"},
    {kSet, "pre", Kind::list, "Commands in front of a run; one that fails ends it"},
    {kSet, "post", Kind::list, "Commands behind a run that ended well"},
    {kSet, "error", Kind::list, "Commands behind one that did not"},
    {kSet, "hook-timeout", Kind::time, "Of each command (10m)"},
    {kSet, "ping", Kind::text, "A URL that hears of begin (/start), end and failure (/fail)"},
    {kSet, "nice", Kind::count, "Priority of a run, 0 to 19"},
    {kSet, "ionice", Kind::choice, "Of a run", "none|idle"},
    {kSet, "keep-last", Kind::keep, "As of forget"},
    {kSet, "keep-hourly", Kind::keep, "As of forget"},
    {kSet, "keep-daily", Kind::keep, "As of forget"},
    {kSet, "keep-weekly", Kind::keep, "As of forget"},
    {kSet, "keep-monthly", Kind::keep, "As of forget"},
    {kSet, "keep-yearly", Kind::keep, "As of forget"},
    {kSet, "keep-within", Kind::time, "As of forget"},
    {kSet, "metadata", Kind::choice, "As of backup", "full|portable", true},
    {kSet, "prefix", Kind::text, "As of backup", "", true},
    {kSet, "exclude", Kind::list, "As of backup", "", true},
    {kSet, "iexclude", Kind::list, "As of backup", "", true},
    {kSet, "exclude-file", Kind::list, "As of backup", "", true},
    {kSet, "ignore-file", Kind::list, "As of backup", "", true},
    {kSet, "exclude-caches", Kind::flag, "As of backup", "", true},
    {kSet, "exclude-if-present", Kind::list, "As of backup", "", true},
    {kSet, "exclude-larger-than", Kind::size, "As of backup", "", true},
    {kSet, "one-file-system", Kind::flag, "As of backup", "", true},
    {kSet, "volume-size", Kind::size, "As of backup", "", true},
    {kSet, "part-size", Kind::text, "As of backup", "", true},
    {kSet, "parts-in-flight", Kind::count, "As of backup", "", true},
    {kSet, "level", Kind::count, "As of backup", "", true},
    {kSet, "engine", Kind::choice, "As of backup", "libdeflate|zlib|isal", true},
    {kSet, "page-size", Kind::size, "As of backup", "", true},
    {kSet, "index-exponent", Kind::count, "As of backup", "", true},
    {kSet, "compat", Kind::choice, "As of backup", "on|off", true},
    {kSet, "on-change", Kind::choice, "As of backup", "stop|mark", true},
    {kSet, "strict", Kind::flag, "As of backup", "", true},
    {kSet, "listing", Kind::flag, "As of backup", "", true},
};

std::vector<std::string> choices_of(const ConfigKey& key) {
  std::vector<std::string> out;
  const std::string all = key.choices;
  for (std::size_t begin = 0; begin <= all.size() && !all.empty();) {
    const std::size_t end = std::min(all.find('|', begin), all.size());
    out.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

Json secret_schema() {
  Json one = Json::array();
  for (const char* from : {"env", "file", "command", "credential"})
    one.push_back({{"type", "object"},
                   {"properties", {{from, {{"type", "string"}}}}},
                   {"required", {from}},
                   {"additionalProperties", false}});
  return {{"oneOf", one}};
}

Json schema_of(const ConfigKey& key) {
  const Json text = {{"type", "string"}};
  const Json list = {{"type", "array"}, {"items", text}};
  Json out;
  switch (key.kind) {
    case Kind::list:
      out = {{"anyOf", {text, list}}};
      break;
    case Kind::flag:
      out = {{"type", "boolean"}};
      break;
    case Kind::count:
      out = {{"type", "integer"}, {"minimum", 0}};
      break;
    case Kind::keep:
      out = {{"anyOf", {{{"type", "integer"}, {"minimum", 0}}, {{"const", "all"}}}}};
      break;
    case Kind::choice:
      out = {{"enum", choices_of(key)}};
      break;
    case Kind::secret:
      out = secret_schema();
      break;
    case Kind::public_secret:
      out = secret_schema();
      out["oneOf"].push_back(text);
      break;
    default:
      out = text;
  }
  out["description"] = key.help;
  return out;
}

Json table_schema(ConfigTable table, const Json& more = Json::object()) {
  Json properties = more;
  for (const ConfigKey& key : config_keys()) {
    if (key.table == table) properties[key.name] = schema_of(key);
  }
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  return kKeys;
}

const ConfigKey* find_config_key(ConfigTable table, std::string_view name) {
  const auto keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& key) {
    return key.table == table && name == key.name;
  });
  return found == keys.end() ? nullptr : &*found;
}

std::string nearest_config_key(ConfigTable table, const std::string& typed) {
  std::string nearest;
  std::size_t least = 4;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t steps = key.table == table ? distance(typed, key.name) : least;
    if (steps >= least) continue;
    least = steps;
    nearest = key.name;
  }
  return nearest;
}

std::string config_schema() {
  const Json set = table_schema(ConfigTable::set);
  const auto named = [](const Json& schema) {
    return Json{{"type", "object"}, {"additionalProperties", schema}};
  };
  Json store = table_schema(ConfigTable::store);
  store["required"] = {"url"};
  const Json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                    {"title", "Configuration of ragtape"},
                    {"type", "object"},
                    {"properties",
                     {{"agent", table_schema(ConfigTable::agent)},
                      {"stores", named(store)},
                      {"defaults", set},
                      {"templates", named(set)},
                      {"sets", named(set)}}},
                    {"additionalProperties", false}};
  return out.dump(2) + "\n";
}

}  // namespace agent
