// What a store holds, for readers that cannot list: <store>/sets.json and <set>/snapshots.json.
// Hints: what they name may be gone, and what they do not name may be there.
//
// Fails:   corrupt: not such a document, or past a limit.
// Threads: pure functions.
// Spec:    docs/format.md §5 "Listings".
#pragma once
#include <string>
#include <vector>

#include "store/object_store.h"
#include "tape/bytes.h"

namespace agent {

inline constexpr const char* kSetsKey = "sets.json";
std::string snapshots_key(const std::string& set);
inline constexpr tape::ByteCount kListingMax = tape::ByteCount{16} << 20;  // 400 000 names

std::string sets_document(const std::vector<std::string>& sets);
std::string snapshots_document(const std::vector<std::string>& ids);
std::vector<std::string> parse_sets(tape::ByteView document);
std::vector<std::string> parse_snapshots(tape::ByteView document);

// Writes both anew, from what the store lists. Fails: as the store does.
void write_listing(ObjectStore& store, const std::string& set);

}  // namespace agent
