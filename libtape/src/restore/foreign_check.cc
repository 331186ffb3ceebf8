#include <algorithm>

#include "restore/foreign_member.h"
#include "tape/digest.h"
#include "tape/error.h"
#include "tape/foreign_archive.h"
#include "tape/gunzip.h"

namespace tape {
namespace {

// What is compared behind a point of access.
constexpr ByteCount kSample = 4096;

}  // namespace

void not_its_index(const TarIndexEntry& entry, const std::string& why) {
  throw Error(ErrorKind::corrupt,
              shown(entry.name) + ", at " + std::to_string(entry.offset) + " of the tar: " + why +
                  ": the index is of another archive",
              "make it anew: ragtape index");
}

// Hears of all content once, then asks every point for some of it.
class ForeignArchive::Check final : public ByteSink {
 public:
  explicit Check(ForeignArchive& archive)
      : archive_(archive), tar_([this](const ForeignMember& found) { meet(found); }) {}

  void write(ByteView content) override {
    tar_.write(content);
    // The last of what came before, and this.
    const std::size_t kept = std::min<std::size_t>(recent_.size(), kGzipWindowSize + kSample);
    recent_.erase(recent_.begin(), recent_.end() - static_cast<std::ptrdiff_t>(kept));
    recent_.insert(recent_.end(), content.begin(), content.end());
    position_ += content.size();
    while (samples_.size() < points().size() &&
           points()[samples_.size()].content + kSample <= position_)
      take_sample();
  }

  void finish() override {
    tar_.finish();
    if (next_ != archive_.entries_.size())
      not_its_index(archive_.entries_[next_], "no such member came");
    const auto& size = archive_.index_.content_size();
    if (size && *size != position_)
      corrupt("the content has " + std::to_string(position_) + " bytes, the index says " +
              std::to_string(*size));
    while (samples_.size() < points().size())
      take_sample();
    for (std::size_t i = 0; i < samples_.size(); ++i)
      compare_sample(i);
  }

 private:
  [[noreturn]] void corrupt(const std::string& what) const {
    throw Error(ErrorKind::corrupt, archive_.index_.source().name() + ": " + what,
                "make it anew: ragtape index");
  }

  const std::vector<GzipPoint>& points() const { return archive_.index_.points(); }

  void meet(const ForeignMember& found) {
    const auto& entries = archive_.entries_;
    // An index by others may list what its program cared for.
    const bool behind = next_ == entries.size() || found.offset < entries[next_].offset;
    if (behind && !entries.empty() && !entries.front().typeflag) return;
    if (behind || !is_of(found, entries[next_])) {
      TarIndexEntry here;
      here.name = found.member.name;
      here.offset = found.offset;
      not_its_index(here, "it is not in the index");
    }
    ++next_;
  }

  // Of the point that comes next; its window, and its content, are in what is recent.
  void take_sample() {
    const std::size_t number = samples_.size();
    const GzipPoint& point = points()[number];
    if (point.content > position_)
      corrupt("a point at " + std::to_string(point.content) + " of the content, which has " +
              std::to_string(position_));
    const std::uint64_t first = position_ - recent_.size();
    const std::size_t at = point.content - first;
    if (point.has_window) {
      const Bytes window = archive_.index_.window(number);
      const std::size_t there = std::min<std::size_t>(at, kGzipWindowSize);
      const auto begin = recent_.begin() + static_cast<std::ptrdiff_t>(at - there);
      if (!std::equal(window.end() - static_cast<std::ptrdiff_t>(there), window.end(), begin))
        corrupt("the window of the point at " + std::to_string(point.content) +
                " is not what stands in front of it");
    }
    const std::size_t size = std::min<std::size_t>(kSample, recent_.size() - at);
    samples_.push_back(
        {static_cast<std::uint32_t>(size), xxh3_64(ByteView(recent_).subspan(at, size))});
  }

  void compare_sample(std::size_t number) {
    const Sample& sample = samples_[number];
    Bytes found(sample.size);
    const std::uint64_t at = points()[number].content;
    const auto failure = failure_of([&] { archive_.content_.read_at(at, found); });
    if (failure && failure->kind() != ErrorKind::corrupt) throw Error(*failure);
    if (failure || xxh3_64(found) != sample.hash)
      corrupt("from the point at " + std::to_string(at) + " on other content is inflated" +
              (failure ? std::string(": ") + failure->what() : ""));
  }

  struct Sample {
    std::uint32_t size;
    std::uint64_t hash;
  };

  ForeignArchive& archive_;
  ForeignTarParser tar_;
  std::size_t next_ = 0;  // of the entries
  std::uint64_t position_ = 0;
  Bytes recent_;
  std::vector<Sample> samples_;  // of each point
};

void ForeignArchive::check_all(std::size_t piece,
                               const std::function<void(ByteCount done)>& progress) {
  Check check(*this);
  GunzipOptions options;
  options.check_footer = false;
  const auto summary =
      gunzip(read_through(stream_, piece), check, options, [&](ByteCount in, ByteCount) {
        if (progress) progress(in);
      });
  static_cast<void>(summary);
  check.finish();
}

}  // namespace tape
