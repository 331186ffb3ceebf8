#include "backup/journal.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "backup/journal_schema.h"
#include "db/sqlite.h"
#include "tape/error.h"
#include "tape/fields.h"
#include "tape/files.h"

namespace agent {
namespace {

using tape::Bytes;
using tape::Error;
using tape::ErrorKind;
using tape::FieldReader;
using tape::FieldWriter;

constexpr std::int64_t kApplicationId = 0x54414A4E;  // "TAJN", as in schemas/journal.sql
constexpr std::int64_t kVersion = 1;
constexpr tape::ByteCount kCacheBytes = tape::ByteCount{2} << 20;

std::int64_t sql(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Bytes bytes_of(const std::string& blob) {
  const tape::ByteView view = tape::as_bytes(blob);
  return {view.begin(), view.end()};
}

template <std::size_t N>
std::array<std::uint8_t, N> array_of(tape::ByteView bytes, const char* what) {
  std::array<std::uint8_t, N> out{};
  if (bytes.size() != N)
    throw Error(ErrorKind::corrupt, std::string(what) + ": " + std::to_string(bytes.size()) +
                                        " bytes, " + std::to_string(N) + " expected");
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Bytes encode_run(const JournalRun& run) {
  Bytes out;
  FieldWriter fields(out);
  for (const std::string* text : {&run.store, &run.set, &run.snapshot, &run.host, &run.root})
    fields.text(*text);
  fields.number(run.options.metadata == tape::Metadata::full ? 1 : 0);
  fields.text(run.options.prefix);
  fields.number(run.options.source_date_epoch ? 1 : 0);
  fields.number(static_cast<std::uint64_t>(run.options.source_date_epoch.value_or(0)));
  fields.number(run.options.source_options.size());
  for (const tape::SourceOption& option : run.options.source_options) {
    fields.text(option.name);
    fields.text(option.value);
  }
  fields.number(run.options.volume_size);
  fields.blob(run.fingerprint);
  fields.number(run.tape_size);
  return out;
}

JournalRun decode_run(tape::ByteView bytes) {
  FieldReader fields(bytes);
  JournalRun run;
  for (std::string* text : {&run.store, &run.set, &run.snapshot, &run.host, &run.root})
    *text = fields.text();
  run.options.metadata = fields.number_to(1) == 1 ? tape::Metadata::full : tape::Metadata::portable;
  run.options.prefix = fields.text();
  const bool epoch = fields.number_to(1) == 1;
  const auto seconds = static_cast<std::int64_t>(fields.number());
  if (epoch) run.options.source_date_epoch = seconds;
  for (std::uint64_t left = fields.number_to(tape::kSourceOptionsMax); left > 0; --left) {
    std::string name = fields.text();
    run.options.source_options.push_back({std::move(name), fields.text()});
  }
  run.options.volume_size = fields.number();
  run.fingerprint = array_of<16>(fields.blob(), "fingerprint");
  run.tape_size = fields.number();
  fields.expect_end();
  return run;
}

Bytes encode_codec(const VolumeRow& row) {
  Bytes out;
  FieldWriter fields(out);
  fields.text(row.codec.engine);
  fields.text(row.codec.version);
  for (const int value : {row.codec.level, row.codec.page_bits, row.codec.index_bits})
    fields.number(static_cast<std::uint64_t>(value));
  fields.number(row.part_size);
  return out;
}

void decode_codec(tape::ByteView bytes, VolumeRow& row) {
  FieldReader fields(bytes);
  row.codec.engine = fields.text();
  row.codec.version = fields.text();
  for (int* value : {&row.codec.level, &row.codec.page_bits, &row.codec.index_bits})
    *value = static_cast<int>(fields.number_to(64));
  row.part_size = fields.number();
  fields.expect_end();
}

Bytes encode_summary(const VolumeRow& row) {
  Bytes out;
  FieldWriter fields(out);
  const tape::VolumeSummary& summary = row.summary;
  for (const std::uint64_t value :
       {summary.size, summary.tail_offset.value(), summary.inner_offset.value(), summary.records,
        summary.pages, row.tail_begin, row.tail_xxh3})
    fields.number(value);
  fields.number(summary.first_path ? 1 : 0);
  fields.text(summary.first_path.value_or(""));
  fields.blob(summary.slice_hash);
  fields.blob(row.next_position);
  fields.text(row.etag);
  fields.text(row.digest);
  return out;
}

void decode_summary(tape::ByteView bytes, VolumeRow& row) {
  FieldReader fields(bytes);
  tape::VolumeSummary& summary = row.summary;
  summary.size = fields.number();
  summary.tail_offset = tape::GzOffset(fields.number());
  summary.inner_offset = tape::GzOffset(fields.number());
  summary.records = fields.number();
  summary.pages = fields.number();
  row.tail_begin = fields.number();
  row.tail_xxh3 = fields.number();
  const bool path = fields.number_to(1) == 1;
  const std::string text = fields.text();
  if (path) summary.first_path = text;
  summary.slice_hash = array_of<16>(fields.blob(), "slice hash");
  const tape::ByteView next = fields.blob();
  row.next_position.assign(next.begin(), next.end());
  row.etag = fields.text();
  row.digest = fields.text();
  fields.expect_end();
}

class SqliteJournal final : public Journal {
 public:
  // Writes the file that a run begins with. Not through the log of open_durable(): a closing
  // connection swallows the failure to merge that.
  static void make(const std::string& path, const JournalRun& run) {
    auto connection = tape::Connection::create(path, kCacheBytes);
    connection.run(std::string("BEGIN;") + tape::kJournalSchema);
    {
      tape::Statement insert(connection, "INSERT INTO run VALUES (?1, ?2)");
      insert.bind_text(1, "run");
      insert.bind(2, encode_run(run));
      insert.step();
      insert.reset();
      insert.bind_text(1, "seal");
      insert.bind(2, seal_bytes(encode_run(run)));
      insert.step();
    }
    connection.run("COMMIT");
    connection.close();
  }

  explicit SqliteJournal(const std::string& path)
      : connection_(tape::Connection::open_durable(path, kCacheBytes)) {
    if (connection_.number("PRAGMA application_id") != kApplicationId)
      throw Error(ErrorKind::corrupt, "not a journal of ragtape");
    if (const auto version = connection_.number("PRAGMA user_version"); version != kVersion)
      throw Error(ErrorKind::unsupported, "version " + std::to_string(version) +
                                              ", this program goes on from version " +
                                              std::to_string(kVersion));
    must_be_sound();
    const std::string run = value_of("run");
    if (bytes_of(value_of("seal")) != seal_bytes(tape::as_bytes(run)))
      throw Error(ErrorKind::corrupt, "table run is damaged");
    run_ = decode_run(tape::as_bytes(run));
    connection_.run("BEGIN IMMEDIATE");
  }

  const JournalRun& run() const override { return run_; }

  void give_up() override {
    connection_.run("INSERT OR IGNORE INTO run VALUES ('given_up', x'')");
    commit();
  }
  bool is_given_up() override {
    return connection_.number("SELECT count(*) FROM run WHERE name = 'given_up'") > 0;
  }

  void put_volume(const VolumeRow& row) override {
    store_volume(row);
    commit();
  }

  std::optional<VolumeRow> volume(std::uint64_t number) override {
    return named([&] { return read_volume(number); });
  }

  std::optional<VolumeRow> read_volume(std::uint64_t number) {
    tape::Statement select(connection_,
                           "SELECT phase, upload, codec, position, summary, seal FROM volume "
                           "WHERE number = ?1");
    select.bind(1, sql(number));
    if (!select.step()) return std::nullopt;
    VolumeRow row;
    row.number = number;
    row.phase = static_cast<VolumeRow::Phase>(select.integer(0));
    row.upload = select.text(1);
    row.position = bytes_of(select.blob(3));
    decode_codec(tape::as_bytes(select.blob(2)), row);
    decode_summary(tape::as_bytes(select.blob(4)), row);
    check(seal(columns_of(row)), select.integer(5), "volume", number);
    return row;
  }

  void add_part(const PartRow& row, const std::optional<Checkpoint>& checkpoint) override {
    tape::Statement insert(connection_,
                           "INSERT OR REPLACE INTO part VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    insert.bind(1, sql(row.volume));
    insert.bind(2, row.info.number);
    insert.bind(3, sql(row.offset));
    insert.bind(4, sql(row.info.size));
    insert.bind(5, row.sha256);
    insert.bind_text(6, row.info.etag);
    insert.bind(7, sql(seal(columns_of(row))));
    insert.step();
    if (checkpoint) store_checkpoint(*checkpoint);
    commit();
  }

  std::vector<PartRow> parts(std::uint64_t volume) override {
    return named([&] { return read_parts(volume); });
  }

  std::vector<PartRow> read_parts(std::uint64_t volume) {
    tape::Statement select(connection_,
                           "SELECT number, offset, size, sha256, etag, seal FROM part "
                           "WHERE volume = ?1 ORDER BY number");
    select.bind(1, sql(volume));
    std::vector<PartRow> out;
    std::uint64_t offset = 0;
    while (select.step()) {
      PartRow row;
      row.volume = volume;
      row.info.number = static_cast<std::uint32_t>(select.integer(0));
      row.offset = static_cast<std::uint64_t>(select.integer(1));
      row.info.size = static_cast<std::uint64_t>(select.integer(2));
      row.sha256 = array_of<32>(tape::as_bytes(select.blob(3)), "part: SHA-256");
      row.info.etag = select.text(4);
      check(seal(columns_of(row)), select.integer(5), "part", row.info.number);
      if (row.info.number != out.size() + 1 || row.offset != offset)
        throw Error(ErrorKind::corrupt,
                    "part " + std::to_string(row.info.number) + ": out of order; one is missing");
      offset += row.info.size;
      out.push_back(row);
    }
    return out;
  }

  void finish_volume(const VolumeRow& row, const Checkpoint& next) override {
    drop_rows(row.number);
    store_volume(row);
    store_checkpoint(next);
    commit();
  }

  void restart_volume(std::uint64_t number, const Checkpoint& begin) override {
    drop_rows(number);
    tape::Statement drop(connection_, "DELETE FROM volume WHERE number = ?1");
    drop.bind(1, sql(number));
    drop.step();
    store_checkpoint(begin);
    commit();
  }

  std::optional<Checkpoint> checkpoint() override {
    return named([&] { return read_checkpoint(); });
  }

  std::optional<Checkpoint> read_checkpoint() {
    tape::Statement select(
        connection_, "SELECT volume, position, writer, carry, carry_offset, seal FROM checkpoint");
    if (!select.step()) return std::nullopt;
    Checkpoint out;
    out.volume = static_cast<std::uint64_t>(select.integer(0));
    out.position = bytes_of(select.blob(1));
    out.writer = bytes_of(select.blob(2));
    out.carry = bytes_of(select.blob(3));
    out.carry_offset = static_cast<std::uint64_t>(select.integer(4));
    check(seal(columns_of(out)), select.integer(5), "checkpoint", 1);
    return out;
  }

  void add_outcome(const OutcomeRow& row) override {
    tape::Statement insert(connection_,
                           "INSERT OR REPLACE INTO outcome VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    insert.bind(1, sql(row.begin.value()));
    insert.bind(2, sql(row.end.value()));
    insert.bind(3, tape::as_bytes(row.path));
    insert.bind(4, static_cast<std::int64_t>(row.outcome));
    insert.bind(5, tape::as_bytes(row.why));
    insert.bind(6, sql(seal(columns_of(row))));
    insert.step();
  }

  std::vector<OutcomeRow> outcomes() override {
    return named([&] { return read_outcomes(); });
  }

  std::vector<OutcomeRow> read_outcomes() {
    tape::Statement select(connection_,
                           "SELECT tape_offset, tape_end, path, outcome, why, seal FROM "
                           "outcome ORDER BY tape_offset");
    std::vector<OutcomeRow> out;
    while (select.step()) {
      OutcomeRow row;
      row.begin = tape::TapeOffset(static_cast<std::uint64_t>(select.integer(0)));
      row.end = tape::TapeOffset(static_cast<std::uint64_t>(select.integer(1)));
      row.path = select.blob(2);
      row.outcome = static_cast<tape::Outcome>(select.integer(3));
      row.why = select.blob(4);
      check(seal(columns_of(row)), select.integer(5), "outcome", row.begin.value());
      out.push_back(std::move(row));
    }
    return out;
  }

  void drop_ahead(tape::TapeOffset position,
                  std::uint64_t volume,
                  tape::ByteCount spooled) override {
    tape::Statement outcomes(connection_, "DELETE FROM outcome WHERE tape_end > ?1");
    outcomes.bind(1, sql(position.value()));
    outcomes.step();
    tape::Statement leaves(connection_,
                           "DELETE FROM leaf WHERE volume > ?1 OR (volume = ?1 AND offset >= ?2)");
    leaves.bind(1, sql(volume));
    leaves.bind(2, sql(spooled));
    leaves.step();
  }

  // Damage of a row names the file and the way out.
  template <class Step>
  std::invoke_result_t<Step&> named(Step step) {
    std::invoke_result_t<Step&> out;
    const auto failure = tape::failure_of([&] { out = step(); });
    if (!failure) return out;
    const std::string name = tape::shown(connection_.path());
    const std::string what = failure->what();
    throw Error(
        failure->kind(), what.starts_with(name) ? what : "journal " + name + ": " + what,
        failure->kind() == ErrorKind::corrupt ? "--restart gives that run up" : failure->hint());
  }

  tape::LeafSpool spool(std::uint64_t number) override {
    spool_ = std::make_unique<Spool>(*this, number);
    return {*spool_, *spool_};
  }

 private:
  // The leaf nodes of one volume, as one run of bytes.
  class Spool final : public tape::ByteSink, public tape::RangeSource {
   public:
    Spool(SqliteJournal& journal, std::uint64_t volume)
        : journal_(journal),
          volume_(volume),
          insert_(journal.connection_, "INSERT INTO leaf VALUES (?1, ?2, ?3, ?4)"),
          select_(journal.connection_,
                  "SELECT offset, node, seal FROM leaf WHERE volume = ?1 AND offset <= ?2 ORDER BY "
                  "offset DESC LIMIT 1"),
          last_(journal.connection_,
                "SELECT coalesce(max(offset + length(node)), 0) FROM leaf WHERE volume = ?1") {}

    void write(tape::ByteView bytes) override {
      if (!end_) end_ = size();
      insert_.bind(1, sql(volume_));
      insert_.bind(2, sql(*end_));
      insert_.bind(3, bytes);
      insert_.bind(4, sql(journal_.seal(columns_of(volume_, *end_, bytes))));
      insert_.step();
      insert_.reset();
      *end_ += bytes.size();
    }
    void finish() override {}

    // Asked late: resuming may drop nodes first.
    tape::ByteCount size() const override {
      if (end_) return *end_;
      last_.bind(1, sql(volume_));
      last_.step();
      const auto out = static_cast<tape::ByteCount>(last_.integer(0));
      last_.reset();
      return out;
    }
    std::string name() const override { return "leaf nodes of the journal"; }
    void read_at(tape::GzOffset at, tape::MutableBytes out) const override {
      std::uint64_t from = at.value();
      while (!out.empty()) {
        std::uint64_t begin = 0;
        const std::string node = journal_.named([&] { return node_at(from, begin); });
        const std::size_t n = std::min<std::size_t>(out.size(), node.size() - (from - begin));
        std::copy_n(node.begin() + static_cast<std::ptrdiff_t>(from - begin), n, out.begin());
        out = out.subspan(n);
        from += n;
      }
    }

   private:
    std::string node_at(std::uint64_t from, std::uint64_t& begin) const {
      select_.bind(1, sql(volume_));
      select_.bind(2, sql(from));
      const bool found = select_.step();
      std::string node = found ? select_.blob(1) : "";
      begin = found ? static_cast<std::uint64_t>(select_.integer(0)) : 0;
      const std::int64_t seal = found ? select_.integer(2) : 0;
      select_.reset();
      if (from - begin >= node.size())
        throw Error(ErrorKind::corrupt, "table leaf: nothing holds byte " + std::to_string(from));
      check(journal_.seal(columns_of(volume_, begin, tape::as_bytes(node))), seal, "leaf", begin);
      return node;
    }

    SqliteJournal& journal_;
    std::uint64_t volume_;
    tape::Statement insert_;
    mutable tape::Statement select_;
    mutable tape::Statement last_;
    std::optional<tape::ByteCount> end_;
  };

  static Bytes columns_of(const VolumeRow& row) {
    Bytes out;
    FieldWriter fields(out);
    fields.number(row.number);
    fields.number(static_cast<std::uint64_t>(row.phase));
    fields.text(row.upload);
    fields.blob(encode_codec(row));
    fields.blob(row.position);
    fields.blob(encode_summary(row));
    return out;
  }
  static Bytes columns_of(const PartRow& row) {
    Bytes out;
    FieldWriter fields(out);
    for (const std::uint64_t value :
         {row.volume, std::uint64_t{row.info.number}, row.offset, row.info.size})
      fields.number(value);
    fields.blob(row.sha256);
    fields.text(row.info.etag);
    return out;
  }
  static Bytes columns_of(std::uint64_t volume, std::uint64_t offset, tape::ByteView node) {
    Bytes out;
    FieldWriter fields(out);
    fields.number(volume);
    fields.number(offset);
    fields.blob(node);
    return out;
  }
  static Bytes columns_of(const Checkpoint& row) {
    Bytes out;
    FieldWriter fields(out);
    fields.number(row.volume);
    fields.blob(row.position);
    fields.blob(row.writer);
    fields.blob(row.carry);
    fields.number(row.carry_offset);
    return out;
  }
  static Bytes columns_of(const OutcomeRow& row) {
    Bytes out;
    FieldWriter fields(out);
    fields.number(row.begin.value());
    fields.number(row.end.value());
    fields.text(row.path);
    fields.number(static_cast<std::uint64_t>(row.outcome));
    fields.text(row.why);
    return out;
  }

  // Over the columns and the snapshot's name: a row of another run does not fit.
  std::uint64_t seal(const Bytes& columns) const {
    Bytes framed;
    FieldWriter fields(framed);
    fields.text(run_.snapshot);
    fields.blob(columns);
    return tape::xxh3_64(framed);
  }
  static Bytes seal_bytes(tape::ByteView run) {
    Bytes out;
    FieldWriter(out).number(tape::xxh3_64(run));
    return out;
  }
  static void check(std::uint64_t expected,
                    std::int64_t found,
                    const char* table,
                    std::uint64_t row) {
    if (sql(expected) != found)
      throw Error(ErrorKind::corrupt, std::string("table ") + table + ", row " +
                                          std::to_string(row) +
                                          ": its columns do not have the XXH3-64 that closes them");
  }

  std::string value_of(const char* name) {
    tape::Statement select(connection_, "SELECT value FROM run WHERE name = ?1");
    select.bind_text(1, name);
    if (!select.step()) throw Error(ErrorKind::corrupt, std::string("table run has no ") + name);
    return select.blob(0);
  }

  void store_volume(const VolumeRow& row) {
    tape::Statement insert(connection_,
                           "INSERT OR REPLACE INTO volume VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    insert.bind(1, sql(row.number));
    insert.bind(2, static_cast<std::int64_t>(row.phase));
    insert.bind_text(3, row.upload);
    insert.bind(4, encode_codec(row));
    insert.bind(5, row.position);
    insert.bind(6, encode_summary(row));
    insert.bind(7, sql(seal(columns_of(row))));
    insert.step();
  }

  void store_checkpoint(const Checkpoint& row) {
    tape::Statement insert(connection_,
                           "INSERT OR REPLACE INTO checkpoint VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)");
    insert.bind(1, sql(row.volume));
    insert.bind(2, row.position);
    insert.bind(3, row.writer);
    insert.bind(4, row.carry);
    insert.bind(5, sql(row.carry_offset));
    insert.bind(6, sql(seal(columns_of(row))));
    insert.step();
  }

  void drop_rows(std::uint64_t volume) {
    for (const char* statement :
         {"DELETE FROM part WHERE volume = ?1", "DELETE FROM leaf WHERE volume = ?1"}) {
      tape::Statement drop(connection_, statement);
      drop.bind(1, sql(volume));
      drop.step();
    }
  }

  // Rows have their seals; a row that is not there any more has none.
  void must_be_sound() {
    tape::Statement check(connection_, "PRAGMA integrity_check(1)");
    if (check.step() && check.text(0) == "ok") return;
    throw Error(ErrorKind::corrupt, "damaged: " + tape::shown(check.text(0)));
  }

  void commit() { connection_.run("COMMIT; BEGIN IMMEDIATE"); }

  tape::Connection connection_;
  JournalRun run_;
  std::unique_ptr<Spool> spool_;
};

}  // namespace

std::unique_ptr<Journal> Journal::create(const std::string& path, const JournalRun& run) {
  if (tape::identity_of(path))
    throw Error(ErrorKind::usage, tape::shown(path) + ": is there already");
  // Whole or not at all: made under another name first.
  const std::string temporary = path + ".new";
  remove_journal(temporary);
  {
    const auto file = tape::WorkingFile::create(temporary);
    SqliteJournal::make(temporary, run);
    file->sync();
  }
  // What an older journal left must not be taken for its log.
  for (const char* end : {"-wal", "-shm", "-journal", ".tail"})
    tape::remove_if_there(path + end);
  if (!tape::rename_if_absent(temporary, path))
    throw Error(ErrorKind::usage, tape::shown(path) + ": is there now, made by somebody else");
  tape::sync_folder(tape::folder_of(path));
  return std::make_unique<SqliteJournal>(path);
}

std::unique_ptr<Journal> Journal::open(const std::string& path) {
  if (!tape::identity_of(path)) return nullptr;
  std::unique_ptr<Journal> out;
  const auto failure = tape::failure_of([&] { out = std::make_unique<SqliteJournal>(path); });
  if (failure)
    throw Error(failure->kind(), "journal " + tape::shown(path) + ": " + failure->what(),
                "--restart gives that run up");
  return out;
}

void remove_journal(const std::string& path) {
  for (const char* end : {"", "-wal", "-shm", "-journal", ".tail"})
    tape::remove_if_there(path + end);
  tape::sync_folder(tape::folder_of(path));
}

}  // namespace agent
