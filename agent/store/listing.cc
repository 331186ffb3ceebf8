#include "store/listing.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using Json = nlohmann::json;

std::string document_of(const char* what, const std::vector<std::string>& names) {
  return Json{{"format", std::string("ragtape-") + what}, {"version", 1}, {what, names}}.dump();
}

std::vector<std::string> names_in(tape::ByteView document, const char* what) {
  const Json json = Json::parse(document.begin(), document.end(), nullptr, false);
  const auto has = [&](const char* name) { return json.is_object() && json.contains(name); };
  const bool sound = has("format") && json["format"] == std::string("ragtape-") + what &&
                     has("version") && json["version"] == 1 && has(what) && json[what].is_array() &&
                     std::all_of(json[what].begin(), json[what].end(),
                                 [](const Json& name) { return name.is_string(); });
  if (!sound)
    throw Error(ErrorKind::corrupt, std::string(what) + ".json: not a listing of this version");
  std::vector<std::string> out;
  for (const Json& name : json[what]) {
    auto text = name.get<std::string>();
    // Each becomes a component of a URL.
    if (tape::is_object_key(text) && text.find('/') == std::string::npos)
      out.push_back(std::move(text));
  }
  std::sort(out.begin(), out.end());
  return out;
}

void put(ObjectStore& store, const std::string& key, const std::string& document) {
  static_cast<void>(store.put(key, tape::as_bytes(document), ObjectStore::Put::replace));
}

}  // namespace

std::string snapshots_key(const std::string& set) {
  return set + "/snapshots.json";
}

std::string sets_document(const std::vector<std::string>& sets) {
  return document_of("sets", sets);
}

std::string snapshots_document(const std::vector<std::string>& ids) {
  return document_of("snapshots", ids);
}

std::vector<std::string> parse_sets(tape::ByteView document) {
  return names_in(document, "sets");
}

std::vector<std::string> parse_snapshots(tape::ByteView document) {
  return names_in(document, "snapshots");
}

void write_listing(ObjectStore& store, const std::string& set) {
  put(store, snapshots_key(set), snapshots_document(snapshots_of(store, set)));
  put(store, kSetsKey, sets_document(sets_in(store)));
}

}  // namespace agent
