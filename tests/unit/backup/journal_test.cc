#include "backup/journal.h"

#include <fstream>

#include "db/sqlite.h"
#include "support/expect.h"
#include "support/samples.h"
#include "support/temporary_folder.h"
#include "tape/files.h"

using namespace test;
using agent::Journal;
using tape::ErrorKind;

namespace {

agent::JournalRun some_run() {
  agent::JournalRun run;
  run.store = "/mnt/store";
  run.set = "s";
  run.snapshot = "20260102T030405Z-0123abcd";
  run.host = "h\xff";
  run.root = "/home/\xfe";
  run.options.volume_size = 1 << 20;
  run.fingerprint.fill(7);
  run.tape_size = 12345;
  return run;
}

agent::VolumeRow some_volume(std::uint64_t number) {
  agent::VolumeRow row;
  row.number = number;
  row.phase = agent::VolumeRow::Phase::closing;
  row.upload = "upload";
  row.codec = {"isal", "2.30.0", 0, 13, 9};
  row.part_size = 1 << 16;
  row.position = {1, 2, 3};
  row.summary.size = 999;
  row.summary.first_path = "a\xff";
  row.tail_begin = 500;
  row.tail_xxh3 = 0x1234567890ABCDEF;
  row.next_position = {4, 5};
  return row;
}

agent::PartRow some_part(std::uint32_t number) {
  agent::PartRow row;
  row.info = {number, 1 << 16, "etag"};
  row.offset = (number - 1) * (std::uint64_t{1} << 16);
  row.sha256.fill(static_cast<std::uint8_t>(number));
  return row;
}

void fill(Journal& journal) {
  journal.put_volume(some_volume(0));
  journal.add_outcome({tape::TapeOffset(512), tape::TapeOffset(1024), "gone\xff",
                       tape::Outcome::omitted, "it is not there"});
  journal.add_part(some_part(1),
                   agent::Checkpoint{0, {9, 9}, {8, 8, 8}, {7}, std::uint64_t{1} << 16});
  journal.add_part(some_part(2), {});
}

// What all of its rows say.
std::string told(const std::string& path) {
  std::string out;
  const auto journal = Journal::open(path);
  REQUIRE(journal);
  const agent::JournalRun& run = journal->run();
  for (const std::string& word : {run.store, run.set, run.snapshot, run.host, run.root})
    out += word + "|";
  out += std::to_string(run.tape_size) + tape::hex(run.fingerprint);
  if (const auto row = journal->volume(0)) {
    out += row->upload + tape::hex(row->position) + tape::hex(row->next_position) +
           row->summary.first_path.value_or("") + std::to_string(row->summary.size) + "|" +
           std::to_string(row->tail_begin) + "|" + std::to_string(row->tail_xxh3);
  }
  for (const agent::PartRow& part : journal->parts(0))
    out += "|" + std::to_string(part.info.number) + "," + std::to_string(part.info.size) + "," +
           std::to_string(part.offset) + part.info.etag + tape::hex(part.sha256);
  if (const auto point = journal->checkpoint())
    out += "|" + tape::hex(point->position) + tape::hex(point->writer) + tape::hex(point->carry) +
           std::to_string(point->carry_offset);
  for (const agent::OutcomeRow& row : journal->outcomes())
    out += "|" + row.path + row.why + std::to_string(row.begin.value());
  return out;
}

}  // namespace

TEST_CASE("journal: what is in it is read by the next run", "[journal]") {
  const TemporaryFolder folder;
  const std::string path = folder / "journal";
  CHECK_FALSE(Journal::open(path));
  fill(*Journal::create(path, some_run()));
  const auto journal = Journal::open(path);
  REQUIRE(journal);
  CHECK(journal->run().host == "h\xff");
  CHECK(journal->run().options == some_run().options);
  CHECK(journal->volume(0)->tail_xxh3 == some_volume(0).tail_xxh3);
  CHECK(journal->volume(0)->summary.first_path == "a\xff");
  CHECK(journal->volume(0)->codec == some_volume(0).codec);
  CHECK_FALSE(journal->volume(1));
  REQUIRE(journal->parts(0).size() == 2);
  CHECK(journal->parts(0)[1].offset == 1 << 16);
  REQUIRE(journal->checkpoint());
  CHECK(journal->checkpoint()->carry == tape::Bytes{7});
  REQUIRE(journal->outcomes().size() == 1);
  CHECK(journal->outcomes()[0].outcome == tape::Outcome::omitted);
}

TEST_CASE("journal: outcomes and leaves that are ahead of the checkpoint are dropped",
          "[journal]") {
  const TemporaryFolder folder;
  const auto journal = Journal::create(folder / "journal", some_run());
  fill(*journal);
  const auto spool = journal->spool(0);
  const tape::Bytes node(100, 1);
  spool.out.write(node);
  spool.out.write(node);
  journal->add_part(some_part(3), {});
  journal->drop_ahead(tape::TapeOffset(1024), 0, 100);
  CHECK(journal->outcomes().size() == 1);
  CHECK(journal->spool(0).in.size() == 100);
  journal->drop_ahead(tape::TapeOffset(1023), 0, 0);
  CHECK(journal->outcomes().empty());
  CHECK(journal->spool(0).in.size() == 0);
}

TEST_CASE("journal: a leaf with any byte changed is refused, and the journal named", "[journal]") {
  const TemporaryFolder folder;
  const std::string path = folder / "journal";
  const tape::Bytes node = tape::mixed_bytes(60, 1);
  {
    const auto journal = Journal::create(path, some_run());
    const auto spool = journal->spool(0);
    spool.out.write(node);
    spool.out.write(node);
    journal->add_part(some_part(1), {});
  }
  for (std::size_t at = 0; at < node.size(); ++at) {
    INFO(at);
    tape::Bytes changed = node;
    changed[at] ^= 0x10;
    for (const tape::Bytes& bytes : {changed, node}) {
      {
        tape::Connection connection = tape::Connection::open_durable(path, 1 << 20);
        tape::Statement update(connection, "UPDATE leaf SET node = ?1 WHERE offset = 60");
        update.bind(1, bytes);
        update.step();
      }
      const auto journal = Journal::open(path);
      const auto spool = journal->spool(0);
      tape::Bytes read(120);
      const auto failure = tape::failure_of([&] { spool.in.read_at(tape::GzOffset(0), read); });
      CHECK(failure.has_value() == (bytes == changed));
      if (!failure) continue;
      CHECK(failure->kind() == ErrorKind::corrupt);
      CHECK(std::string(failure->what()).find("journal " + path + ": table leaf, row 60") == 0);
      CHECK(failure->hint().find("--restart") == 0);
    }
  }
}

TEST_CASE("journal: a finished volume keeps one row, a restarted one none", "[journal]") {
  const TemporaryFolder folder;
  const auto journal = Journal::create(folder / "journal", some_run());
  fill(*journal);
  agent::VolumeRow done = some_volume(0);
  done.phase = agent::VolumeRow::Phase::done;
  done.digest = "sha256-parts:00";
  journal->finish_volume(done, {1, {4, 5}, {}, {}, 0});
  CHECK(journal->parts(0).empty());
  CHECK(journal->volume(0)->digest == "sha256-parts:00");
  CHECK(journal->checkpoint()->volume == 1);
  journal->put_volume(some_volume(1));
  journal->restart_volume(1, {1, {4, 5}, {}, {}, 0});
  CHECK_FALSE(journal->volume(1));
  CHECK(journal->volume(0));
}

TEST_CASE("journal: with any byte changed it is read right or refused", "[journal]") {
  const TemporaryFolder folder;
  const std::string path = folder / "journal";
  fill(*Journal::create(path, some_run()));
  const std::string expected = told(path);
  const std::string whole = read_file(path);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    // Most of it is room that nothing uses, and the text of the schema.
    if (whole[at] == 0 ? at % 199 != 0 : at % 3 != 0) continue;
    INFO(at);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    write_file(path, changed);
    std::filesystem::remove(path + "-wal");
    std::filesystem::remove(path + "-shm");
    std::string found;
    const auto failure = tape::failure_of([&] { found = told(path); });
    if (failure) {
      ++refused;
      REQUIRE((failure->kind() == ErrorKind::corrupt || failure->kind() == ErrorKind::unsupported));
    } else {
      REQUIRE(found == expected);
    }
  }
  CHECK(refused > 100);
}
