#include "db/sqlite.h"

#include <unistd.h>

#include "support/expect.h"
#include "support/temporary_folder.h"
#include "tape/error.h"

using namespace tape;
using namespace test;

namespace {

constexpr ByteCount kCache = 64 * 1024;

// A database of some hundred pages.
void make_database(const std::string& path) {
  Connection connection = Connection::create(path, kCache);
  connection.run("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB NOT NULL); BEGIN");
  {
    Statement insert(connection, "INSERT INTO row VALUES (?1, ?2)");
    for (int id = 0; id < 500; ++id) {
      insert.bind(1, id);
      insert.bind(2, Bytes(1000, static_cast<std::uint8_t>(id)));
      CHECK_FALSE(insert.step());
      insert.reset();
    }
  }
  connection.run("COMMIT");
  connection.close();
}

std::int64_t read_everything(const std::string& path) {
  Connection connection = Connection::open_sealed(path, kCache);
  Statement rows(connection, "SELECT body FROM row");
  std::int64_t bytes = 0;
  while (rows.step())
    bytes += static_cast<std::int64_t>(rows.blob(0).size());
  return bytes;
}

}  // namespace

TEST_CASE("sqlite: what was written is read", "[sqlite]") {
  const TemporaryFolder folder;
  make_database(folder / "db");
  CHECK(read_everything(folder / "db") == 500'000);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"db"});
}

TEST_CASE("sqlite: what is no database is corrupt and named", "[sqlite]") {
  const TemporaryFolder folder;
  write_file(folder / "db", std::string(10'000, 'x'));
  const auto failure = failed([&] { return read_everything(folder / "db"); });
  CHECK(failure.kind() == ErrorKind::corrupt);
  CHECK(says(failure, folder / "db"));
}

// SQLite fills a page that is cut with zeros: what is lost of the last page shows by the digests of
// the catalog only.
TEST_CASE("sqlite: a database that lost a page or more is corrupt, never short", "[sqlite]") {
  const TemporaryFolder folder;
  make_database(folder / "whole");
  const std::string whole = read_file(folder / "whole");
  constexpr std::size_t kPage = 4096;
  for (std::size_t size = 1; size <= whole.size() - kPage; size += whole.size() / 40) {
    write_file(folder / "cut", whole.substr(0, size));
    INFO(size << " of " << whole.size() << " bytes");
    CHECK(failed([&] { return read_everything(folder / "cut"); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("sqlite: a table or column that is not there is corrupt", "[sqlite]") {
  const TemporaryFolder folder;
  make_database(folder / "db");
  Connection connection = Connection::open_sealed(folder / "db", kCache);
  for (const char* sql : {"SELECT x FROM other", "SELECT x FROM row", "not SQL"}) {
    INFO(sql);
    CHECK(failed([&] { const Statement statement(connection, sql); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("sqlite: a sealed database is never written to", "[sqlite]") {
  const TemporaryFolder folder;
  make_database(folder / "db");
  const std::string before = read_file(folder / "db");
  {
    Connection connection = Connection::open_sealed(folder / "db", kCache);
    CHECK(failed([&] { connection.run("INSERT INTO row VALUES (1000, x'00')"); }).kind() ==
          ErrorKind::denied);
    CHECK(failed([&] { connection.run("DROP TABLE row"); }).kind() == ErrorKind::denied);
  }
  CHECK(read_file(folder / "db") == before);
  CHECK(names_in(folder.path()) == std::vector<std::string>{"db"});
}

TEST_CASE("sqlite: opening a sealed database that is not there makes none", "[sqlite]") {
  const TemporaryFolder folder;
  CHECK(failure_of([&] { Connection::open_sealed(folder / "none", kCache).number("SELECT 1"); }));
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("sqlite: a full database is `exhausted`", "[sqlite]") {
  const TemporaryFolder folder;
  Connection connection = Connection::create(folder / "db", kCache);
  connection.run("PRAGMA max_page_count = 10; CREATE TABLE row (body BLOB)");
  Statement insert(connection, "INSERT INTO row VALUES (?1)");
  insert.bind(1, Bytes(100'000));
  CHECK(failed([&] { insert.step(); }).kind() == ErrorKind::exhausted);
}

TEST_CASE("sqlite: a path is taken as it is, whatever is in it", "[sqlite]") {
  const TemporaryFolder folder;
  for (const char* name : {"a?mode=rw", "a#b", "a%20b", "a b", "\xff\xfe", "file:x", "a&b=c"}) {
    INFO(name);
    make_database(folder / name);
    CHECK(read_everything(folder / name) == 500'000);
    CHECK(names_in(folder.path()) == std::vector<std::string>{name});
    std::filesystem::remove(folder / name);
  }
}

TEST_CASE("sqlite: a value of another type is corrupt and its column named", "[sqlite]") {
  const TemporaryFolder folder;
  Connection connection = Connection::create(folder / "db", kCache);
  Statement row(connection, "SELECT 1 AS whole, 'text' AS words, x'00ff' AS bytes, NULL AS absent");
  REQUIRE(row.step());
  CHECK(row.integer(0) == 1);
  CHECK(row.text(1) == "text");
  CHECK(row.blob(2) == std::string("\0\xff", 2));
  CHECK(row.is_null(3));
  CHECK_FALSE(row.is_null(0));
  const struct {
    const char* column;
    int number;
  } columns[] = {{"whole", 0}, {"words", 1}, {"bytes", 2}, {"absent", 3}};
  for (const auto& c : columns) {
    const auto wrong = [&](const auto& read) {
      const auto failure = failed(read);
      return failure.kind() == ErrorKind::corrupt && says(failure, c.column);
    };
    if (c.number != 0) CHECK(wrong([&] { return row.integer(c.number); }));
    if (c.number != 1) CHECK(wrong([&] { return row.text(c.number); }));
    if (c.number != 2) CHECK(wrong([&] { return row.blob(c.number); }));
  }
}

TEST_CASE("sqlite: an empty blob is no NULL", "[sqlite]") {
  const TemporaryFolder folder;
  Connection connection = Connection::create(folder / "db", kCache);
  connection.run("CREATE TABLE row (body BLOB NOT NULL)");
  Statement insert(connection, "INSERT INTO row VALUES (?1)");
  insert.bind(1, ByteView());
  CHECK_FALSE(insert.step());
  Statement row(connection, "SELECT body FROM row");
  REQUIRE(row.step());
  CHECK(row.blob(0).empty());
}

TEST_CASE("sqlite: a schema cannot call functions that read or write elsewhere", "[sqlite]") {
  const TemporaryFolder folder;
  Connection connection = Connection::create(folder / "db", kCache);
  connection.run("CREATE TABLE row (x INTEGER); INSERT INTO row VALUES (1)");
  CHECK(failed([&] {
          connection.run("CREATE VIEW evil AS SELECT load_extension('x') FROM row");
          Statement statement(connection, "SELECT * FROM evil");
          statement.step();
        }).kind() == ErrorKind::corrupt);
}

TEST_CASE("sqlite: a statement outlives its connection's move, and close reports what is left open",
          "[sqlite]") {
  const TemporaryFolder folder;
  Connection connection = Connection::create(folder / "db", kCache);
  connection.run("CREATE TABLE row (x INTEGER)");
  Statement rows(connection, "SELECT x FROM row");
  CHECK(failed([&] { connection.close(); }).kind() == ErrorKind::io);
  CHECK_FALSE(rows.step());
}
