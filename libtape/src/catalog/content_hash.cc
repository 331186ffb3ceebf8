#include "catalog/content_hash.h"

#include <algorithm>

#include "catalog/entry_row.h"
#include "codec/digest.h"

namespace tape {
namespace {

constexpr std::size_t kHashBuffer = std::size_t{1} << 20;

bool is_as_it_was(const SourceStat& now, const SourceStat& then) {
  return now.identity == then.identity && now.size == then.size && now.mtime == then.mtime &&
         now.ctime == then.ctime;
}

}  // namespace

std::optional<Hash128> ContentHash::of(const std::string& path, const SourceStat& source) {
  Xxh3Stream hash;
  if (source.size == 0) return hash.digest();  // also of a file that may not be read
  if (const auto hash_then = known(path, source)) return hash_then;
  const auto file = tree_.open(path);
  buffer_.resize(kHashBuffer);
  FileOffset at;
  // A byte more than there was shows that it grew; a file that keeps growing has no end.
  while (at.value() <= source.size) {
    const auto most = std::min<ByteCount>(buffer_.size(), source.size + 1 - at.value());
    const std::size_t n = file->read_at(at, MutableBytes(buffer_).first(most));
    if (n == 0) break;
    hash.update(ByteView(buffer_).first(n));
    at = at + n;
    if (waiting_) waiting_();
  }
  const bool same = at.value() == source.size && is_as_it_was(file->stat(), source);
  return same ? std::optional(hash.digest()) : std::nullopt;
}

// What an earlier scan read, unless the file could have been written to in the same tick of its
// clock.
std::optional<Hash128> ContentHash::known(const std::string& path, const SourceStat& source) {
  constexpr std::int64_t kYoungSeconds = 2;
  if (earlier_ == nullptr) return {};
  const CatalogSummary& earlier = earlier_->summary();
  const auto entry = earlier_->find(
      member_path(member_name(earlier.prefix, path, SourceKind::regular), MemberType::regular));
  const auto is_young = [&](const Timestamp& time) {
    return time.seconds >= earlier.started.seconds - kYoungSeconds;
  };
  if (!entry || !entry->hash || !is_as_it_was(source, entry->source) || is_young(source.mtime) ||
      is_young(source.ctime))
    return {};
  return entry->hash;
}

}  // namespace tape
