#include "format/filling.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/assert.h"
#include "format/tar_format.h"

namespace tape {
namespace {

// A `g` header, its comment and a directory block make one run.
constexpr std::uint64_t kCommentRunMax = 2048;  // blocks of header and comment

// Block `index` of a `g` header with its comment, `count` blocks together.
Bytes comment_block(std::uint64_t index, std::uint64_t count) {
  const ByteCount size = (count - 1) * kBlockSize;
  if (index == 0) return encode_comment_header(size);
  Bytes out(kBlockSize, '.');
  if (index == 1) {
    const std::string head = std::to_string(size) + " comment=";
    std::copy(head.begin(), head.end(), out.begin());
  }
  if (index == count - 1) out.back() = '\n';
  return out;
}

}  // namespace

Bytes directory_block(const std::optional<Member>& ancestor) {
  Member member;
  member.name = "PaxHeaders/omitted/";
  if (ancestor) member = *ancestor;
  member.type = MemberType::directory;
  member.mode |= 0700;
  member.xattrs.clear();
  return encode_ustar_block(member);
}

Filling::Filling(std::uint64_t blocks, Bytes directory)
    : blocks_(blocks), directory_(std::move(directory)) {
  TAPE_ASSERT(directory_.size() == kBlockSize);
}

Bytes Filling::block(std::uint64_t index) const {
  // Whole runs first; the last one fills what is left, down to three blocks.
  const std::uint64_t whole = kCommentRunMax + 1;
  const std::uint64_t run = index / whole;
  const std::uint64_t count = std::min(whole, blocks_ - run * whole);
  const std::uint64_t at = index % whole;
  if (count < 3 || at == count - 1) return directory_;
  return comment_block(at, count - 1);
}

void Filling::read(ByteCount at, MutableBytes out) const {
  TAPE_ASSERT(at + out.size() <= blocks_ * kBlockSize);
  while (!out.empty()) {
    const Bytes whole = block(at / kBlockSize);
    const std::size_t from = at % kBlockSize;
    const std::size_t n = std::min<std::size_t>(out.size(), kBlockSize - from);
    std::memcpy(out.data(), whole.data() + from, n);
    out = out.subspan(n);
    at += n;
  }
}

}  // namespace tape
