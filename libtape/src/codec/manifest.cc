#include "tape/manifest.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "codec/json_text.h"
#include "tape/digest.h"
#include "tape/error.h"
#include "tape/volume_plan.h"

namespace tape {
namespace {

using Json = nlohmann::json;  // keys sorted

constexpr const char* kFormat = "ragtape snapshot";
constexpr std::size_t kDigestDigits = 64;
constexpr int kDepthMax = 8;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "manifest: " + what);
}

// Reads fields of one object; errors name them.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) corrupt(where_ + ": an object expected");
  }

  const Json& at(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) corrupt(path(name) + " is missing");
    return *found;
  }
  Fields object(const char* name) const { return {at(name), path(name)}; }
  const Json& array(const char* name, std::size_t limit) const {
    const Json& value = at(name);
    if (!value.is_array()) corrupt(path(name) + ": an array expected");
    if (value.size() > limit)
      corrupt(path(name) + ": " + std::to_string(value.size()) + " elements, at most " +
              std::to_string(limit) + " expected");
    return value;
  }
  std::uint64_t number(const char* name, std::uint64_t limit = kNumberMax) const {
    const Json& value = at(name);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > limit)
      corrupt(path(name) + ": a number up to " + std::to_string(limit) + " expected");
    return value.get<std::uint64_t>();
  }
  std::string text(const char* name) const {
    const Json& value = at(name);
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object() && value.size() == 1 && value.contains("base64") &&
        value["base64"].is_string())
      return decoded(value["base64"].get<std::string>(), name);
    corrupt(path(name) + ": a string expected");
  }
  Hash128 hash(const char* name) const {
    const std::string digits = text(name);
    Hash128 out{};
    for (std::size_t i = 0; i < out.size() && digits.size() == 2 * out.size(); ++i)
      out[i] =
          static_cast<std::uint8_t>(std::strtoul(digits.substr(2 * i, 2).c_str(), nullptr, 16));
    if (hex(out) != digits) corrupt(path(name) + ": 32 hexadecimal digits expected");
    return out;
  }
  static std::string decoded(const std::string& base64, const char* name) {
    auto out = unbase64(base64);
    if (!out) corrupt(std::string(name) + ": not base64");
    return std::move(*out);
  }
  std::string path(const char* name) const { return where_.empty() ? name : where_ + "." + name; }

  static constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 62) - 1;

 private:
  const Json& object_;
  std::string where_;
};

Json json_of(const Codec& codec) {
  return {{"engine", codec.engine},
          {"version", codec.version},
          {"level", codec.level},
          {"page_bits", codec.page_bits},
          {"index_bits", codec.index_bits}};
}

Codec codec_from(const Fields& fields) {
  return {fields.text("engine"), fields.text("version"),
          static_cast<int>(fields.number("level", 12)),
          static_cast<int>(fields.number("page_bits", 62)),
          static_cast<int>(fields.number("index_bits", 62))};
}

// SNAPSHOT/NAME.tar.gz, or with .00000 and on: nothing else may be deleted as a volume.
bool is_volume_key(std::string_view key) {
  if (!is_object_key(key) || std::count(key.begin(), key.end(), '/') != 1) return false;
  const std::size_t digits = key.size() - (key.find_last_not_of("0123456789") + 1);
  if (digits >= 5 && key[key.size() - digits - 1] == '.') key.remove_suffix(digits + 1);
  return key.ends_with(".tar.gz");
}

Json json_of(const ManifestVolume& volume) {
  return {{"key", volume.key},
          {"tape_offset", volume.tape_offset.value()},
          {"tape_size", volume.tape_size},
          {"size", volume.size},
          {"tail_offset", volume.tail_offset.value()},
          {"inner_offset", volume.inner_offset.value()},
          {"etag", volume.etag},
          {"tape_xxh3", hex(volume.tape_xxh3)},
          {"part_size", volume.part_size},
          {"digest", volume.digest},
          {"codec", json_of(volume.codec)},
          {"records", volume.records},
          {"first_path", volume.first_path ? text_value(*volume.first_path) : Json(nullptr)}};
}

ManifestVolume volume_from(const Fields& fields, const std::string& where) {
  ManifestVolume out;
  out.key = fields.text("key");
  if (!is_volume_key(out.key))
    corrupt(where + ": the key " + shown(out.key) +
            " is not of a volume: SNAPSHOT/NAME.tar.gz expected, with a number behind it or not");
  out.tape_offset = TapeOffset(fields.number("tape_offset"));
  out.tape_size = fields.number("tape_size");
  out.size = fields.number("size");
  out.tail_offset = GzOffset(fields.number("tail_offset", out.size));
  out.inner_offset = GzOffset(fields.number("inner_offset", out.size));
  out.etag = fields.text("etag");
  out.tape_xxh3 = fields.hash("tape_xxh3");
  out.part_size = fields.number("part_size", kPartSizeMax);
  out.digest = fields.text("digest");
  out.codec = codec_from(fields.object("codec"));
  out.records = fields.number("records");
  if (!fields.at("first_path").is_null()) out.first_path = fields.text("first_path");
  if (out.part_size == 0) corrupt(where + ".part_size: 0");
  return out;
}

Json json_of(const SnapshotOptions& options) {
  Json source = Json::array();
  for (const SourceOption& option : options.source_options)
    source.push_back({{"name", option.name}, {"value", text_value(option.value)}});
  return {{"metadata", options.metadata == Metadata::full ? "full" : "portable"},
          {"prefix", text_value(options.prefix)},
          {"source_date_epoch",
           options.source_date_epoch ? Json(*options.source_date_epoch) : Json(nullptr)},
          {"source_options", source},
          {"volume_size", options.volume_size}};
}

SnapshotOptions options_from(const Fields& fields) {
  SnapshotOptions out;
  const std::string metadata = fields.text("metadata");
  if (metadata != "full" && metadata != "portable")
    corrupt("options.metadata: " + shown(metadata) + ", full or portable expected");
  out.metadata = metadata == "full" ? Metadata::full : Metadata::portable;
  out.prefix = fields.text("prefix");
  const Json& epoch = fields.at("source_date_epoch");
  if (epoch.is_number_integer()) {
    out.source_date_epoch = epoch.get<std::int64_t>();
  } else if (!epoch.is_null()) {
    corrupt("options.source_date_epoch: a whole number or null expected");
  }
  const Json& source = fields.array("source_options", kSourceOptionsMax);
  for (std::size_t i = 0; i < source.size(); ++i) {
    const Fields option(source[i], "options.source_options[" + std::to_string(i) + "]");
    out.source_options.push_back({option.text("name"), option.text("value")});
  }
  out.volume_size = fields.number("volume_size");
  return out;
}

Timestamp time_from(const std::string& text, const char* field) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0')
    corrupt(std::string(field) + ": " + shown(text) + " is no time");
  return {::timegm(&parts), 0};
}

// The volumes hold the whole tape, in order, without gaps.
void check_volumes(const Manifest& manifest) {
  TapeOffset at;
  for (const ManifestVolume& volume : manifest.volumes) {
    if (volume.tape_offset != at || volume.tape_size == 0)
      corrupt("volume " + shown(volume.key) + " begins at tape offset " +
              std::to_string(volume.tape_offset.value()) + ", the one before ends at " +
              std::to_string(at.value()));
    at = at + volume.tape_size;
  }
  if (at.value() != manifest.tape_size)
    corrupt("its volumes hold " + std::to_string(at.value()) + " bytes of the tape, which has " +
            std::to_string(manifest.tape_size));
}

// Where the 64 digits of "manifest_sha256" stand.
std::size_t digest_place(std::string_view text) {
  constexpr std::string_view kField = "\"manifest_sha256\":\"";
  const std::size_t at = text.find(kField);
  if (at == std::string_view::npos || text.size() < at + kField.size() + kDigestDigits)
    corrupt("manifest_sha256 is missing");
  return at + kField.size();
}

// Before it is parsed: each level costs memory. (The parser's callback could look, too, but walks
// an array again for every object in it.)
void check_depth(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '\\') ++at;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kDepthMax) corrupt("nested too deeply");
  }
}

}  // namespace

bool is_object_key(std::string_view key) {
  for (std::size_t at = 0; at <= key.size();) {
    const std::size_t slash = std::min(key.find('/', at), key.size());
    const std::string_view part = key.substr(at, slash - at);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos)
      return false;
    at = slash + 1;
  }
  return true;
}

Codec codec_of(const RagzipOptions& options) {
  return {engine_name(options.engine), engine_version(options.engine), options.level,
          options.page_bits, options.index_bits};
}

std::string utc_text(const Timestamp& time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string encode_manifest(const Manifest& manifest) {
  Json volumes = Json::array();
  for (const ManifestVolume& volume : manifest.volumes)
    volumes.push_back(json_of(volume));
  Json warnings = Json::array();
  for (const ManifestWarning& warning : manifest.warnings)
    warnings.push_back({{"path", text_value(warning.path)},
                        {"outcome", warning.outcome},
                        {"why", text_value(warning.why)}});
  const Json json = {
      {"format", kFormat},
      {"version", kManifestVersion},
      {"manifest_sha256", std::string(kDigestDigits, '0')},
      {"set", manifest.set},
      {"snapshot", manifest.snapshot},
      {"host", text_value(manifest.host)},
      {"root", text_value(manifest.root)},
      {"prefix", text_value(manifest.options.prefix)},
      {"profile", manifest.options.metadata == Metadata::full ? "full" : "portable"},
      {"options", json_of(manifest.options)},
      {"start", utc_text(manifest.start)},
      {"end", utc_text(manifest.end)},
      {"tape",
       {{"size", manifest.tape_size},
        {"entries", manifest.entries},
        {"fingerprint", hex(manifest.fingerprint)},
        {"state", hex(manifest.state)}}},
      {"volume_size", manifest.options.volume_size},
      {"volumes", volumes},
      {"warnings", warnings},
      {"totals",
       {{"omitted", manifest.totals.omitted},
        {"torn", manifest.totals.torn},
        {"grew", manifest.totals.grew},
        {"changed", manifest.totals.changed},
        {"problems", manifest.totals.problems},
        {"stored", manifest.totals.stored}}},
  };
  std::string text = json.dump();
  const std::string digest = hex(sha256(as_bytes(text)));
  text.replace(digest_place(text), kDigestDigits, digest);
  // Nobody could read it again.
  if (text.size() > kManifestSizeMax)
    throw Error(ErrorKind::unsupported, "a manifest of more than 256 MiB",
                "choose a larger --volume-size");
  return text;
}

Manifest decode_manifest(ByteView bytes) {
  std::string text = as_text(bytes);
  if (text.size() > kManifestSizeMax) corrupt("more than 256 MiB");
  const std::size_t place = digest_place(text);
  const std::string digest = text.substr(place, kDigestDigits);
  text.replace(place, kDigestDigits, std::string(kDigestDigits, '0'));
  if (hex(sha256(as_bytes(text))) != digest)
    corrupt("its bytes do not have the SHA-256 that it records: it was cut or changed");
  check_depth(text);
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) corrupt("not JSON");
  const Fields fields(json, "");
  if (fields.text("format") != kFormat)
    corrupt("format " + shown(fields.text("format")) + ", \"" + kFormat + "\" expected");
  if (fields.number("version") != kManifestVersion)
    throw Error(ErrorKind::unsupported,
                "manifest: version " + std::to_string(fields.number("version")) +
                    ", this program reads version " + std::to_string(kManifestVersion));
  Manifest out;
  out.set = fields.text("set");
  out.snapshot = fields.text("snapshot");
  out.host = fields.text("host");
  out.root = fields.text("root");
  out.options = options_from(fields.object("options"));
  out.start = time_from(fields.text("start"), "start");
  out.end = time_from(fields.text("end"), "end");
  const Fields tape = fields.object("tape");
  out.tape_size = tape.number("size");
  out.entries = tape.number("entries");
  out.fingerprint = tape.hash("fingerprint");
  out.state = tape.hash("state");
  const Json& volumes = fields.array("volumes", kVolumeCountMax);
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const std::string where = "volumes[" + std::to_string(i) + "]";
    out.volumes.push_back(volume_from(Fields(volumes[i], where), where));
  }
  const Json& warnings = fields.array("warnings", kManifestWarningsMax);
  for (std::size_t i = 0; i < warnings.size(); ++i) {
    const Fields warning(warnings[i], "warnings[" + std::to_string(i) + "]");
    out.warnings.push_back({warning.text("path"), warning.text("outcome"), warning.text("why")});
  }
  const Fields totals = fields.object("totals");
  out.totals = {totals.number("omitted"), totals.number("torn"),     totals.number("grew"),
                totals.number("changed"), totals.number("problems"), totals.number("stored")};
  check_volumes(out);
  return out;
}

}  // namespace tape
