#include "tape/tartape.h"

#include <algorithm>

#include "codec/evp_stream.h"
#include "tape/digest.h"

namespace tape {

std::string tartape_fingerprint(Catalog& catalog) {
  EvpStream digest(EvpStream::Kind::sha256);
  const auto cursor = catalog.entries_from(TapeOffset(0));
  while (const auto entry = cursor->next()) {
    const Member& member = entry->member;
    digest.update(as_bytes(member_path(member.name, member.type) + "|" +
                           std::to_string(member.size) + "|" +
                           std::to_string(member.mtime.seconds)));
  }
  return hex(digest.digest());
}

std::string tartape_volume_name(const std::string& name,
                                const std::string& fingerprint,
                                std::uint64_t number,
                                std::uint64_t count) {
  const std::size_t width = std::max<std::size_t>(3, std::to_string(count).size());
  std::string index = std::to_string(number + 1);
  index.insert(0, width - std::min(width, index.size()), '0');
  return name + "_" + fingerprint.substr(0, 8) + ".tar." + index;
}

}  // namespace tape
