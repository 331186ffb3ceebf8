#include "catalog/catalog_writer.h"

#include "catalog/catalog_schema.h"
#include "format/tar_format.h"
#include "tape/error.h"

namespace tape {
namespace {

// Rows come in the order of both keys, so little of the file is touched again.
constexpr ByteCount kScanCacheBytes = ByteCount{2} << 20;

}  // namespace

CatalogWriter::CatalogWriter(const std::string& path, const TapeSettings& settings)
    : connection_(prepared(path)),
      layout_(settings),
      settings_(settings),
      insert_(std::in_place, connection_, insert_statement()),
      problem_(std::in_place, connection_, "INSERT INTO problem (path, reason) VALUES (?1, ?2)"),
      path_at_(std::in_place, connection_, "SELECT path FROM entry WHERE tape_offset = ?1") {}

TapeOffset CatalogWriter::add(SeenEntry& seen) {
  if (seen.first) seen.first_path = path_at(*seen.first);
  const Member member = member_of(seen, settings_);
  const Bytes header = encode_header(member, settings_.profile);
  if (header.size() > kHeaderSizeMax)
    throw Error(ErrorKind::unsupported, "its header would have " + std::to_string(header.size()) +
                                            " bytes, " + std::to_string(kHeaderSizeMax) +
                                            " at the most");
  const TapeOffset offset = layout_.end();
  layout_.add(seen, member, header);
  insert_row(*insert_, seen, offset, static_cast<std::uint32_t>(header.size() / kBlockSize));
  return offset;
}

void CatalogWriter::add_problem(const std::string& path, const std::string& reason) {
  tape::add_problem(problems_, path, reason);
  problem_->bind(1, as_bytes(path));
  problem_->bind_text(2, reason);
  problem_->step();
  problem_->reset();
}

void CatalogWriter::seal(CatalogSummary& summary) {
  summary.tape_size = layout_.tape_size();
  summary.entries = layout_.entries();
  summary.fingerprint = layout_.fingerprint();
  summary.state = layout_.state();
  summary.contents = layout_.contents();
  write_summary(summary);
  insert_.reset();
  problem_.reset();
  path_at_.reset();
  connection_.run("COMMIT");
  connection_.close();
}

Connection CatalogWriter::prepared(const std::string& path) {
  Connection connection = Connection::create(path, kScanCacheBytes);
  connection.run(kCatalogSchema);
  connection.run("BEGIN");
  return connection;
}

std::string CatalogWriter::path_at(TapeOffset at) {
  path_at_->bind(1, static_cast<std::int64_t>(at.value()));
  path_at_->step();
  std::string path = path_at_->blob(0);
  path_at_->reset();
  return path;
}

void CatalogWriter::write_summary(const CatalogSummary& summary) {
  Statement insert(connection_,
                   "INSERT INTO tape VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                   "?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)");
  int column = 0;
  const auto number = [&](auto value) { insert.bind(++column, static_cast<std::int64_t>(value)); };
  const auto blob = [&](ByteView bytes) { insert.bind(++column, bytes); };
  blob(as_bytes(summary.root));
  number(summary.single_file);
  blob(as_bytes(summary.prefix));
  insert.bind_text(++column, summary.metadata == Metadata::full ? "full" : "portable");
  insert.bind_text(++column, summary.profile == Profile::tartape ? "tartape" : "ragtape");
  if (summary.source_date_epoch) {
    number(*summary.source_date_epoch);
  } else {
    insert.bind_null(++column);
  }
  number(summary.tape_size);
  number(summary.entries);
  blob(summary.fingerprint);
  blob(summary.state);
  number(summary.hashed);
  blob(summary.contents);
  number(summary.started.seconds);
  number(summary.started.nanoseconds);
  number(summary.problems);
  number(summary.skipped_sockets);
  number(summary.skipped_devices);
  number(summary.skipped_own_files);
  number(summary.excluded);
  blob(seal_of(summary, problems_.digest()));
  insert.step();
  write_source_options(summary.source_options);
}

void CatalogWriter::write_source_options(const std::vector<SourceOption>& options) {
  Statement insert(connection_, "INSERT INTO source_option (name, value) VALUES (?1, ?2)");
  for (const SourceOption& option : options) {
    insert.bind_text(1, option.name);
    insert.bind(2, as_bytes(option.value));
    insert.step();
    insert.reset();
  }
}

}  // namespace tape
