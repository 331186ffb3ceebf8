// A tar by anybody: what its parser finds, whatever the cutting, and the archive that convert makes
// of it.
#include <algorithm>
#include <optional>

#include "format/tar_format.h"
#include "fuzz/fuzz.h"
#include "support/gzip_members.h"
#include "support/memory_io.h"
#include "tape/archive.h"
#include "tape/digest.h"
#include "tape/files.h"
#include "tape/foreign_tape.h"
#include "tape/foreign_tar.h"

namespace {

using tape::ForeignMember;

struct Parsed {
  std::vector<ForeignMember> members;
  std::string failure;
};

Parsed parsed(tape::ByteView tar, std::size_t piece) {
  Parsed out;
  tape::ForeignTarParser parser([&](const ForeignMember& found) { out.members.push_back(found); });
  const auto failure = tape::failure_of([&] {
    for (std::size_t at = 0; at < tar.size(); at += piece)
      parser.write(tar.subspan(at, std::min(piece, tar.size() - at)));
    parser.finish();
  });
  if (failure) {
    fuzz::decodes_or_refuses([&] { throw tape::Error(*failure); });
    out.failure = failure->what();
  }
  return out;
}

bool same(const ForeignMember& a, const ForeignMember& b) {
  return a.member.name == b.member.name && a.member.target == b.member.target &&
         a.member.mtime == b.member.mtime && a.member.xattrs == b.member.xattrs &&
         a.typeflag == b.typeflag && a.offset == b.offset && a.body == b.body && a.size == b.size;
}

void check_places(const Parsed& found) {
  std::uint64_t end = 0;
  for (const ForeignMember& member : found.members) {
    fuzz::must(member.offset >= end, "members do not overlap");
    fuzz::must(member.body >= member.offset + tape::kBlockSize, "a header has a block");
    end = member.body + member.size + tape::padding_of(member.size);
  }
}

// A member that can stand on a tape is the same there.
void check_header(const ForeignMember& found) {
  if (!found.known || found.sparse || !tape::why_not_on_tape(found.member).empty()) return;
  tape::Member member = found.member;
  member.mtime.nanoseconds = 0;
  if (member.type == tape::MemberType::directory && !member.name.ends_with('/')) member.name += '/';
  const tape::Member read = tape::decode_header(tape::encode_header(member));
  fuzz::must(read.name == member.name && read.target == member.target &&
                 read.mtime == member.mtime && read.xattrs == member.xattrs &&
                 read.mode == member.mode && read.uid == member.uid && read.size == member.size,
             "a header is the same on a tape");
}

// In memory, where there is such a folder.
const char* scratch_folder() {
  return tape::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
}

void convert(const tape::Bytes& tar) {
  const tape::Bytes stream = test::gzip_member(tar);
  const tape::MemorySource source(stream);
  tape::ForeignTape foreign(source, 4096, scratch_folder(), {});
  if (foreign.size() > tape::ByteCount{1} << 22) return;
  tape::MemorySink sink;
  tape::MemorySpool spool;
  tape::VolumeOptions options;
  options.ragzip.page_bits = 12;
  options.slice = {tape::TapeOffset(0), foreign.size()};
  options.metadata = tape::Metadata::full;
  tape::VolumeWriter volume(sink, {spool.out, spool.in}, options);
  foreign.play(volume);
  volume.finish();
  const tape::MemorySource made(sink.bytes);
  const auto failure = tape::failure_of([&] { tape::Archive(made).check_all({}); });
  fuzz::must(!failure, "what convert makes is sound");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tape::Bytes tar(data, data + size);
  const Parsed whole = parsed(tar, std::max<std::size_t>(size, 1));
  check_places(whole);
  for (const ForeignMember& member : whole.members)
    check_header(member);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{700}}) {
    const Parsed cut = parsed(tar, piece);
    fuzz::must(cut.failure == whole.failure, "the same failure whatever the cutting");
    fuzz::must(std::equal(cut.members.begin(), cut.members.end(), whole.members.begin(),
                          whole.members.end(), same),
               "the same members whatever the cutting");
  }
  // It takes longer than all of the above.
  constexpr std::uint64_t kEach = 8;
  if (whole.failure.empty() && tape::xxh3_64(tar) % kEach == 0)
    fuzz::decodes_or_refuses([&] { convert(tar); });
  return 0;
}
