#include "catalog/tree_reader.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/assert.h"

namespace tape {
namespace {

// With no room to spare: hundreds of them are held for each directory.
std::string below(const std::string& folder, const std::string& name) {
  std::string out;
  out.reserve(folder.size() + 1 + name.size());
  out += folder;
  if (!folder.empty()) out += '/';
  return out += name;
}

std::string_view name_in(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Bytes of memory, about.
std::size_t weight(const ReadEntry& entry) {
  std::size_t out = sizeof entry + entry.path.capacity() + entry.target.capacity();
  if (entry.failure) out += std::string_view(entry.failure->what()).size();
  for (const Xattr& xattr : entry.xattrs)
    out += sizeof xattr + xattr.name.capacity() + xattr.value.capacity();
  return out;
}

template <class Strings>
std::size_t weight_of_all(const Strings& strings) {
  std::size_t out = 0;
  for (const std::string& string : strings)
    out += sizeof(std::string) + string.capacity();
  return out;
}

// With its room: `= {}` would keep that.
template <class Container>
void free_all(Container& container) {
  Container().swap(container);
}

// The walk's order: components by unsigned bytes, a directory before what lies in it.
bool is_before(const std::string& a, const std::string& b) {
  const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

}  // namespace

bool TreeReader::Key::operator<(const Key& other) const {
  return path == other.path ? lists < other.lists : is_before(path, other.path);
}

TreeReader::TreeReader(SourceTree& tree, std::string spill_path, Options options)
    : tree_(tree),
      spill_path_(std::move(spill_path)),
      options_(std::move(options)),
      ahead_({kReadingsAhead, kReadingsQueued}) {
  for (unsigned i = 0; i < options_.readers; ++i) {
    auto view = tree.another_view();
    if (!view) break;
    SourceTree& its = *views_.emplace_back(std::move(view));
    ahead_.add_reader([this, &its](Reading& reading, const Ahead::GoOn& go_on) {
      do_reading(its, reading, go_on);
      if (options_.anywhere) request_below(reading);
    });
  }
}

ReadEntry TreeReader::read(const std::string& path) {
  return read_with(tree_, path);
}

ReadEntry TreeReader::read_with(SourceTree& tree, std::string path) const {
  ReadEntry out;
  out.path = std::move(path);
  const SourceStat& source = out.source;
  out.lacks = Lacks::everything;
  out.failure = failure_of([&] { out.source = tree.stat(out.path); });
  if (out.failure) return out;
  out.lacks = Lacks::content;
  out.failure = failure_of([&] {
    if (source.kind == SourceKind::regular && source.size > 0) tree.check_readable(out.path);
    if (source.kind == SourceKind::symlink) out.target = tree.read_link(out.path);
  });
  if (out.failure) return out;
  out.lacks = Lacks::nothing;
  if (options_.xattrs && source.kind != SourceKind::socket) read_xattrs(tree, out);
  return out;
}

void TreeReader::read_xattrs(SourceTree& tree, ReadEntry& entry) const {
  std::vector<Xattr>& xattrs = entry.xattrs;
  entry.failure = failure_of([&] { xattrs = tree.xattrs(entry.path); });
  if (entry.failure) {
    // It went. A directory may still be listed: that tells.
    const bool gone =
        entry.failure->kind() == ErrorKind::not_found && entry.source.kind != SourceKind::directory;
    entry.lacks = gone ? Lacks::content : Lacks::xattrs;
  }
  // A catalog holds them in this order only, and a list that is written to meanwhile may have one
  // twice.
  const auto before = [](const Xattr& a, const Xattr& b) { return a.name < b.name; };
  const auto same = [](const Xattr& a, const Xattr& b) { return a.name == b.name; };
  std::stable_sort(xattrs.begin(), xattrs.end(), before);
  xattrs.erase(std::unique(xattrs.begin(), xattrs.end(), same), xattrs.end());
}

void TreeReader::list(SourceTree& tree, Reading& reading) {
  std::size_t bytes = 0;
  reading.withheld = failure_of([&] {
    tree.list(reading.folder, [&](std::string_view name) {
      bytes += sizeof(std::string) + name.size();
      reading.too_large = reading.too_large || bytes > kReadingBytes;
      if (!reading.too_large) reading.names.emplace_back(name);
    });
  });
  if (reading.withheld || reading.too_large) reading.names.clear();
  std::vector<std::string>& names = reading.names;
  std::sort(names.begin(), names.end());
  // A directory that is written to meanwhile may tell a name twice.
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

void TreeReader::do_reading(SourceTree& tree, Reading& reading, const Ahead::GoOn& go_on) const {
  if (reading.lists) list(tree, reading);
  std::size_t bytes = 0;
  const std::size_t most = std::min(reading.names.size(), kReadingEntries);
  while (reading.entries.size() < most && bytes < kReadingBytes && go_on()) {
    const std::string& name = reading.names[reading.entries.size()];
    reading.entries.push_back(read_with(tree, below(reading.folder, name)));
    bytes += weight(reading.entries.back());
  }
}

void TreeReader::do_here(Reading& reading) {
  do_reading(tree_, reading, [&] {
    if (options_.waiting) options_.waiting();
    return true;
  });
}

std::optional<TreeReader::Reading> TreeReader::take(const Key& key) {
  if (!ahead_.has_readers()) return std::nullopt;
  return ahead_.take(
      key, [this](Reading& reading) { do_here(reading); }, options_.waiting);
}

void TreeReader::request_listing(const std::string& path) {
  Reading reading;
  reading.folder = path;
  reading.lists = true;
  ahead_.request({path, true}, std::move(reading));
}

void TreeReader::request_below(const Reading& reading) {
  for (const ReadEntry& entry : reading.entries) {
    if (is_entered(entry)) request_listing(entry.path);
  }
}

bool TreeReader::is_entered(const ReadEntry& entry) const {
  return entry.lacks != Lacks::everything && entry.source.kind == SourceKind::directory &&
         options_.is_entered && options_.is_entered(entry);
}

std::optional<Error> TreeReader::enter(const std::string& path,
                                       const SourceTree::NameVisitor& visit) {
  std::optional<Reading> reading = take({path, true});
  Folder folder{path, SortedNames(spill_, spill_path_), {}, {}, {}, 0, {}, 0, 0};
  if (!reading || reading->too_large) {
    if (auto withheld = list_here(folder, visit)) return withheld;
  } else {
    if (reading->withheld) return reading->withheld;
    for (const std::string& name : reading->names)
      visit(name);
    for (std::size_t i = reading->entries.size(); i < reading->names.size(); ++i)
      folder.names.add(reading->names[i]);
    folder.entries = std::move(reading->entries);
  }
  folders_.push_back(std::move(folder));
  count_held(folders_.back());
  put_away_outer_folders();
  return std::nullopt;
}

void TreeReader::count_held(Folder& folder) {
  std::size_t bytes =
      folder.names.held() + weight_of_all(folder.rest) + weight_of_all(folder.folders);
  bytes += (folder.entries.capacity() - folder.entries.size()) * sizeof(ReadEntry);
  for (const ReadEntry& entry : folder.entries)
    bytes += weight(entry);
  for (const Batch& batch : folder.batches)
    bytes += batch.bytes;
  held_ = held_ - folder.held + bytes;
  folder.held = bytes;
}

// The outermost first: the walk comes back to them last.
void TreeReader::put_away_outer_folders() {
  for (std::size_t i = 0; i + 1 < folders_.size() && held_ > options_.held_bytes; ++i) {
    Folder& folder = folders_[i];
    if (!folder.entries.empty() || folder.names.held() > 0) put_away(folder, folders_[i + 1].path);
  }
}

// What was read of it and not given becomes names again. Batches that are requested lie between
// those and the names that are in none.
void TreeReader::put_away(Folder& folder, const std::string& entered) {
  std::vector<std::string> back;
  for (std::size_t i = folder.index; i < folder.entries.size(); ++i)
    back.emplace_back(name_in(folder.entries[i].path));
  std::move(folder.rest.begin(), folder.rest.end(), std::back_inserter(back));
  free_all(folder.rest);
  free_all(folder.entries);
  folder.index = 0;
  free_all(folder.folders);
  folder.requested = 0;
  if (folder.batches.empty()) {
    folder.names.put_away(back, name_in(entered));
  } else {
    folder.names.put_away({}, {});
    folder.rest = std::move(back);
  }
  count_held(folder);
}

// What fails in our own file is no failure of the directory.
std::optional<Error> TreeReader::list_here(Folder& folder, const SourceTree::NameVisitor& visit) {
  std::optional<Error> own;
  const auto remember = [&](std::string_view name) {
    visit(name);
    if (!own) own = failure_of([&] { folder.names.add(name); });
  };
  auto withheld = failure_of([&] { tree_.list(folder.path, remember); });
  if (own) throw Error(*own);
  return withheld;
}

std::vector<std::string> TreeReader::next_names(Folder& folder) {
  std::vector<std::string> out;
  while (out.size() < kReadingEntries) {
    auto name = folder.names.next();
    if (!name) break;
    out.push_back(std::move(*name));
  }
  return out;
}

// False: the folder's last entry was given.
bool TreeReader::refill(Folder& folder) {
  Reading reading;
  reading.folder = folder.path;
  if (!folder.rest.empty()) {
    reading.names = std::move(folder.rest);
    do_here(reading);
  } else if (!folder.batches.empty()) {
    auto taken = take(folder.batches.front().key);
    TAPE_ASSERT(taken);
    reading = std::move(*taken);
    folder.batches.pop_front();
  } else {
    reading.names = next_names(folder);
    if (reading.names.empty()) return false;
    request_batches(folder);
    do_here(reading);
  }
  const auto behind = reading.names.begin() + static_cast<std::ptrdiff_t>(reading.entries.size());
  folder.rest.assign(std::make_move_iterator(behind), std::make_move_iterator(reading.names.end()));
  folder.entries = std::move(reading.entries);
  folder.index = 0;
  return true;
}

void TreeReader::request_batches(Folder& folder) {
  if (!ahead_.has_readers() || folder.batches.size() > kBatchesAhead / 2 ||
      held_ > options_.held_bytes / 2)
    return;
  while (folder.batches.size() < kBatchesAhead) {
    Reading reading;
    reading.folder = folder.path;
    reading.names = next_names(folder);
    if (reading.names.empty()) return;
    folder.batches.push_back(
        {{below(folder.path, reading.names.front()), false}, weight_of_all(reading.names)});
    // Needed: its names come from nowhere else.
    ahead_.request(folder.batches.back().key, std::move(reading), true);
  }
}

void TreeReader::request_folders(Folder& folder) {
  while (folder.requested < std::min(folder.folders.size(), kFoldersAhead))
    request_listing(folder.folders[folder.requested++]);
}

void TreeReader::request_what_follows(Folder& folder) {
  for (const ReadEntry& entry : folder.entries) {
    if (is_entered(entry)) folder.folders.push_back(entry.path);
  }
  request_batches(folder);
  request_folders(folder);
  ahead_.pass({folder.entries.front().path, false});
}

std::optional<ReadEntry> TreeReader::next() {
  Folder& folder = folders_.back();
  if (folder.index == folder.entries.size() && !refill(folder)) return std::nullopt;
  if (folder.index == 0) {
    if (ahead_.has_readers()) request_what_follows(folder);
    count_held(folder);
  }
  ReadEntry entry = std::move(folder.entries[folder.index++]);
  if (!folder.folders.empty() && folder.folders.front() == entry.path) {
    folder.folders.pop_front();
    --folder.requested;
    request_folders(folder);
    ahead_.pass({entry.path, false});
  }
  return entry;
}

std::optional<std::string> TreeReader::next_name() {
  Folder& folder = folders_.back();
  if (folder.index == folder.entries.size()) return folder.names.next();
  return std::string(name_in(folder.entries[folder.index++].path));
}

void TreeReader::leave() {
  held_ -= folders_.back().held;
  folders_.pop_back();
}

}  // namespace tape
