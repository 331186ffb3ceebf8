#include "tape/catalog.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "db/sqlite.h"
#include "support/expect.h"
#include "support/memory_tree.h"
#include "support/sealed.h"
#include "tape/tape_stream.h"

using namespace tape;
using namespace test;

namespace {

void fill(MemoryTree& tree) {
  tree.add_directory("a");
  tree.add_file("a/one", "1");
  tree.add_file("a/three", "333");
  tree.add_link("b", "a/one");
  tree.add_symlink("link", "a/one");
  tree.add_file(std::string(150, 'n'), Bytes(1500, 'n'));
}

// A tape file of the tree above, under prefix `p`.
struct Tape {
  TemporaryFolder folder;
  MemoryTree tree;
  std::string path = folder / "tape";
  explicit Tape(const ScanOptions& options = portable("p")) {
    fill(tree);
    tape::scan(tree, {folder / "tmp", path}, options);
  }
  // As somebody with SQLite would change it.
  void edit(const std::string& sql) { Connection::create(path, 64 * 1024).run(sql); }
};

Bytes played(Catalog& catalog, MemoryTree& tree) {
  TapeStream stream(catalog, tree, nullptr);
  // A damaged size must not make the test allocate it.
  Bytes out(std::min<ByteCount>(stream.size(), 1 << 20));
  out.resize(stream.read(out));
  return out;
}

// Everything that is read of a tape before its bytes are believed.
void open_and_check(const std::string& path) {
  const auto catalog = Catalog::open(path);
  catalog->check();
}

Bytes checked_and_played(Tape& tape) {
  const auto catalog = Catalog::open(tape.path);
  catalog->check();
  return played(*catalog, tape.tree);
}

}  // namespace

TEST_CASE("catalog: what scan returned and what is opened again are one", "[catalog]") {
  const TemporaryFolder folder;
  MemoryTree tree;
  fill(tree);
  ScanOptions options = full("p");
  options.root = std::string("/s\xff\n\0x", 6);
  options.source_date_epoch = -3;
  const auto made = scan(tree, {folder / "tmp", folder / "tape"}, options);
  const auto opened = Catalog::open(folder / "tape");
  const CatalogSummary& a = made->summary();
  const CatalogSummary& b = opened->summary();
  CHECK(a.root == options.root);
  CHECK(b.root == options.root);
  CHECK(b.prefix == "p");
  CHECK(b.metadata == Metadata::full);
  CHECK(b.source_date_epoch == -3);
  CHECK_FALSE(b.single_file);
  CHECK(a.tape_size == b.tape_size);
  CHECK(a.entries == b.entries);
  CHECK(a.fingerprint == b.fingerprint);
  CHECK(a.state == b.state);
  CHECK(a.started == b.started);
  CHECK(b.started.seconds > 1'700'000'000);
  const auto first = entries_of(*made);
  const auto second = entries_of(*opened);
  REQUIRE(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(first[i].path == second[i].path);
    CHECK(first[i].offset == second[i].offset);
    CHECK(first[i].member.target == second[i].member.target);
    CHECK(first[i].source.ctime == second[i].source.ctime);
  }
}

TEST_CASE("catalog: entry_at finds the member of every block, and none in the end blocks",
          "[catalog]") {
  Tape tape;
  const auto catalog = Catalog::open(tape.path);
  const auto entries = entries_of(*catalog);
  std::size_t index = 0;
  for (TapeOffset at; at.value() < catalog->summary().tape_size; at = at + 256) {
    while (index < entries.size() && entries[index].end() <= at)
      ++index;
    const auto found = catalog->entry_at(at);
    INFO("offset " << at.value());
    if (index == entries.size()) {
      CHECK_FALSE(found);
    } else {
      REQUIRE(found);
      CHECK(found->path == entries[index].path);
    }
  }
  CHECK(index == entries.size());
  CHECK_FALSE(catalog->entry_at(TapeOffset(catalog->summary().tape_size)));
  CHECK_FALSE(catalog->entry_at(TapeOffset(~std::uint64_t{0} >> 1)));
}

TEST_CASE("catalog: a walk begins with the member that holds the offset", "[catalog]") {
  Tape tape;
  const auto catalog = Catalog::open(tape.path);
  const auto entries = entries_of(*catalog);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (const TapeOffset at :
         {entries[i].offset, entries[i].offset + 1, TapeOffset(entries[i].end().value() - 1)}) {
      const auto cursor = catalog->entries_from(at);
      for (std::size_t j = i; j < entries.size(); ++j) {
        const auto next = cursor->next();
        REQUIRE(next);
        CHECK(next->path == entries[j].path);
      }
      CHECK_FALSE(cursor->next());
    }
  }
  CHECK_FALSE(catalog->entries_from(TapeOffset(catalog->summary().tape_size - 1))->next());
}

TEST_CASE("catalog: find takes a member path with its prefix and nothing else", "[catalog]") {
  const struct {
    const char* prefix;
    const char* path;
    const char* found;  // path below the root; null: none
  } cases[] = {
      {"p", "p", ""},
      {"p", "p/a", "a"},
      {"p", "p/a/one", "a/one"},
      {"p", "a/one", nullptr},
      {"p", "", nullptr},
      {"p", "pa", nullptr},
      {"p", "p/a/", nullptr},
      {"p", "p/", ""},
      {"p", "p/none", nullptr},
      {"", "", ""},
      {"", "a/one", "a/one"},
      {"", "p/a", nullptr},
      {"x/y", "x/y/b", "b"},
      {"x/y", "x", nullptr},
      {"x/y", "x/y", ""},
  };
  for (const auto& c : cases) {
    MemoryTree tree;
    fill(tree);
    const auto catalog = sealed(tree, portable(c.prefix));
    const auto found = catalog->find(c.path);
    INFO("prefix " << c.prefix << ", path " << c.path);
    CHECK(found.has_value() == (c.found != nullptr));
    if (found && c.found != nullptr) CHECK(found->path == c.found);
  }
}

TEST_CASE("catalog: names_of gives every name of an inode, and one for others", "[catalog]") {
  Tape tape;
  const auto catalog = Catalog::open(tape.path);
  for (const char* name : {"p/a/one", "p/b"})
    CHECK(catalog->names_of(*catalog->find(name)) == std::vector<std::string>{"a/one", "b"});
  CHECK(catalog->names_of(*catalog->find("p/a/three")) == std::vector<std::string>{"a/three"});
  CHECK(catalog->names_of(*catalog->find("p")) == std::vector<std::string>{""});
}

TEST_CASE("catalog: what is no tape is refused when it is opened", "[catalog]") {
  Tape tape;
  SECTION("not there") {
    CHECK(failed([&] { return Catalog::open(tape.folder / "none"); }).kind() ==
          ErrorKind::not_found);
  }
  SECTION("not a database") {
    write_file(tape.folder / "text", "text, not a tape");
    CHECK(failed([&] { return Catalog::open(tape.folder / "text"); }).kind() == ErrorKind::corrupt);
  }
  SECTION("empty") {
    write_file(tape.folder / "empty", "");
    CHECK(failed([&] { return Catalog::open(tape.folder / "empty"); }).kind() ==
          ErrorKind::corrupt);
  }
  SECTION("somebody else's database") {
    Connection::create(tape.folder / "other", 65536).run("CREATE TABLE tape (x)");
    const auto failure = failed([&] { return Catalog::open(tape.folder / "other"); });
    CHECK(failure.kind() == ErrorKind::corrupt);
    CHECK(says(failure, "not a tape catalog"));
  }
  SECTION("a later version") {
    tape.edit("PRAGMA user_version = 2");
    const auto failure = failed([&] { return Catalog::open(tape.path); });
    CHECK(failure.kind() == ErrorKind::unsupported);
    CHECK(says(failure, "version 2, 1 expected"));
  }
  SECTION("version 0") {
    tape.edit("PRAGMA user_version = 0");
    CHECK(failed([&] { return Catalog::open(tape.path); }).kind() == ErrorKind::unsupported);
  }
  SECTION("not sealed") {
    tape.edit("DELETE FROM tape");
    const auto failure = failed([&] { return Catalog::open(tape.path); });
    CHECK(failure.kind() == ErrorKind::corrupt);
    CHECK(says(failure, "not sealed"));
  }
  SECTION("two seals") {
    tape.edit("INSERT INTO tape SELECT * FROM tape");
    CHECK(failed([&] { return Catalog::open(tape.path); }).kind() == ErrorKind::corrupt);
  }
  for (const char* table : {"tape", "entry"}) {
    DYNAMIC_SECTION("without table " << table) {
      tape.edit("DROP TABLE " + std::string(table));
      CHECK(failed([&] { return Catalog::open(tape.path); }).kind() == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("catalog: each column of the seal is covered by it", "[catalog]") {
  for (const char* change : {"root = x'2f'",
                             "single_file = 1",
                             "prefix = x'71'",
                             "metadata = 'full'",
                             "source_date_epoch = 5",
                             "tape_size = tape_size + 512",
                             "entries = entries + 1",
                             "fingerprint = zeroblob(16)",
                             "state = zeroblob(16)",
                             "started_s = 5",
                             "started_ns = 5",
                             "hashed = 1",
                             "contents = zeroblob(16)",
                             "profile = 'tartape'",
                             "excluded = 1",
                             "problems = 1",
                             "skipped_sockets = 1",
                             "skipped_devices = 1",
                             "skipped_own_files = 1",
                             "seal = zeroblob(16)",
                             "seal = zeroblob(15)",
                             "fingerprint = x''"}) {
    DYNAMIC_SECTION(change) {
      Tape tape;
      tape.edit("UPDATE tape SET " + std::string(change));
      CHECK(failed([&] { return Catalog::open(tape.path); }).kind() == ErrorKind::corrupt);
    }
  }
}

TEST_CASE("catalog: a row that no scan writes is corrupt, and the message names it", "[catalog]") {
  const struct {
    const char* name;
    const char* sql;
    const char* says;
  } cases[] = {
      {"overlap", "UPDATE entry SET tape_offset = tape_offset - 100 WHERE path = x'62'",
       "entry b at"},
      {"gap", "UPDATE entry SET tape_offset = tape_offset + 1 WHERE path = x'6c696e6b'",
       "entry link at"},
      {"first row elsewhere", "UPDATE entry SET tape_offset = 1 WHERE tape_offset = 0",
       "at 1 with"},
      {"negative offset", "UPDATE entry SET tape_offset = -512 WHERE tape_offset = 0", "-512"},
      {"negative size", "UPDATE entry SET size = -1 WHERE path = x'612f6f6e65'", "a/one"},
      {"huge size", "UPDATE entry SET size = 9223372036854775807 WHERE path = x'612f6f6e65'",
       "entry a/one"},
      {"no header blocks", "UPDATE entry SET header_blocks = 0 WHERE path = x'61'", "entry a"},
      {"too many header blocks", "UPDATE entry SET header_blocks = 5000000000 WHERE path = x'61'",
       "entry a"},
      {"another number of header blocks", "UPDATE entry SET header_blocks = 2 WHERE path = x'61'",
       "entry a"},
      {"`..` in a path", "UPDATE entry SET path = x'2e2e2f78' WHERE path = x'62'", "../x"},
      {"absolute path", "UPDATE entry SET path = x'2f78' WHERE path = x'62'", "/x"},
      {"empty component", "UPDATE entry SET path = x'612f2f78' WHERE path = x'62'", "a//x"},
      {"NUL in a path", "UPDATE entry SET path = x'610062' WHERE path = x'62'", "a\\x00b"},
      {"path too long",
       "UPDATE entry SET path = CAST(printf('%.*c', 5000, 'x') AS BLOB) WHERE path = x'62'",
       "5000 bytes"},
      {"mode", "UPDATE entry SET mode = 65535 WHERE path = x'62'", "entry b"},
      {"negative uid", "UPDATE entry SET uid = -1 WHERE path = x'62'", "entry b"},
      {"nanoseconds", "UPDATE entry SET mtime_ns = 1000000000 WHERE path = x'62'", "entry b"},
      {"negative nanoseconds", "UPDATE entry SET ctime_ns = -1 WHERE path = x'62'", "entry b"},
      {"unknown type", "UPDATE entry SET type = '7' WHERE path = x'612f6f6e65'", "type 7"},
      {"hard link as type", "UPDATE entry SET type = '1' WHERE path = x'612f6f6e65'", "type 1"},
      {"link to a later row", "UPDATE entry SET first = 1000000 WHERE path = x'62'", "entry b"},
      {"link to itself", "UPDATE entry SET first = tape_offset WHERE path = x'62'", "entry b"},
      {"link to between rows", "UPDATE entry SET first = 7 WHERE path = x'62'", "entry b"},
      {"directory as link", "UPDATE entry SET first = 0 WHERE path = x'61'", "entry a"},
      {"link to a directory", "UPDATE entry SET first = 0 WHERE path = x'62'", "fingerprint"},
      {"cut xattrs", "UPDATE entry SET xattrs = x'00000001' WHERE path = x'62'", "entry b"},
      {"xattrs out of order",
       "UPDATE entry SET xattrs = x'000000016200000000000000016100000000' WHERE path = x'62'",
       "entry b"},
      {"a row more",
       "INSERT INTO entry SELECT tape_offset + 100000, header_blocks, x'7a', type, first, mode, "
       "uid, gid, uname, gname, size, mtime_s, mtime_ns, ctime_s, ctime_ns, device, inode, "
       "rdev_major, rdev_minor, target, xattrs, hash FROM entry WHERE path = x'61'",
       "entry z"},
      {"a row less", "DELETE FROM entry WHERE path = x'6c696e6b'", "expected at"},
      {"the last row less",
       "DELETE FROM entry WHERE tape_offset = (SELECT max(tape_offset) FROM entry)",
       "number of entries"},
      {"another mtime", "UPDATE entry SET mtime_s = 5 WHERE path = x'62'", "fingerprint"},
      {"a hash that no scan made", "UPDATE entry SET hash = zeroblob(16) WHERE path = x'62'",
       "hashes"},
      {"a short hash", "UPDATE entry SET hash = x'00' WHERE path = x'62'", "entry b"},
      {"another ctime", "UPDATE entry SET ctime_s = 5 WHERE path = x'62'", "state"},
      {"another inode", "UPDATE entry SET inode = 5 WHERE path = x'62'", "state"},
  };
  for (const auto& c : cases) {
    DYNAMIC_SECTION(c.name) {
      Tape tape;
      tape.edit(c.sql);
      const auto failure = failed([&] { open_and_check(tape.path); });
      CHECK(failure.kind() == ErrorKind::corrupt);
      INFO(failure.what());
      CHECK(says(failure, c.says));
    }
  }
}

TEST_CASE("catalog: a bad row is refused by look-ups too, without a check before", "[catalog]") {
  Tape tape;
  tape.edit("UPDATE entry SET path = x'2e2e2f78' WHERE path = x'62'");
  const auto catalog = Catalog::open(tape.path);
  CHECK(failed([&] { return entries_of(*catalog); }).kind() == ErrorKind::corrupt);
  CHECK(failed([&] { return catalog->find("p/../x"); }).kind() == ErrorKind::corrupt);
}

TEST_CASE("catalog: a table of problems that is gone or does not fit the seal is corrupt",
          "[catalog]") {
  const auto count_problems = [](const std::string& path) {
    std::uint64_t count = 0;
    const auto catalog = Catalog::open(path);
    catalog->check();
    catalog->each_problem([&](const std::string&, const std::string&) { ++count; });
    return count;
  };
  Tape tape;
  CHECK(count_problems(tape.path) == 0);
  SECTION("gone") {
    tape.edit("DROP TABLE problem");
    CHECK(failed([&] { return count_problems(tape.path); }).kind() == ErrorKind::corrupt);
  }
  SECTION("one that the scan did not find") {
    tape.edit("INSERT INTO problem (path, reason) VALUES (x'61', 'made up')");
    CHECK(failed([&] { return count_problems(tape.path); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("catalog: a tape cut at any length plays the right bytes or is an error", "[catalog]") {
  Tape tape;
  const Bytes right = played(*Catalog::open(tape.path), tape.tree);
  const std::size_t whole = read_file(tape.path).size();
  std::size_t refused = 0;
  // Shorter and shorter: the last two pages closely, of the rest a sample.
  for (std::size_t size = whole - 1; size > 0;
       size -= std::min(size, whole - size < 8192 ? 13UL : 97UL)) {
    std::filesystem::resize_file(tape.path, size);
    Bytes bytes;
    const auto failure = failure_of([&] { bytes = checked_and_played(tape); });
    INFO("cut at " << size << " of " << whole);
    if (failure) {
      ++refused;
      CHECK_FALSE(std::string(failure->what()).empty());
    } else {
      CHECK(bytes == right);
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("catalog: a flipped byte plays the right bytes or is an error", "[catalog]") {
  Tape tape;
  const Bytes right = played(*Catalog::open(tape.path), tape.tree);
  const std::string whole = read_file(tape.path);
  std::fstream file(tape.path, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, int value) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(value)).flush();
  };
  std::size_t refused = 0;
  std::size_t rounds = 0;
  // All of SQLite's header; of the rest every third byte. The bits by turns.
  for (std::size_t at = 0; at < whole.size(); at += at < 200 ? 1 : 3) {
    put(at, whole[at] ^ 1 << (at / 3 % 8));
    Bytes bytes;
    const auto failure = failure_of([&] { bytes = checked_and_played(tape); });
    put(at, whole[at]);
    ++rounds;
    if (failure) {
      ++refused;
    } else if (bytes != right) {
      FAIL_CHECK("byte " << at << " of " << whole.size() << " flipped: other bytes and no error");
    }
  }
  INFO(refused << " of " << rounds << " refused");
  CHECK(refused > rounds / 20);
  CHECK(read_file(tape.path) == whole);
}
