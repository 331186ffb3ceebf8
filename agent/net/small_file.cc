#include "net/small_file.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "tape/error.h"

namespace agent {

using tape::Error;
using tape::ErrorKind;

SmallFile read_small_file(const std::string& path, std::size_t size_max) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (failure == std::errc::permission_denied) return {SmallFile::State::denied, ""};
  if (status.type() != std::filesystem::file_type::regular) return {};
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) {
    if (errno == EACCES) return {SmallFile::State::denied, ""};
    throw tape::errno_error(tape::shown(path), errno);
  }
  SmallFile out{SmallFile::State::there, std::string(size_max + 1, '\0')};
  in.read(out.text.data(), static_cast<std::streamsize>(out.text.size()));
  if (in.bad()) throw Error(ErrorKind::io, tape::shown(path) + ": cannot be read");
  out.text.resize(static_cast<std::size_t>(in.gcount()));
  if (out.text.size() > size_max)
    throw Error(ErrorKind::usage,
                tape::shown(path) + ": at most " + std::to_string(size_max) + " bytes expected");
  return out;
}

}  // namespace agent
