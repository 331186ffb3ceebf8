// Manifest: one snapshot's list of volumes. Its arrival in the store is the commit point.
//
// In, out: canonical JSON, sealed by its own SHA-256.
// Limits:  kManifestSizeMax; kVolumeCountMax volumes; kManifestWarningsMax warnings are listed, all
//          are counted.
// Threads: values; no state.
// Spec:    docs/format.md §5; schemas/manifest.schema.json.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tape/bytes.h"
#include "tape/catalog.h"
#include "tape/offset.h"
#include "tape/ragzip_writer.h"

namespace tape {

inline constexpr ByteCount kManifestSizeMax = ByteCount{256} << 20;
inline constexpr std::size_t kManifestWarningsMax = 100'000;
inline constexpr ByteCount kManifestWarningBytesMax = ByteCount{64} << 20;  // of paths and reasons
inline constexpr ByteCount kPartSizeMax = ByteCount{64} << 20;
inline constexpr std::int64_t kManifestVersion = 1;

// What deflated a volume. Object bytes are promised for one engine and version only.
struct Codec {
  std::string engine;
  std::string version;
  int level = 0;
  int page_bits = 0;
  int index_bits = 0;
  friend bool operator==(const Codec&, const Codec&) = default;
};
Codec codec_of(const RagzipOptions& options);

struct ManifestVolume {
  std::string key;  // relative to <store>/<set>/
  TapeOffset tape_offset;
  ByteCount tape_size = 0;
  ByteCount size = 0;     // of the object
  GzOffset tail_offset;   // end of the last page
  GzOffset inner_offset;  // where a reader's tail read starts
  std::string etag;       // as HEAD gave it; empty where a store has none
  Hash128 tape_xxh3{};    // of the slice
  ByteCount part_size = 0;
  std::string digest;  // PartsDigest
  Codec codec;
  std::uint64_t records = 0;
  std::optional<std::string> first_path;
};

// What decides the tape's bytes and its cuts; only this counts for "nothing changed".
struct SnapshotOptions {
  Metadata metadata = Metadata::full;
  std::string prefix;
  std::optional<std::int64_t> source_date_epoch;
  std::vector<SourceOption> source_options;
  ByteCount volume_size = 0;
  friend bool operator==(const SnapshotOptions&, const SnapshotOptions&) = default;
};

// A member that is not as recorded, or (outcome "problem") an entry that the scan could not record.
struct ManifestWarning {
  std::string path;  // below the root
  std::string outcome;
  std::string why;
};

struct ManifestTotals {
  std::uint64_t omitted = 0;
  std::uint64_t torn = 0;
  std::uint64_t grew = 0;
  std::uint64_t changed = 0;
  std::uint64_t problems = 0;
  ByteCount stored = 0;  // bytes of all objects
};

struct Manifest {
  std::string set;
  std::string snapshot;
  std::string host;
  std::string root;
  SnapshotOptions options;
  Timestamp start;  // of the scan
  Timestamp end;
  ByteCount tape_size = 0;
  std::uint64_t entries = 0;
  Hash128 fingerprint{};
  Hash128 state{};
  std::vector<ManifestVolume> volumes;
  std::vector<ManifestWarning> warnings;
  ManifestTotals totals;
};

// Whether `key` leads to an object and nowhere else: no component is empty, `.` or `..`, or holds a
// NUL.
bool is_object_key(std::string_view key);

std::string encode_manifest(const Manifest& manifest);

// Fails: Error{corrupt} that names the field, found and expected; Error{unsupported} for a later
// version.
Manifest decode_manifest(ByteView bytes);

// YYYY-MM-DDTHH:MM:SSZ.
std::string utc_text(const Timestamp& time);

}  // namespace tape
