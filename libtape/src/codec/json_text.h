// Names in JSON: a string, or {"base64": "…"} of one that is not UTF-8.
//
// Threads: pure functions.
// Spec:    docs/format.md §5.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace tape {

nlohmann::json text_value(const std::string& text);

// None: not base64 as text_value() writes it.
std::optional<std::string> unbase64(std::string_view text);

}  // namespace tape
