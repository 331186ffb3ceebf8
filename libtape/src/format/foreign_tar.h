// tar headers as anybody writes them: v7, ustar, pax, GNU.
//
// In, out: bytes and values; pure.
// Spec:    docs/format.md §7.2; POSIX.1-2017 pax; GNU tar manual, "Basic Tar Format".
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tape/bytes.h"
#include "tape/foreign_tar.h"

namespace tape {

// One block, by itself.
struct ForeignBlock {
  ForeignMember member;      // what it says; offset and body not set
  ByteCount data = 0;        // bytes behind it, without padding
  bool more_sparse = false;  // of GNU's old sparse: another block of its map follows
};

// None: zeros. Fails: Error{corrupt}: a wrong checksum, or a number that is none.
std::optional<ForeignBlock> decode_foreign_block(ByteView block);

// Of a block behind one with more_sparse: whether there is one more.
bool more_sparse_follows(ByteView block);

// Records of a pax header's body; the last one of a key counts, an empty value takes back.
using PaxRecords = std::map<std::string, std::string, std::less<>>;
// Fails: Error{corrupt}.
void add_pax_records(PaxRecords& records, std::string_view body);

// What pax says takes the place of what the block says. Fails: Error{corrupt}.
void apply_pax_records(ForeignBlock& block, const PaxRecords& records);

}  // namespace tape
