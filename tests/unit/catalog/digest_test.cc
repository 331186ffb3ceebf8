// Fingerprint and state: what they cover, how they are framed (docs/format.md §1).
#include "codec/digest.h"

#include <functional>

#include "base/endian.h"
#include "format/tar_format.h"
#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/sealed.h"

using namespace tape;
using namespace test;

namespace {

void append(Bytes& out, std::string_view text) {
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_run(Bytes& out, ByteView run) {
  append_be(out, run.size(), 8);
  out.insert(out.end(), run.begin(), run.end());
}

void append_counted(Bytes& out, std::string_view text) {
  append_be(out, text.size(), 4);
  append(out, text);
}

std::uint64_t nanoseconds(const Timestamp& time) {
  return static_cast<std::uint64_t>(time.seconds * 1'000'000'000 + time.nanoseconds);
}

Bytes state_run(const Entry& entry) {
  Bytes run;
  append(run, entry.path);
  run.push_back(0);
  run.push_back(static_cast<std::uint8_t>(entry.member.type));
  const SourceStat& source = entry.source;
  for (const std::uint64_t value :
       {entry.member.size, std::uint64_t{source.mode}, source.uid, source.gid,
        nanoseconds(source.mtime), nanoseconds(source.ctime), source.identity.device,
        source.identity.inode})
    append_be(run, value, 8);
  append_counted(run, entry.member.target);
  append_be(run, entry.member.xattrs.size(), 4);
  for (const Xattr& xattr : entry.member.xattrs) {
    append_counted(run, xattr.name);
    append_counted(run, xattr.value);
  }
  return run;
}

// A tree with one of everything that a digest may cover.
void fill(MemoryTree& tree) {
  tree.add_directory("dir");
  MemoryTree::Inode& file = tree.add_file("dir/file", "content");
  file.xattrs = {{"user.a", "1"}, {"user.b", "2"}};
  file.stat.uid = 1000;
  tree.add_symlink("link", "target");
  tree.add_link("second", "dir/file");
}

CatalogSummary summary_of(const ScanOptions& options,
                          const std::function<void(MemoryTree&)>& change) {
  MemoryTree tree;
  fill(tree);
  if (change) change(tree);
  return sealed(tree, options)->summary();
}

struct Change {
  const char* name;
  std::function<void(MemoryTree&)> make;
};

}  // namespace

TEST_CASE("fingerprint: is the XXH3-128 of framed runs: version, profile, prefix, each header",
          "[digest]") {
  for (const ScanOptions& options : {portable("p"), full("a/b"), portable("")}) {
    MemoryTree tree;
    fill(tree);
    const auto catalog = sealed(tree, options);
    Bytes runs;
    append_run(runs, as_bytes("ragtape 1"));
    append_run(runs, as_bytes(options.metadata == Metadata::full ? "full" : "portable"));
    append_run(runs, as_bytes(options.prefix));
    for (const Entry& entry : entries_of(*catalog))
      append_run(runs, encode_header(entry.member));
    CHECK(hex(catalog->summary().fingerprint) == hex(xxh3_128(runs)));
  }
}

TEST_CASE("state: is the XXH3-128 of one framed run an entry", "[digest]") {
  MemoryTree tree;
  fill(tree);
  tree.inode("dir").stat.mtime = {-5, 7};
  const auto catalog = sealed(tree, full("p"));
  Bytes runs;
  for (const Entry& entry : entries_of(*catalog))
    append_run(runs, state_run(entry));
  CHECK(hex(catalog->summary().state) == hex(xxh3_128(runs)));
}

TEST_CASE("fingerprint: trees that a digest of `path|size|mtime` takes for one differ",
          "[digest]") {
  // Concatenated without framing, each pair reads the same.
  const auto fingerprint = [](const std::vector<std::pair<std::string, ByteCount>>& files) {
    MemoryTree tree;
    for (const auto& [path, size] : files)
      tree.add_file(path, Bytes(size)).stat.mtime = {1, 0};
    return hex(sealed(tree, portable("p"))->summary().fingerprint);
  };
  CHECK(fingerprint({{"a|1|1b", 1}}) != fingerprint({{"a", 1}, {"b", 1}}));
  CHECK(fingerprint({{"a", 1}}) != fingerprint({{"a|", 1}}));
  CHECK(fingerprint({{"ab", 1}}) != fingerprint({{"a", 1}, {"b", 1}}));
}

TEST_CASE("fingerprint: an equal layout under another profile or prefix is another one",
          "[digest]") {
  MemoryTree tree;
  SourceStat& root = tree.inode("").stat;
  root.uid = root.gid = 0;
  root.mtime = {1'000, 0};
  // Root's directory 0755 looks the same in both profiles: only the profile's run differs.
  const auto small = sealed(tree, portable("p"));
  const auto large = sealed(tree, full("p"));
  REQUIRE(encode_header(entries_of(*small)[0].member) ==
          encode_header(entries_of(*large)[0].member));
  CHECK(hex(small->summary().fingerprint) != hex(large->summary().fingerprint));
  CHECK(hex(small->summary().fingerprint) !=
        hex(sealed(tree, portable("q"))->summary().fingerprint));
}

TEST_CASE("state: changes with each of its fields", "[digest]") {
  const Change changes[] = {
      {"path", [](MemoryTree& t) { t.rename("dir/file", "dir/fi1e"); }},
      {"one more entry", [](MemoryTree& t) { t.add_file("z", ""); }},
      {"type", [](MemoryTree& t) { t.inode("dir/file").stat.kind = SourceKind::fifo; }},
      {"size", [](MemoryTree& t) { ++t.inode("dir/file").stat.size; }},
      {"mode", [](MemoryTree& t) { t.inode("dir/file").stat.mode ^= 1; }},
      {"mode of a symlink", [](MemoryTree& t) { t.inode("link").stat.mode = 0; }},
      {"uid", [](MemoryTree& t) { ++t.inode("dir/file").stat.uid; }},
      {"gid", [](MemoryTree& t) { ++t.inode("dir/file").stat.gid; }},
      {"mtime seconds", [](MemoryTree& t) { ++t.inode("dir").stat.mtime.seconds; }},
      {"mtime nanoseconds", [](MemoryTree& t) { ++t.inode("dir").stat.mtime.nanoseconds; }},
      {"ctime seconds", [](MemoryTree& t) { ++t.inode("dir").stat.ctime.seconds; }},
      {"ctime nanoseconds", [](MemoryTree& t) { ++t.inode("link").stat.ctime.nanoseconds; }},
      {"device", [](MemoryTree& t) { ++t.inode("dir").stat.identity.device; }},
      {"inode", [](MemoryTree& t) { t.inode("dir").stat.identity.inode += 100; }},
      {"target", [](MemoryTree& t) { t.inode("link").target = "targez"; }},
      {"name of an xattr", [](MemoryTree& t) { t.inode("dir/file").xattrs[0].name = "user.A"; }},
      {"value of an xattr", [](MemoryTree& t) { t.inode("dir/file").xattrs[0].value = "3"; }},
      {"an xattr less", [](MemoryTree& t) { t.inode("dir/file").xattrs.pop_back(); }},
      {"a byte moved from an xattr's name to its value",
       [](MemoryTree& t) {
         t.inode("dir/file").xattrs[0] = {"user.", "a1"};
       }},
  };
  const std::string before = hex(summary_of(full("p"), nullptr).state);
  CHECK(hex(summary_of(full("p"), nullptr).state) == before);
  for (const Change& change : changes) {
    INFO(change.name);
    CHECK(hex(summary_of(full("p"), change.make).state) != before);
  }
}

TEST_CASE("state: changes with nothing else", "[digest]") {
  const std::string before = hex(summary_of(full("p"), nullptr).state);
  const Change changes[] = {
      {"number of names", [](MemoryTree& t) { t.inode("link").stat.links = 7; }},
      {"device number of what is no device",
       [](MemoryTree& t) { t.inode("dir").stat.device_minor = 7; }},
      {"content of equal size", [](MemoryTree& t) { t.inode("dir/file").content = Bytes(7, 'y'); }},
  };
  for (const Change& change : changes) {
    INFO(change.name);
    CHECK(hex(summary_of(full("p"), change.make).state) == before);
  }
  ScanOptions elsewhere = full("p");
  elsewhere.root = "/elsewhere";
  CHECK(hex(summary_of(elsewhere, nullptr).state) == before);
}

TEST_CASE("fingerprint: changes with what is in a header and with nothing else", "[digest]") {
  const Change in_header[] = {
      {"path", [](MemoryTree& t) { t.rename("dir/file", "dir/fi1e"); }},
      {"size", [](MemoryTree& t) { ++t.inode("dir/file").stat.size; }},
      {"x bit", [](MemoryTree& t) { t.inode("dir/file").stat.mode |= 0100; }},
      {"mtime seconds", [](MemoryTree& t) { ++t.inode("dir").stat.mtime.seconds; }},
      {"target", [](MemoryTree& t) { t.inode("link").target = "targez"; }},
  };
  const Change elsewhere[] = {
      {"uid", [](MemoryTree& t) { ++t.inode("dir/file").stat.uid; }},
      {"mtime nanoseconds", [](MemoryTree& t) { ++t.inode("dir").stat.mtime.nanoseconds; }},
      {"ctime", [](MemoryTree& t) { ++t.inode("dir").stat.ctime.seconds; }},
      {"inode", [](MemoryTree& t) { t.inode("dir").stat.identity.inode += 100; }},
      {"xattrs", [](MemoryTree& t) { t.inode("dir/file").xattrs.clear(); }},
      {"mode without an x bit", [](MemoryTree& t) { t.inode("dir/file").stat.mode = 0600; }},
  };
  const std::string before = hex(summary_of(portable("p"), nullptr).fingerprint);
  for (const Change& change : in_header) {
    INFO(change.name);
    CHECK(hex(summary_of(portable("p"), change.make).fingerprint) != before);
  }
  for (const Change& change : elsewhere) {
    INFO(change.name);
    CHECK(hex(summary_of(portable("p"), change.make).fingerprint) == before);
  }
}

TEST_CASE("fingerprint: of full covers owners, all mode bits and xattrs", "[digest]") {
  const Change changes[] = {
      {"uid", [](MemoryTree& t) { ++t.inode("dir/file").stat.uid; }},
      {"gid", [](MemoryTree& t) { ++t.inode("dir").stat.gid; }},
      {"mode", [](MemoryTree& t) { t.inode("dir/file").stat.mode = 0600; }},
      {"xattr", [](MemoryTree& t) { t.inode("dir/file").xattrs[1].value = "x"; }},
  };
  const std::string before = hex(summary_of(full("p"), nullptr).fingerprint);
  for (const Change& change : changes) {
    INFO(change.name);
    CHECK(hex(summary_of(full("p"), change.make).fingerprint) != before);
  }
}
