#include "catalog/layout.h"

#include "base/endian.h"
#include "format/ragzip_format.h"
#include "format/tar_layout.h"
#include "tape/error.h"

namespace tape {

Layout::Layout(const TapeSettings& settings) {
  fingerprint_.update_framed(as_bytes("ragtape 1"));
  fingerprint_.update_framed(as_bytes(settings.profile == Profile::tartape  ? "tartape"
                                      : settings.metadata == Metadata::full ? "full"
                                                                            : "portable"));
  fingerprint_.update_framed(as_bytes(settings.prefix));
}

void Layout::add(const SeenEntry& seen, const Member& member, ByteView header) {
  // Each addend is far below 2^63, so the sum does not wrap before it is compared.
  const ByteCount size = header.size() + padded(member.size);
  if (member.size > kLogicalSizeMax ||
      end_.value() + size + kEndBlocks * kBlockSize > kLogicalSizeMax) {
    throw Error(ErrorKind::unsupported,
                "the tape would pass 2^62 - 1 bytes at " + shown(member.name));
  }
  fingerprint_.update_framed(header);
  add_state(state_, seen, member);
  if (seen.hash) {
    Bytes run;
    append_be(run, end_.value(), 8);
    run.insert(run.end(), seen.hash->begin(), seen.hash->end());
    contents_.update_framed(run);
  }
  end_ = end_ + size;
  ++entries_;
}

ByteCount Layout::tape_size() const {
  return end_.value() + kEndBlocks * kBlockSize;
}

void add_problem(Xxh3Stream& problems, const std::string& path, const std::string& reason) {
  problems.update_framed(as_bytes(path));
  problems.update_framed(as_bytes(reason));
}

Hash128 seal_of(const CatalogSummary& summary, const Hash128& problems) {
  Xxh3Stream seal;
  const auto text = [&](std::string_view value) { seal.update_framed(as_bytes(value)); };
  const auto number = [&](auto value) { text(std::to_string(value)); };
  text(summary.root);
  number(summary.single_file ? 1 : 0);
  text(summary.prefix);
  text(summary.metadata == Metadata::full ? "full" : "portable");
  text(summary.profile == Profile::tartape ? "tartape" : "ragtape");
  text(summary.source_date_epoch ? std::to_string(*summary.source_date_epoch) : "");
  number(summary.tape_size);
  number(summary.entries);
  seal.update_framed(summary.fingerprint);
  seal.update_framed(summary.state);
  number(summary.hashed ? 1 : 0);
  seal.update_framed(summary.contents);
  number(summary.started.seconds);
  number(summary.started.nanoseconds);
  number(summary.problems);
  number(summary.skipped_sockets);
  number(summary.skipped_devices);
  number(summary.skipped_own_files);
  number(summary.excluded);
  number(summary.source_options.size());
  for (const SourceOption& option : summary.source_options) {
    text(option.name);
    text(option.value);
  }
  seal.update_framed(problems);
  return seal.digest();
}

}  // namespace tape
