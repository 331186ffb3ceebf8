#include "restore/tar_stream.h"

#include <functional>
#include <unordered_set>

#include "restore/delivery.h"
#include "tape/error.h"
#include "tape/tar_header.h"

namespace agent {
namespace {

using tape::ErrorKind;
using tape::HashResult;
using tape::MemberRecord;
using tape::MemberType;

class TarStream {
 public:
  TarStream(tape::Members& members,
            const Wanted& wanted,
            const TarStreamOptions& options,
            const RestoreEvents& events)
      : members_(members), wanted_(wanted), options_(options), out_(options.out), events_(events) {}

  TarStreamReport run() {
    each_selected(members_, wanted_.selection(), [&](const MemberRecord& record) {
      if (!report_.wrong_hash) meet(record);
    });
    if (!report_.wrong_hash) out_.write(tape::Bytes(tape::kEndBlocks * tape::kBlockSize));
    return report_;
  }

 private:
  void meet(const MemberRecord& record) {
    const auto place = wanted_.place_of(record);
    if (!place) return;
    if (events_.progress) events_.progress(report_.bytes, record.path);
    const auto content = content_for(record);
    if (!content) return write(record, record, *place);
    write(record, *content, *place);
  }

  // Of a hard link whose first name is not in the stream: that.
  std::optional<MemberRecord> content_for(const MemberRecord& record) {
    if (record.type != MemberType::hard_link) return std::nullopt;
    MemberRecord first = first_name_of(members_, record);
    if (wanted_.place_of(first) && !left_out_.contains(hash_of(first))) return std::nullopt;
    return first;
  }

  // `content` under the name of `record`.
  void write(const MemberRecord& record, const MemberRecord& content, const std::string& place) {
    if (content.has(tape::kRecordTorn) && !options_.damaged)
      return leave_out(record,
                       "it was torn when the archive was made: it changed while it was read; "
                       "--damaged brings it all the same");
    std::unique_ptr<tape::MemberReader> reader;
    const auto failure = tape::failure_of([&] { reader = members_.open(content); });
    if (failure && failure->kind() == ErrorKind::unsupported)
      return leave_out(record, failure->what());
    if (failure) throw tape::Error(*failure);
    const tape::Member header = header_of(content, reader->header(), place);
    if (const std::string why = why_not_on_tape(header); !why.empty())
      return leave_out(record, why);
    out_.write(encode_header(header));
    write_body(content, *reader);
    ++report_.members;
  }

  tape::Member header_of(const MemberRecord& content,
                         tape::Member header,
                         const std::string& place) const {
    header.name = place;
    if (header.type == MemberType::directory) header.name += place.empty() ? "./" : "/";
    if (header.type == MemberType::hard_link)
      header.target = wanted_.place_of(first_name_of(members_, content)).value();
    if (options_.numeric_owner) {
      header.uname.clear();
      header.gname.clear();
    }
    return header;
  }

  // Each page's CRC32 was checked before a byte of it leaves.
  void write_body(const MemberRecord& content, tape::MemberReader& reader) {
    buffer_.resize(tape::kWalkBuffer);
    while (const std::size_t n = reader.read(buffer_)) {
      out_.write(tape::ByteView(buffer_).first(n));
      report_.bytes += n;
      if (events_.progress) events_.progress(report_.bytes, content.path);
    }
    if (content.type != MemberType::regular) return;
    const HashResult hash = reader.finish();
    if (hash == HashResult::wrong) {
      report_.wrong_hash = content.path;
      return;
    }
    if (hash == HashResult::none) {
      ++report_.torn;
      tell(content, "torn when the archive was made: it is not what the file held");
    }
    out_.write(tape::Bytes(tape::padding_of(reader.header().size)));
  }

  void leave_out(const MemberRecord& record, const std::string& why) {
    ++report_.left_out;
    left_out_.insert(hash_of(record));
    tell(record, why);
  }

  void tell(const MemberRecord& record, const std::string& what) const {
    const std::string name = tape::shown(record.path);
    if (events_.warning) events_.warning(what.starts_with(name) ? what : name + ": " + what);
  }

  static std::size_t hash_of(const MemberRecord& record) {
    return std::hash<std::string>{}(record.path);
  }

  tape::Members& members_;
  const Wanted& wanted_;
  const TarStreamOptions& options_;
  tape::ByteSink& out_;
  const RestoreEvents& events_;
  TarStreamReport report_;
  // Hashes of paths: a collision costs a copy instead of a link.
  std::unordered_set<std::size_t> left_out_;
  tape::Bytes buffer_;
};

}  // namespace

TarStreamReport stream_tar(tape::Members& members,
                           const Wanted& wanted,
                           const TarStreamOptions& options,
                           const RestoreEvents& events) {
  return TarStream(members, wanted, options, events).run();
}

}  // namespace agent
