#include "restore/verify.h"

#include <algorithm>

#include "restore/snapshot_reader.h"
#include "store/snapshots.h"
#include "tape/digest.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

class Verify {
 public:
  Verify(const VerifyContext& context, const tape::Manifest& manifest, const VerifyOptions& options)
      : store_(context.store), manifest_(manifest), options_(options), events_(context.events) {
    for (const tape::ManifestVolume& volume : manifest.volumes)
      total_ += volume.size;
  }

  VerifyReport run() {
    for (const tape::ManifestVolume& volume : manifest_.volumes) {
      found([&] { check_volume(volume); });
      ++report_.volumes;
      report_.pages += pages_of(volume);
    }
    report_.members = manifest_.entries;
    // What is in a damaged volume was said already.
    if (report_.damage == 0) found([&] { check_contents(); });
    return report_;
  }

 private:
  // Damage is what this looks for; everything else ends it.
  template <class Step>
  void found(Step step) {
    const auto failure = tape::failure_of(step);
    if (!failure) return;
    const bool damage = failure->kind() == ErrorKind::corrupt ||
                        failure->kind() == ErrorKind::not_found ||
                        failure->kind() == ErrorKind::unsupported ||
                        failure->kind() == ErrorKind::io;  // a bad sector is what this is for
    if (!damage) throw Error(*failure);
    ++report_.damage;
    if (events_.damage) events_.damage(*failure);
  }

  void check_volume(const tape::ManifestVolume& volume) {
    const std::string key = object_key(manifest_, volume);
    tape::within(tape::shown(store_.name() + "/" + key), [&] {
      const auto info = store_.head(key);
      if (!info) throw Error(ErrorKind::corrupt, "the volume is missing");
      if (info->size != volume.size)
        throw Error(ErrorKind::corrupt, "it has " + std::to_string(info->size) +
                                            " bytes, the manifest says " +
                                            std::to_string(volume.size));
      if (digest_of(key, volume) != volume.digest)
        throw Error(ErrorKind::corrupt, "its bytes do not have the SHA-256 of the manifest");
    });
  }

  std::string digest_of(const std::string& key, const tape::ManifestVolume& volume) {
    const auto source = store_.open(key);
    if (source->size() != volume.size)
      throw Error(ErrorKind::corrupt, "it has " + std::to_string(source->size()) + " bytes now, " +
                                          std::to_string(volume.size) + " a moment ago");
    tape::PartsDigest digest;
    tape::Bytes part;
    for (tape::ByteCount at = 0; at < volume.size; at += part.size()) {
      part.resize(std::min(volume.part_size, volume.size - at));
      source->read_at(tape::GzOffset(at), part);
      digest.add(tape::sha256(part));
      done_ += part.size();
      if (events_.progress) events_.progress(done_, total_);
    }
    return digest.text();
  }

  void check_contents() {
    if (!options_.full && options_.share == 0) return;
    const auto archive = open_snapshot(store_, manifest_);
    const auto heard = [&](tape::ByteCount done) {
      if (events_.progress) events_.progress(done, manifest_.tape_size);
    };
    if (options_.full) {
      archive->check_all(heard, options_.workers);
      report_.pages_decoded = report_.pages;
    } else {
      report_.pages_decoded = archive->check_sample(options_.share, options_.seed, heard);
    }
  }

  static std::uint64_t pages_of(const tape::ManifestVolume& volume) {
    const tape::ByteCount page = tape::ByteCount{1} << volume.codec.page_bits;
    return volume.tape_size / page + (volume.tape_size % page != 0 ? 1 : 0);
  }

  ObjectStore& store_;
  const tape::Manifest& manifest_;
  const VerifyOptions& options_;
  const VerifyEvents& events_;
  VerifyReport report_;
  tape::ByteCount done_ = 0;
  tape::ByteCount total_ = 0;
};

}  // namespace

VerifyReport verify_snapshot(const VerifyContext& context,
                             const tape::Manifest& manifest,
                             const VerifyOptions& options) {
  return Verify(context, manifest, options).run();
}

}  // namespace agent
