#include "cli/where.h"

#include <charconv>

#include "store/file_store.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

constexpr const char* kFileScheme = "file://";

bool has_scheme(const std::string& what) {
  return what.find("://") != std::string::npos;
}

[[noreturn]] void unknown(const std::string& what) {
  throw tape::Error(tape::ErrorKind::unsupported,
                    tape::shown(what) +
                        ": this version knows stores in a directory (a path or "
                        "file:///path)");
}

// RFC 8089: an absolute path, percent-encoded.
std::string path_of_url(const std::string& url) {
  const std::string encoded = url.substr(std::string(kFileScheme).size());
  if (!encoded.starts_with('/'))
    throw tape::Error(tape::ErrorKind::usage,
                      tape::shown(url) + ": file:///ABSOLUTE/PATH expected");
  std::string out;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    unsigned byte = 0;
    const char* digits = encoded.data() + i + 1;
    const bool escape = encoded[i] == '%' && i + 2 < encoded.size() &&
                        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    out += escape ? static_cast<char>(byte) : encoded[i];
    if (escape) i += 2;
  }
  return out;
}

}  // namespace

std::string store_directory(const std::string& what) {
  if (what.empty()) throw tape::Error(tape::ErrorKind::usage, "an empty name of a store");
  if (what.starts_with(kFileScheme)) return path_of_url(what);
  return has_scheme(what) ? "" : what;
}

bool is_store(const std::string& what) {
  return has_scheme(what) || tape::is_directory(what);
}

std::unique_ptr<ObjectStore> open_store(const std::string& what) {
  const std::string folder = store_directory(what);
  if (folder.empty()) unknown(what);
  return open_file_store(folder);
}

std::unique_ptr<ObjectStore> create_store(const std::string& what, bool& made) {
  const std::string folder = store_directory(what);
  if (folder.empty()) unknown(what);
  return create_file_store(folder, made);
}

}  // namespace agent
