#include "restore/snapshot_reader.h"

#include "store/snapshots.h"
#include "tape/digest.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::ErrorKind;

// A volume is never written twice: another object under its key is damage to this volume, no
// archive to open again, and the others are as good as before.
template <class Step>
void on_volume(Step step) {
  const auto failure = tape::failure_of(step);
  if (!failure) return;
  if (failure->kind() != ErrorKind::object_changed) throw tape::Error(*failure);
  throw tape::Error(ErrorKind::corrupt, failure->what(), failure->hint());
}

class VolumeSource final : public tape::RangeSource {
 public:
  explicit VolumeSource(const std::function<std::unique_ptr<tape::RangeSource>()>& open) {
    on_volume([&] { object_ = open(); });
  }
  tape::ByteCount size() const override { return object_->size(); }
  std::string name() const override { return object_->name(); }
  void distrust() const override { object_->distrust(); }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override {
    on_volume([&] { object_->read_at(at, out); });
  }

 private:
  std::unique_ptr<tape::RangeSource> object_;
};

}  // namespace

std::unique_ptr<tape::Archive> open_snapshot(ObjectStore& store,
                                             const tape::Manifest& manifest,
                                             const VolumeLayer& layer) {
  if (manifest.volumes.empty())
    throw tape::Error(ErrorKind::corrupt,
                      "the manifest of snapshot " + manifest.snapshot + " names no volumes");
  std::vector<tape::ArchiveVolume> volumes;
  for (const tape::ManifestVolume& volume : manifest.volumes) {
    tape::ArchiveVolume& out = volumes.emplace_back();
    // Without its ETag: a copy of the store elsewhere has others, and is as good.
    const ObjectInfo known{object_key(manifest, volume), volume.size, ""};
    const std::string version = store.identity() + "/" + known.key + " " +
                                std::to_string(known.size) + " " + tape::hex(volume.tape_xxh3);
    const auto object = [&store, known, layer, version] {
      auto plain = store.open_known(known);
      return layer ? layer(std::move(plain), version) : std::move(plain);
    };
    out.open = [object] { return std::make_unique<VolumeSource>(object); };
    out.name = tape::shown(store.name() + "/" + known.key);
    out.begin = volume.tape_offset;
    out.tape_size = volume.tape_size;
    out.size = volume.size;
    out.slice_hash = volume.tape_xxh3;
    out.records = volume.records;
    out.first_path = volume.first_path;
  }
  return std::make_unique<tape::Archive>(std::move(volumes));
}

}  // namespace agent
