// The names of one directory, sorted: few in memory, many in a temporary file.
//
// Limits:  kNamesInMemory bytes of names, and as much again for their order; kNameCacheBytes for
// all
//          that are larger or put away.
// Threads: one caller at a time.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/sqlite.h"

namespace tape {

inline constexpr std::size_t kNamesInMemory = std::size_t{256} * 1024;
inline constexpr ByteCount kNameCacheBytes = ByteCount{1} << 20;

// SQLite sorts what does not fit. The file has no name and goes with the object.
class NameSpill {
 public:
  // `path`: a new name for the file; it has none when this returns.
  explicit NameSpill(const std::string& path);
  std::uint64_t new_list() { return lists_++; }
  void add(std::uint64_t list, std::string_view name);
  // The first name of a list that is behind `after`.
  std::optional<std::string> next(std::uint64_t list, std::string_view after);
  void drop(std::uint64_t list);

 private:
  Connection connection_;
  Statement insert_;
  Statement next_;
  Statement drop_;
  std::uint64_t lists_ = 0;
};

class SortedNames {
 public:
  // `spill` is made as `path` when the first list needs it; both must outlive this.
  SortedNames(std::optional<NameSpill>& spill, const std::string& path)
      : spill_(&spill), path_(&path) {}
  SortedNames(SortedNames&& other) noexcept;
  SortedNames& operator=(SortedNames&&) = delete;
  SortedNames(const SortedNames&) = delete;
  SortedNames& operator=(const SortedNames&) = delete;
  ~SortedNames();

  // A name has no NUL and is not empty.
  void add(std::string_view name);
  // By unsigned bytes, each once; no add() after the first. None at the end.
  std::optional<std::string> next();
  // All that is not given goes to the spill, and so does `back`: names behind `after`, in front of
  // those, that come again. No add() after it.
  void put_away(const std::vector<std::string>& back, std::string_view after);

  // Bytes of memory.
  std::size_t held() const {
    return bytes_.capacity() + begins_.capacity() * sizeof(begins_.front());
  }

 private:
  void sort();
  void spill();
  void settle();

  std::optional<NameSpill>* spill_;
  const std::string* path_;
  std::optional<std::uint64_t> list_;  // in the spill
  std::string bytes_;                  // names side by side, each with a NUL
  std::vector<std::uint32_t> begins_;
  std::size_t index_ = 0;
  std::string last_;  // given
  bool sorted_ = false;
};

}  // namespace tape
