#include "catalog/sorted_names.h"

#include <algorithm>
#include <utility>

#include "catalog/scratch_database.h"
#include "tape/error.h"

namespace tape {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE name (list INTEGER NOT NULL, name BLOB NOT NULL, PRIMARY KEY (list, name)) "
    "STRICT, WITHOUT ROWID";

}  // namespace

NameSpill::NameSpill(const std::string& path)
    : connection_(scratch_database(path, kNameCacheBytes, kSchema)),
      insert_(connection_, "INSERT OR IGNORE INTO name VALUES (?1, ?2)"),
      next_(connection_,
            "SELECT name FROM name WHERE list = ?1 AND name > ?2 ORDER BY name LIMIT 1"),
      drop_(connection_, "DELETE FROM name WHERE list = ?1") {}

void NameSpill::add(std::uint64_t list, std::string_view name) {
  insert_.bind(1, static_cast<std::int64_t>(list));
  insert_.bind(2, as_bytes(name));
  insert_.step();
  insert_.reset();
}

std::optional<std::string> NameSpill::next(std::uint64_t list, std::string_view after) {
  next_.bind(1, static_cast<std::int64_t>(list));
  next_.bind(2, as_bytes(after));
  std::optional<std::string> out;
  if (next_.step()) out = next_.blob(0);
  next_.reset();
  return out;
}

void NameSpill::drop(std::uint64_t list) {
  drop_.bind(1, static_cast<std::int64_t>(list));
  drop_.step();
  drop_.reset();
}

SortedNames::SortedNames(SortedNames&& other) noexcept
    : spill_(other.spill_),
      path_(other.path_),
      list_(std::exchange(other.list_, std::nullopt)),
      bytes_(std::move(other.bytes_)),
      begins_(std::move(other.begins_)),
      index_(other.index_),
      last_(std::move(other.last_)),
      sorted_(other.sorted_) {}

SortedNames::~SortedNames() {
  // Dropping only frees room in the temporary file: its failure loses nothing.
  if (list_) static_cast<void>(failure_of([&] { (*spill_)->drop(*list_); }));
}

void SortedNames::add(std::string_view name) {
  begins_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  bytes_ += name;
  bytes_ += '\0';
  if (bytes_.size() >= kNamesInMemory) spill();
}

void SortedNames::sort() {
  std::sort(begins_.begin(), begins_.end(), [this](std::uint32_t a, std::uint32_t b) {
    return std::string_view(bytes_.data() + a) < std::string_view(bytes_.data() + b);
  });
}

// Sorted first: neighbours go to one page.
void SortedNames::spill() {
  if (!*spill_) spill_->emplace(*path_);
  if (!list_) list_ = (*spill_)->new_list();
  sort();
  for (const std::uint32_t begin : begins_)
    (*spill_)->add(*list_, bytes_.data() + begin);
  begins_.clear();
  bytes_.clear();
}

// Before the first is given.
void SortedNames::settle() {
  if (sorted_) return;
  sorted_ = true;
  if (!list_) return sort();
  spill();
  bytes_.shrink_to_fit();
  begins_.shrink_to_fit();
}

std::optional<std::string> SortedNames::next() {
  settle();
  std::optional<std::string> name;
  if (list_) {
    name = (*spill_)->next(*list_, last_);
  } else {
    // A directory that is written to while it is listed may tell a name twice.
    while (index_ < begins_.size() && last_ == bytes_.data() + begins_[index_])
      ++index_;
    if (index_ < begins_.size()) name = bytes_.data() + begins_[index_++];
  }
  if (name) last_ = *name;
  return name;
}

void SortedNames::put_away(const std::vector<std::string>& back, std::string_view after) {
  settle();
  if (!*spill_) spill_->emplace(*path_);
  if (!list_) list_ = (*spill_)->new_list();
  for (const std::string& name : back)
    (*spill_)->add(*list_, name);
  for (; index_ < begins_.size(); ++index_)
    (*spill_)->add(*list_, bytes_.data() + begins_[index_]);
  index_ = 0;
  // `= {}` would keep their room.
  std::vector<std::uint32_t>().swap(begins_);
  std::string().swap(bytes_);
  if (!back.empty()) last_ = after;
}

}  // namespace tape
