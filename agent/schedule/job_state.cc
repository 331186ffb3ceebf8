#include "schedule/job_state.h"

#include <nlohmann/json.hpp>

#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr tape::ByteCount kStateBytesMax = tape::ByteCount{1} << 20;

template <class Value>
void take(const Json& from, const char* key, Value& out) {
  const auto found = from.find(key);
  if (found == from.end()) return;
  if constexpr (std::is_same_v<Value, std::string>) {
    if (found->is_string()) out = found->get<std::string>();
  } else {
    if (found->is_number_integer()) out = found->get<Value>();
  }
}

}  // namespace

std::string job_state_path(const std::string& folder, const std::string& job) {
  return folder + "/" + job + ".json";
}

JobState read_job_state(const std::string& path) {
  JobState out;
  tape::Bytes bytes;
  const auto failure = tape::failure_of([&] {
    const auto source = tape::open_file_source(path);
    bytes.resize(std::min(source->size(), kStateBytesMax));
    source->read_at(tape::GzOffset(0), bytes);
  });
  const Json json = failure ? Json() : Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) return out;
  take(json, "begin", out.begin);
  take(json, "end", out.end);
  take(json, "success", out.success);
  take(json, "exit_code", out.exit_code);
  take(json, "failures", out.failures);
  take(json, "warnings", out.warnings);
  take(json, "snapshot", out.snapshot);
  take(json, "outcome", out.outcome);
  take(json, "message", out.message);
  take(json, "percent", out.percent);
  take(json, "bytes_sent", out.bytes_sent);
  take(json, "put_off", out.put_off);
  take(json, "put_off_why", out.put_off_why);
  return out;
}

void write_job_state(const std::string& path, const JobState& state) {
  const Json json = {{"begin", state.begin},
                     {"end", state.end},
                     {"success", state.success},
                     {"exit_code", state.exit_code},
                     {"failures", state.failures},
                     {"warnings", state.warnings},
                     {"snapshot", state.snapshot},
                     {"outcome", state.outcome},
                     {"message", state.message},
                     {"percent", state.percent},
                     {"bytes_sent", state.bytes_sent},
                     {"put_off", state.put_off},
                     {"put_off_why", state.put_off_why}};
  constexpr std::uint32_t kMode = 0600;
  const auto sink = tape::create_replacing_file_sink(path, kMode);
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  sink->write(tape::as_bytes(text));
  sink->finish();
}

}  // namespace agent
