#include "net/aws_config.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "net/credentials_answer.h"
#include "net/shell_words.h"
#include "net/small_file.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using tape::shown;
using Sections = std::map<std::string, AwsSection>;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr const char* kBlanks = " \t\r\f\v";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Line by line, with what the lines in front have opened.
class Parser {
 public:
  explicit Parser(std::string name) : name_(std::move(name)) {}

  void take(std::string_view line) {
    ++number_;
    const std::string_view content = trimmed(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') return;
    const std::size_t indent = line.find_first_not_of(kBlanks);
    if (setting_ != nullptr && indent > indent_) return go_on(content);
    if (content.front() == '[') return begin_section(content);
    begin_setting(content, indent);
  }

  Sections result() { return std::move(sections_); }

 private:
  std::string place() const { return name_ + " line " + std::to_string(number_); }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::usage, place() + ": " + what);
  }

  void begin_section(std::string_view content) {
    const std::size_t end = content.find(']');
    if (end == std::string_view::npos) fail("a section without its `]`");
    const std::string_view name = trimmed(content.substr(1, end - 1));
    if (name.empty()) fail("a section without a name");
    section_ = &sections_[std::string(name)];
    setting_ = nullptr;
  }

  std::pair<std::string_view, std::string_view> key_and_value(std::string_view content) const {
    const std::size_t at = content.find_first_of("=:");
    if (at == std::string_view::npos || at == 0) fail("`key = value` expected");
    return {trimmed(content.substr(0, at)), trimmed(content.substr(at + 1))};
  }

  void begin_setting(std::string_view content, std::size_t indent) {
    const auto [key, value] = key_and_value(content);
    if (section_ == nullptr) fail("a setting in front of the first [section]");
    setting_ = &(*section_)[lower(key)];
    *setting_ = {std::string(value), place(), {}};
    indent_ = indent;
  }

  // A line that stands deeper than its setting is more of it.
  void go_on(std::string_view content) {
    if (!setting_->value.empty()) {
      setting_->value.append("\n").append(content);
      return;
    }
    const auto [key, value] = key_and_value(content);
    setting_->nested[lower(key)] = value;
  }

  const std::string name_;
  Sections sections_;
  AwsSection* section_ = nullptr;
  AwsSetting* setting_ = nullptr;
  std::size_t indent_ = 0;  // of the setting's first line
  std::size_t number_ = 0;
};

struct Read {
  std::string name = {};
  std::string note = {};
  Sections sections = {};
};

// `file` is of ~/.aws, and `variable` names another.
Read read_file(const Environment& environment, const char* variable, const std::string& file) {
  const std::string home = environment("HOME");
  std::string path = environment(variable);
  Read out{path, "", {}};
  if (path.empty()) {
    out.name = "~/.aws/" + file;
    if (home.empty()) {
      out.note = " (HOME is not set)";
      return out;
    }
    path = home + "/.aws/" + file;
  } else if (path.starts_with("~/") && !home.empty()) {
    path = home + path.substr(1);
  }
  out.name = shown(out.name);
  const SmallFile found = read_small_file(path, kAwsFileSizeMax);
  if (found.state == SmallFile::State::absent) out.note = " (no such file)";
  if (found.state == SmallFile::State::denied) out.note = " (not ours to read)";
  out.sections = parse_aws_file(found.text, out.name);
  return out;
}

// The section [KIND NAME], in which the name may be quoted.
std::optional<AwsSection> section_of(const Sections& sections,
                                     std::string_view kind,
                                     const std::string& name) {
  for (const auto& [header, section] : sections) {
    const auto words = shell_words(header);
    if (words && words->size() == 2 && words->front() == kind && words->back() == name)
      return section;
  }
  return std::nullopt;
}

std::optional<AwsSection> section_named(const Sections& sections, const std::string& name) {
  const auto found = sections.find(name);
  return found == sections.end() ? std::nullopt : std::optional(found->second);
}

const AwsSetting* find(const AwsSection& section, const std::string& key) {
  const auto found = section.find(key);
  return found == section.end() ? nullptr : &found->second;
}

std::string value_in(const AwsSection& section, const std::string& key) {
  const AwsSetting* const found = find(section, key);
  return found == nullptr ? "" : found->value;
}

}  // namespace

Sections parse_aws_file(std::string_view text, const std::string& name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Parser parser(name);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    parser.take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.result();
}

AwsConfig::AwsConfig(const Environment& environment, const std::string& profile)
    : profile_(profile), named_(!profile.empty()) {
  for (const char* const variable : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
    if (!profile_.empty()) continue;
    profile_ = environment(variable);
    // That one goes without saying: to say it is not to say that it is there.
    named_ = !profile_.empty() && profile_ != "default";
  }
  if (profile_.empty()) profile_ = "default";

  const Read credentials = read_file(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const Read config = read_file(environment, "AWS_CONFIG_FILE", "config");
  credentials_name_ = credentials.name;
  credentials_note_ = credentials.note;
  config_name_ = config.name;
  config_note_ = config.note;
  const auto in_credentials = section_named(credentials.sections, profile_);
  auto in_config = section_of(config.sections, "profile", profile_);
  if (!in_config && profile_ == "default") in_config = section_named(config.sections, profile_);
  is_there_ = in_credentials || in_config;
  in_credentials_ = in_credentials.value_or(AwsSection{});
  in_config_ = in_config.value_or(AwsSection{});

  endpoints_ignored_ = lower(environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) == "true" ||
                       lower(value("ignore_configured_endpoint_urls")) == "true";
  const AwsSetting* const services = setting("services");
  if (services == nullptr) return;
  const auto found = section_of(config.sections, "services", services->value);
  if (!found)
    throw Error(ErrorKind::usage, services->place + ": there is no [services " +
                                      shown(services->value) + "] in " + config_name_);
  services_ = *found;
}

void AwsConfig::require_profile() const {
  if (!named_ || is_there_) return;
  throw Error(ErrorKind::usage, "there is no " + description(),
              "--aws-profile or AWS_PROFILE names it; in the config file a section is [profile "
              "NAME], in the credentials file [NAME]");
}

const AwsSetting* AwsConfig::setting(const std::string& key) const {
  const AwsSetting* const found = find(in_credentials_, key);
  return found != nullptr ? found : find(in_config_, key);
}

std::string AwsConfig::value(const std::string& key) const {
  const AwsSetting* const found = setting(key);
  return found == nullptr ? "" : found->value;
}

std::optional<Credentials> AwsConfig::keys_in(const AwsSection& section,
                                              const std::string& name) const {
  const AwsSetting* const id = find(section, "aws_access_key_id");
  const AwsSetting* const secret = find(section, "aws_secret_access_key");
  if (id == nullptr && secret == nullptr) return std::nullopt;
  if (id == nullptr)
    throw Error(ErrorKind::usage,
                secret->place + ": aws_secret_access_key without aws_access_key_id");
  if (secret == nullptr)
    throw Error(ErrorKind::usage, id->place + ": aws_access_key_id without aws_secret_access_key");
  Credentials out;
  out.access_key = id->value;
  out.secret_key = secret->value;
  out.session_token = value_in(section, "aws_session_token");
  if (out.session_token.empty()) out.session_token = value_in(section, "aws_security_token");
  out.source = "profile " + shown(profile_) + " in " + name;
  check_shape(out);
  return out;
}

std::optional<Credentials> AwsConfig::keys() const {
  std::optional<Credentials> out = keys_in(in_credentials_, credentials_name_);
  return out ? out : keys_in(in_config_, config_name_);
}

std::string AwsConfig::endpoint_url(const std::string& service) const {
  if (endpoints_ignored_) return "";
  if (const AwsSetting* const block = find(services_, service)) {
    const auto found = block->nested.find("endpoint_url");
    if (found != block->nested.end()) return found->second;
  }
  return value("endpoint_url");
}

std::string AwsConfig::description() const {
  return "profile " + shown(profile_) + " in " + credentials_name_ + credentials_note_ + " or " +
         config_name_ + config_note_;
}

AwsProfile aws_profile(const Environment& environment, const std::string& profile) {
  const AwsConfig config(environment, profile);
  config.require_profile();
  return {config.value("region"), config.endpoint_url("s3"), config.value("ca_bundle")};
}

}  // namespace agent
