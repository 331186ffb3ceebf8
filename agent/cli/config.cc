#include "cli/config.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "cli/config_keys.h"
#include "cli/keep_words.h"
#include "cli/options.h"
#include "schedule/http_listener.h"
#include "store/snapshots.h"
#include "tape/files.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;

constexpr tape::ByteCount kConfigBytesMax = tape::ByteCount{1} << 20;
constexpr std::size_t kTemplatesMax = 16;  // one inheriting from the other

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? "" : value;
}

const char* word_of(toml::node_type type) {
  switch (type) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

const char* expected_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::list:
      return "a list of texts, or one";
    case ValueKind::flag:
      return "true or false";
    case ValueKind::count:
      return "a whole number from 0 on";
    case ValueKind::keep:
      return "a whole number from 0 on, or \"all\"";
    case ValueKind::secret:
      return "{ env = ... }, { file = ... }, { command = ... } or { credential = ... }: secrets do "
             "not "
             "stand here";
    case ValueKind::public_secret:
      return "a text, { env = ... }, { file = ... }, { command = ... } or { credential = ... }";
    default:
      return "a text in quotes";
  }
}

// Collects mistakes: a value that is wrong is not there.
class Reader {
 public:
  explicit Reader(std::string path) { out_.config.path = std::move(path); }

  ReadConfig run(const toml::table& root, const std::vector<std::string>& with) {
    for (const std::string& typed : with)
      take_override(typed);
    for (const auto& [key, node] : root) {
      if (key != "agent" && key != "stores" && key != "defaults" && key != "templates" &&
          key != "sets")
        mistake(node, "[" + std::string(key.str()) + "]: no such table",
                "[agent], [stores.NAME], [defaults], [templates.NAME] and [sets.NAME] are known");
    }
    const ConfigValues agent = table_of(root, "agent", ConfigTable::agent, "agent");
    defaults_ = table_of(root, "defaults", ConfigTable::set, "defaults");
    out_.config.stores = tables_of(root, "stores", ConfigTable::store);
    templates_ = tables_of(root, "templates", ConfigTable::set);
    sets_ = tables_of(root, "sets", ConfigTable::set);
    out_.config.metrics_file = text(agent, "metrics-file");
    out_.config.listen = text(agent, "listen");
    if (!out_.config.listen.empty())
      judge(agent.at("listen"), "agent.listen",
            [&] { HttpListener::check_address(out_.config.listen); });
    out_.config.json_log = text(agent, "log-format") == "json";
    if (const auto parallel = count(agent, "parallel"))
      out_.config.parallel = static_cast<unsigned>(std::max(1, *parallel));
    if (out_.config.stores.empty()) mistake(root, "no [stores.NAME]", "a store needs a url");
    if (sets_.empty()) mistake(root, "no [sets.NAME]", "a set needs a source");
    for (const auto& [name, store] : out_.config.stores)
      check_store(name, store);
    for (const auto& [name, own] : sets_)
      take_set(name, own);
    return std::move(out_);
  }

 private:
  void mistake(const toml::node& node, const std::string& what, const std::string& hint = "") {
    fail(place(node), what, hint);
  }
  void fail(const std::string& where, const std::string& what, const std::string& hint = "") {
    out_.mistakes.emplace_back(ErrorKind::usage, where + ": " + what, hint);
  }

  std::string place(const toml::node& node) const {
    return shown(out_.config.path) + ":" + std::to_string(node.source().begin.line);
  }

  // A step that throws Error{usage} is a mistake of a value.
  template <class Step>
  void judge(const ConfigValue& value, const std::string& key, Step step) {
    const auto failure = tape::failure_of(step);
    if (failure) fail(value.where, key + ": " + failure->what(), failure->hint());
  }

  ConfigValues table_of(const toml::table& parent,
                        const std::string& name,
                        ConfigTable kind,
                        const std::string& shown_as) {
    ConfigValues out;
    const toml::node* node = parent.get(name);
    if (node == nullptr) return out;
    const toml::table* table = node->as_table();
    if (table == nullptr) {
      mistake(*node, shown_as + ": " + word_of(node->type()) + ", a table expected");
      return out;
    }
    for (const auto& [key, value] : *table)
      take_value(std::string(key.str()), value, {kind, shown_as}, out);
    return out;
  }

  std::map<std::string, ConfigValues> tables_of(const toml::table& root,
                                                const std::string& name,
                                                ConfigTable kind) {
    std::map<std::string, ConfigValues> out;
    const toml::node* node = root.get(name);
    if (node == nullptr) return out;
    const toml::table* table = node->as_table();
    if (table == nullptr) {
      mistake(*node, name + ": " + word_of(node->type()) + ", [" + name + ".NAME] expected");
      return out;
    }
    for (const auto& [key, value] : *table) {
      const std::string own(key.str());
      std::string full = name;
      full += "." + own;
      const auto bad = tape::failure_of([&] { check_set_name(own); });
      if (bad) mistake(value, full + ": a name of letters, digits, `.`, `_`, `-` expected");
      out[own] = table_of(*table, own, kind, full);
    }
    return out;
  }

  // KEY=VALUE of the command line.
  void take_override(const std::string& typed) {
    const std::size_t equals = std::min(typed.find('='), typed.size());
    const std::string key = typed.substr(0, equals);
    const std::string value = typed.substr(std::min(equals + 1, typed.size()));
    const auto refuse = [&](const std::string& why, const std::string& hint) {
      out_.mistakes.emplace_back(ErrorKind::usage, "--with " + shown(typed) + ": " + why, hint);
    };
    const ConfigKey* known = find_config_key(ConfigTable::set, key);
    if (equals == typed.size() || known == nullptr || key == "inherits" || key == "stores")
      return refuse("KEY=VALUE of a set expected", "such as --with level=9");
    toml::parse_result parsed = toml::parse("x = " + value);
    toml::table quoted;
    if (!parsed) quoted.insert("x", value);
    const toml::table& table = parsed ? parsed.table() : quoted;
    ConfigValue out;
    out.where = "--with";
    if (table.size() != 1 || !texts_of(*known, *table.get("x"), out.texts))
      return refuse(std::string(expected_of(known->kind)) + " expected", "");
    const auto failure = tape::failure_of([&] { check_value(*known, out); });
    if (failure) return refuse(failure->what(), failure->hint());
    overrides_[key] = std::move(out);
  }

  struct In {
    ConfigTable kind;
    const std::string& table;
  };

  void take_value(const std::string& name, const toml::node& node, In in, ConfigValues& out) {
    const ConfigKey* key = find_config_key(in.kind, name);
    const std::string full = in.table + "." + name;
    if (key == nullptr) {
      const std::string near = nearest_config_key(in.kind, name);
      return mistake(
          node, shown(full) + ": no such key",
          near.empty() ? "docs/operations.md has all of them" : "did you mean `" + near + "`?");
    }
    ConfigValue value;
    value.where = place(node) + " [" + in.table + "]";
    if (!texts_of(*key, node, value.texts))
      return mistake(
          node, full + ": " + word_of(node.type()) + ", " + expected_of(key->kind) + " expected");
    const std::size_t before = out_.mistakes.size();
    judge(value, full, [&] { check_value(*key, value); });
    if (out_.mistakes.size() == before) out[name] = std::move(value);
  }

  static bool texts_of(const ConfigKey& key,
                       const toml::node& node,
                       std::vector<std::string>& out) {
    const toml::value<std::string>* one = node.as_string();
    switch (key.kind) {
      case ValueKind::flag:
        if (!node.is_boolean()) return false;
        out.emplace_back(node.as_boolean()->get() ? "true" : "false");
        return true;
      case ValueKind::count:
      case ValueKind::keep:
        if (key.kind == ValueKind::keep && one != nullptr && one->get() == "all") {
          out.emplace_back("all");
          return true;
        }
        if (!node.is_integer() || node.as_integer()->get() < 0) return false;
        out.push_back(std::to_string(node.as_integer()->get()));
        return true;
      case ValueKind::list:
        return list_of(node, out);
      case ValueKind::secret:
        return secret_of(node, out);
      case ValueKind::public_secret:
        if (one != nullptr) {
          out = {"text", one->get()};
          return true;
        }
        return secret_of(node, out);
      default:
        if (one == nullptr) return false;
        out.push_back(one->get());
        return true;
    }
  }

  static bool list_of(const toml::node& node, std::vector<std::string>& out) {
    if (const auto* one = node.as_string()) {
      out.push_back(one->get());
      return true;
    }
    const toml::array* list = node.as_array();
    if (list == nullptr) return false;
    for (const toml::node& item : *list) {
      if (!item.is_string()) return false;
      out.push_back(item.as_string()->get());
    }
    return true;
  }

  // What it is from, and the text.
  static bool secret_of(const toml::node& node, std::vector<std::string>& out) {
    const toml::table* table = node.as_table();
    if (table == nullptr || table->size() != 1) return false;
    const std::string from(table->begin()->first.str());
    const auto* text = table->begin()->second.as_string();
    if (text == nullptr || text->get().empty()) return false;
    if (from != "env" && from != "file" && from != "command" && from != "credential") return false;
    out = {from, text->get()};
    return true;
  }

  static void check_value(const ConfigKey& key, const ConfigValue& value) {
    const auto refuse = [](const std::string& why) { throw Error(ErrorKind::usage, why); };
    for (const std::string& text : value.texts) {
      if (text.find('\0') != std::string::npos) refuse("a NUL");
    }
    const std::string text = value.texts.empty() ? "" : value.texts.front();
    switch (key.kind) {
      case ValueKind::text:
        if (text.empty()) refuse("empty");
        break;
      case ValueKind::count: {
        constexpr std::size_t kDigitsMax = 9;
        if (text.size() > kDigitsMax) refuse(text + " is too large");
        break;
      }
      case ValueKind::size:
        parse_size(key.name, text);
        break;
      case ValueKind::time:
        parse_duration(key.name, text);
        break;
      case ValueKind::schedule:
        Calendar::parse(text, Zone());
        break;
      case ValueKind::zone:
        static_cast<void>(Zone(text));
        break;
      case ValueKind::choice:
        if (("|" + std::string(key.choices) + "|").find("|" + text + "|") == std::string::npos)
          refuse("\"" + shown(text) + "\", one of " + key.choices + " expected");
        break;
      default:
        break;
    }
  }

  static std::string text(const ConfigValues& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() || found->second.texts.empty() ? "" : found->second.texts.front();
  }
  static std::vector<std::string> list(const ConfigValues& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? std::vector<std::string>() : found->second.texts;
  }
  static std::optional<int> count(const ConfigValues& values, const std::string& key) {
    const std::string typed = text(values, key);
    if (typed.empty()) return std::nullopt;
    return static_cast<int>(std::strtol(typed.c_str(), nullptr, 10));
  }
  static std::chrono::seconds time(const ConfigValues& values,
                                   const std::string& key,
                                   std::chrono::seconds otherwise) {
    const std::string typed = text(values, key);
    return typed.empty() ? otherwise : parse_duration(key, typed);
  }
  static bool flag(const ConfigValues& values, const std::string& key, bool otherwise) {
    const std::string typed = text(values, key);
    return typed.empty() ? otherwise : typed == "true";
  }

  void check_store(const std::string& name, const ConfigValues& values) {
    if (!values.contains("url")) fail(shown(out_.config.path), "stores." + name + ": no url");
    const bool has_id = values.contains("access-key-id");
    if (has_id != values.contains("secret-access-key"))
      fail(shown(out_.config.path),
           "stores." + name + ": access-key-id and secret-access-key go together");
  }

  // The set over its templates over the defaults.
  ConfigValues settled(const std::string& name, const ConfigValues& own) {
    ConfigValues out = own;
    std::set<std::string> seen;
    const ConfigValues* last = &own;
    for (std::string next = text(*last, "inherits"); !next.empty();
         next = text(*last, "inherits")) {
      const auto found = templates_.find(next);
      const std::string& where = last->at("inherits").where;
      if (found == templates_.end()) {
        fail(where, "inherits: no [templates." + shown(next) + "]");
        break;
      }
      if (!seen.insert(next).second || seen.size() > kTemplatesMax) {
        fail(where, fmt::format("sets.{}: templates inherit in a circle: {}", name, next));
        break;
      }
      last = &found->second;
      out.insert(last->begin(), last->end());
    }
    out.insert(defaults_.begin(), defaults_.end());
    for (const auto& [key, value] : overrides_)
      out[key] = value;
    return out;
  }

  void take_set(const std::string& name, const ConfigValues& own) {
    const ConfigValues values = settled(name, own);
    if (!values.contains("source"))
      return fail(shown(out_.config.path), "sets." + name + ": no source");
    std::vector<std::string> stores = list(values, "stores");
    if (stores.empty() && out_.config.stores.size() == 1)
      stores.push_back(out_.config.stores.begin()->first);
    if (stores.empty())
      fail(shown(out_.config.path), "sets." + name + ": no stores",
           "there are several: stores = [...] says which");
    for (const std::string& store : stores) {
      if (!out_.config.stores.contains(store)) {
        fail(values.at("stores").where, "stores: no [stores." + shown(store) + "]");
      } else {
        take_job(name, store, values);
      }
    }
    out_.config.sets.emplace(name, values);
  }

  void take_job(const std::string& set, const std::string& store, const ConfigValues& values) {
    const ConfigValues& to = out_.config.stores.at(store);
    Job job;
    job.set = set;
    job.store = store;
    job.backup = {text(values, "source"), "--to", text(to, "url"), "--set", set};
    add_options(values, ConfigTable::set, job.backup);
    add_options(to, ConfigTable::store, job.backup);
    job.schedule = text(values, "schedule");
    if (!job.schedule.empty())
      job.calendar = Calendar::parse(job.schedule, Zone(text(values, "timezone")));
    job.jitter = time(values, "jitter", job.jitter);
    job.catch_up = flag(values, "catch-up", job.catch_up);
    job.retries = count(values, "retries").value_or(job.retries);
    job.retry_wait = time(values, "retry-wait", job.retry_wait);
    job.hooks = {list(values, "pre"), list(values, "post"), list(values, "error"),
                 time(values, "hook-timeout", job.hooks.timeout)};
    job.conditions = {flag(values, "skip-on-battery", false),
                      flag(values, "skip-on-metered", false), list(values, "condition"),
                      job.hooks.timeout};
    job.ping = text(values, "ping");
    constexpr int kNiceMax = 19;
    job.nice = std::min(count(values, "nice").value_or(0), kNiceMax);
    job.idle_io = text(values, "ionice") == "idle";
    job.secrets = secrets_of(to);
    add_retention(values, to, job);
    out_.config.jobs.push_back(std::move(job));
  }

  // As the options of the same names.
  static void add_options(const ConfigValues& values,
                          ConfigTable table,
                          std::vector<std::string>& words) {
    for (const ConfigKey& key : config_keys()) {
      const auto found = values.find(key.name);
      if (!key.is_option || key.table != table || found == values.end()) continue;
      const std::string option = "--" + std::string(key.name);
      if (key.kind == ValueKind::flag) {
        if (found->second.texts.front() == "true") words.push_back(option);
        continue;
      }
      for (const std::string& text : found->second.texts)
        words.push_back(fmt::format("{}={}", option, text));
    }
  }

  void add_retention(const ConfigValues& values, const ConfigValues& store, Job& job) {
    KeepWords keep;
    keep.last = text(values, "keep-last");
    keep.hourly = text(values, "keep-hourly");
    keep.daily = text(values, "keep-daily");
    keep.weekly = text(values, "keep-weekly");
    keep.monthly = text(values, "keep-monthly");
    keep.yearly = text(values, "keep-yearly");
    keep.within = text(values, "keep-within");
    if (!keep.was_typed()) return;
    const auto failure = tape::failure_of([&] { keep.parsed(); });
    if (failure)
      return fail(shown(out_.config.path), "sets." + job.set + ": " + failure->what(),
                  failure->hint());
    job.forget = {text(store, "url"), "--set", job.set, "--unfinished"};
    for (const ConfigKey& key : config_keys()) {
      const std::string name = key.name;
      if (name.starts_with("keep-") && values.contains(name))
        job.forget.push_back(fmt::format("--{}={}", name, text(values, name)));
    }
    constexpr const char* kReading[] = {
        "endpoint", "region",        "aws-profile",    "path-style",   "ca-bundle",
        "sse",      "request-payer", "limit-download", "idle-timeout", "retry-for"};
    for (const char* name : kReading) {
      if (store.contains(name))
        job.forget.push_back(fmt::format("--{}={}", name, text(store, name)));
    }
  }

  static std::vector<Secret> secrets_of(const ConfigValues& store) {
    std::vector<Secret> out;
    for (const auto& [key, variable] : {std::pair("access-key-id", "AWS_ACCESS_KEY_ID"),
                                        std::pair("secret-access-key", "AWS_SECRET_ACCESS_KEY"),
                                        std::pair("session-token", "AWS_SESSION_TOKEN")}) {
      const auto found = store.find(key);
      if (found == store.end()) continue;
      const std::string& from = found->second.texts.at(0);
      const Secret::Kind kind = from == "env"       ? Secret::Kind::environment
                                : from == "file"    ? Secret::Kind::file
                                : from == "command" ? Secret::Kind::command
                                : from == "text"    ? Secret::Kind::text
                                                    : Secret::Kind::credential;
      out.push_back({variable, kind, found->second.texts.at(1)});
    }
    return out;
  }

  ReadConfig out_;
  ConfigValues defaults_;
  ConfigValues overrides_;
  std::map<std::string, ConfigValues> templates_;
  std::map<std::string, ConfigValues> sets_;
};

std::string contents(const std::string& path) {
  const auto source = tape::open_file_source(path);
  if (source->size() > kConfigBytesMax)
    throw Error(ErrorKind::usage, shown(path) + ": " + std::to_string(source->size()) +
                                      " bytes, at most " + std::to_string(kConfigBytesMax));
  tape::Bytes bytes(source->size());
  source->read_at(tape::GzOffset(0), bytes);
  return tape::as_text(bytes);
}

}  // namespace

std::string config_path(const GlobalOptions& global) {
  if (!global.config.empty()) return global.config;
  if (std::string typed = environment("RAGTAPE_CONFIG"); !typed.empty()) return typed;
  if (const std::string xdg = environment("XDG_CONFIG_HOME"); xdg.starts_with('/'))
    return xdg + "/ragtape/config.toml";
  if (::geteuid() == 0) return "/etc/ragtape/config.toml";
  if (const std::string home = environment("HOME"); home.starts_with('/'))
    return home + "/.config/ragtape/config.toml";
  throw Error(ErrorKind::usage, "no configuration: HOME is not set", "name a file with --config");
}

ReadConfig read_config(const std::string& path, const std::vector<std::string>& with) {
  const std::string text = contents(path);
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    ReadConfig out;
    out.config.path = path;
    out.mistakes.emplace_back(
        ErrorKind::usage, shown(path) + ":" + std::to_string(parsed.error().source().begin.line) +
                              ": " + shown(std::string(parsed.error().description())));
    return out;
  }
  return Reader(path).run(parsed.table(), with);
}

Config load_config(const std::string& path, const std::vector<std::string>& with) {
  ReadConfig read = read_config(path, with);
  if (!read.mistakes.empty()) throw Error(read.mistakes.front());
  return std::move(read.config);
}

}  // namespace agent
