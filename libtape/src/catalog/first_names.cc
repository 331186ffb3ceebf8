#include "catalog/first_names.h"

#include <algorithm>

#include "catalog/scratch_database.h"

namespace tape {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE first (device INTEGER NOT NULL, inode INTEGER NOT NULL, tape_offset INTEGER NOT "
    "NULL, kind INTEGER NOT NULL, size INTEGER NOT NULL, mtime_s INTEGER NOT NULL, mtime_ns "
    "INTEGER "
    "NOT NULL, ctime_s INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, names_left INTEGER NOT NULL, "
    "hash BLOB, PRIMARY KEY (device, inode)) STRICT, WITHOUT ROWID";

bool has_several_names(const SourceStat& source) {
  return source.kind != SourceKind::directory && source.links > 1;
}

bool is_the_same_file(const FirstName& first, const SourceStat& source) {
  return first.kind == source.kind && first.size == source.size && first.mtime == source.mtime &&
         first.ctime <= source.ctime;
}

}  // namespace

std::optional<FirstName> FirstNames::meet(const SourceStat& source) {
  if (!has_several_names(source)) return {};
  auto first = find(source.identity);
  if (!first || !is_the_same_file(*first, source)) return {};
  if (--first->names_left == 0) {
    erase(source.identity);
  } else {
    put(source.identity, *first);
  }
  return first;
}

void FirstNames::add(const SourceStat& source,
                     TapeOffset offset,
                     const std::optional<Hash128>& hash) {
  if (!has_several_names(source)) return;
  put(source.identity,
      {offset, hash, source.kind, source.size, source.mtime, source.ctime, source.links - 1});
}

std::optional<FirstName> FirstNames::find(const FileIdentity& identity) {
  const auto at = names_.find(identity);
  if (at != names_.end()) return at->second;
  return spill_ ? spill_->find(identity) : std::nullopt;
}

// In their order: neighbours go to one page.
void FirstNames::put(const FileIdentity& identity, const FirstName& name) {
  names_.insert_or_assign(identity, name);
  if (names_.size() <= in_memory_) return;
  if (!spill_) spill_.emplace(spill_path_);
  for (const auto& [of, first] : names_)
    spill_->put(of, first);
  names_.clear();
}

void FirstNames::erase(const FileIdentity& identity) {
  names_.erase(identity);
  if (spill_) spill_->erase(identity);
}

FirstNames::Spill::Spill(const std::string& path)
    : connection_(scratch_database(path, kFirstNamesCacheBytes, kSchema)),
      put_(connection_,
           "INSERT OR REPLACE INTO first VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
      find_(
          connection_,
          "SELECT tape_offset, kind, size, mtime_s, mtime_ns, ctime_s, ctime_ns, names_left, hash "
          "FROM first WHERE device = ?1 AND inode = ?2"),
      erase_(connection_, "DELETE FROM first WHERE device = ?1 AND inode = ?2") {}

void FirstNames::Spill::bind(Statement& statement, const FileIdentity& identity) {
  statement.bind(1, static_cast<std::int64_t>(identity.device));
  statement.bind(2, static_cast<std::int64_t>(identity.inode));
}

void FirstNames::Spill::put(const FileIdentity& identity, const FirstName& name) {
  bind(put_, identity);
  int column = 2;
  const auto number = [&](auto value) { put_.bind(++column, static_cast<std::int64_t>(value)); };
  number(name.offset.value());
  number(name.kind);
  number(name.size);
  number(name.mtime.seconds);
  number(name.mtime.nanoseconds);
  number(name.ctime.seconds);
  number(name.ctime.nanoseconds);
  number(name.names_left);
  if (name.hash) {
    put_.bind(++column, *name.hash);
  } else {
    put_.bind_null(++column);
  }
  put_.step();
  put_.reset();
}

std::optional<FirstName> FirstNames::Spill::find(const FileIdentity& identity) {
  bind(find_, identity);
  std::optional<FirstName> out;
  if (find_.step()) {
    int column = -1;
    const auto number = [&] { return find_.integer(++column); };
    const auto time = [&] {
      const std::int64_t seconds = number();
      return Timestamp{seconds, static_cast<std::uint32_t>(number())};
    };
    FirstName& name = out.emplace();
    name.offset = TapeOffset(static_cast<std::uint64_t>(number()));
    name.kind = static_cast<SourceKind>(number());
    name.size = static_cast<ByteCount>(number());
    name.mtime = time();
    name.ctime = time();
    name.names_left = static_cast<std::uint64_t>(number());
    if (!find_.is_null(++column)) {
      const std::string bytes = find_.blob(column);
      std::copy(bytes.begin(), bytes.end(), name.hash.emplace().begin());
    }
  }
  find_.reset();
  return out;
}

void FirstNames::Spill::erase(const FileIdentity& identity) {
  bind(erase_, identity);
  erase_.step();
  erase_.reset();
}

}  // namespace tape
