#include "cli/range_cache.h"

#include <cstdlib>

#include <unistd.h>

#include "net/http_range_source.h"
#include "tape/digest.h"
#include "tape/error.h"

namespace agent {
namespace {

constexpr tape::ByteCount kDiskBytes = tape::ByteCount{256} << 20;
constexpr tape::ByteCount kMemoryBytes = tape::ByteCount{16} << 20;
// The largest node of a member index (docs/format.md §4.1), and some.
constexpr tape::ByteCount kSmallBytes = tape::ByteCount{80} << 10;

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? "" : value;
}

class Cached final : public tape::RangeSource {
 public:
  Cached(std::unique_ptr<tape::RangeSource> object, const RangeOptions& options)
      : object_(std::move(object)), source_(*object_, options) {}
  tape::ByteCount size() const override { return source_.size(); }
  std::string name() const override { return source_.name(); }
  void distrust() const override { source_.distrust(); }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override {
    source_.read_at(at, out);
  }

 private:
  std::unique_ptr<tape::RangeSource> object_;
  HttpRangeSource source_;
};

}  // namespace

std::optional<std::string> cache_folder(const GlobalOptions& global) {
  if (global.no_cache) return std::nullopt;
  if (!global.cache.empty()) return global.cache;
  if (std::string typed = environment("RAGTAPE_CACHE"); !typed.empty()) return typed;
  if (const std::string xdg = environment("XDG_CACHE_HOME"); xdg.starts_with('/'))
    return xdg + "/ragtape";
  if (::geteuid() == 0) return "/var/cache/ragtape";
  if (const std::string home = environment("HOME"); home.starts_with('/'))
    return home + "/.cache/ragtape";
  return std::nullopt;
}

DiskCache* RangeCache::disk() {
  if (looked_) return disk_.get();
  looked_ = true;
  const auto folder = cache_folder(global_);
  if (!folder) return nullptr;
  const auto failure = tape::failure_of(
      [&] { disk_ = std::make_unique<DiskCache>(*folder + "/blocks", kDiskBytes); });
  if (failure && !global_.cache.empty()) throw tape::Error(*failure);
  return disk_.get();
}

std::optional<std::string> RangeCache::index_base(const std::string& version) const {
  const auto folder = cache_folder(global_);
  if (!folder || version.empty()) return std::nullopt;
  const tape::Sha256 digest = tape::sha256(tape::as_bytes(version));
  return *folder + "/indexes/" + tape::hex(tape::ByteView(digest).first(16));
}

std::unique_ptr<tape::RangeSource> RangeCache::around(std::unique_ptr<tape::RangeSource> object,
                                                      const std::string& version) {
  RangeOptions options;
  options.prefetch_bytes = 0;  // readers know where the tail is
  options.cache_bytes = kMemoryBytes;
  options.uncached_above = kSmallBytes;
  options.disk = disk();
  options.disk_name = version;
  return std::make_unique<Cached>(std::move(object), options);
}

}  // namespace agent
