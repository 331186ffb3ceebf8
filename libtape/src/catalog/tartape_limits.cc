#include "catalog/tartape_limits.h"

#include <algorithm>

#include "format/tar_format.h"
#include "tape/error.h"

namespace tape {

std::string why_tartape_refuses(const Member& member) {
  constexpr std::size_t kPathMax = 255;
  constexpr std::size_t kComponentMax = 100;
  constexpr std::uint64_t kIdMaxThere = (std::uint64_t{1} << 21) - 1;
  constexpr std::int64_t kTimeEnd = std::int64_t{1} << 33;
  const std::string path = member_path(member.name, member.type);
  const auto most = [](std::size_t found, std::size_t limit) {
    return std::to_string(found) + " bytes, " + std::to_string(limit) + " at the most";
  };
  if (!is_utf8(path)) return "its path is not UTF-8";
  if (path.size() > kPathMax) return "its path has " + most(path.size(), kPathMax);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end - begin > kComponentMax)
      return "a component of its path has " + most(end - begin, kComponentMax);
    begin = end + 1;
  }
  if (!split_name(member.name)) return "its path does not fit the two name fields of ustar";
  if (!is_utf8(member.target)) return "its target is not UTF-8";
  if (member.target.size() > kComponentMax)
    return "its target has " + most(member.target.size(), kComponentMax);
  if (member.mtime.seconds < 0 || member.mtime.seconds >= kTimeEnd)
    return "its mtime of " + std::to_string(member.mtime.seconds) + " s is not in 0 to 8^11 - 1";
  if (member.uid > kIdMaxThere || member.gid > kIdMaxThere)
    return "its owner's number is above " + std::to_string(kIdMaxThere);
  return "";
}

}  // namespace tape
