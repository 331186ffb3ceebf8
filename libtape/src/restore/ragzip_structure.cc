#include "restore/ragzip_structure.h"

#include "format/ragzip_format.h"
#include "tape/error.h"

namespace tape {
namespace {

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, what);
}

RagzipFooter read_footer(MetadataReader& metadata) {
  const ByteCount size = metadata.source().size();
  if (size < kFooterSize)
    corrupt("not a ragzip file: " + std::to_string(size) + " bytes, a footer alone has 64");
  const GzOffset at(size - kFooterSize);
  const ByteView head = metadata.bytes(at, 16);
  if (head[0] != 0x1F || head[1] != 0x8B || head[12] != 'R' || head[13] != 'A') {
    throw Error(ErrorKind::corrupt,
                "no ragzip footer in its last 64 bytes: it was cut or overwritten, or it is no "
                "ragzip file",
                "`ragtape ragzip decode` reads any gzip file, `salvage` repairs one that was cut");
  }
  const auto member = metadata.member(at, GzOffset(size), {"RA", "footer", kFooterSize});
  if (member.end.value() != size)
    corrupt("footer: ends at " + std::to_string(member.end.value()) + ", the file at " +
            std::to_string(size));
  const RagzipFooter footer = decode_footer(member.payload);
  if (footer.levels > 0 && GzOffset(static_cast<std::uint64_t>(footer.top_index)) >= at)
    corrupt("footer: top index offset " + std::to_string(footer.top_index) + " is behind it");
  return footer;
}

// From the last one back.
std::vector<RagzipExtension> read_extensions(MetadataReader& metadata,
                                             std::int64_t tail,
                                             GzOffset limit) {
  std::vector<RagzipExtension> out;
  while (tail != -1) {
    if (out.size() == kExtensionCountMax) corrupt("more than 50 extensions");
    const GzOffset at(static_cast<std::uint64_t>(tail));
    const std::string where = "extension at " + std::to_string(tail);
    if (at >= limit) corrupt(where + ": not before " + std::to_string(limit.value()));
    auto member = metadata.member(at, limit, {"RA", "extension", 0});
    const ExtensionHead head = within(where, [&] { return decode_extension(member.payload); });
    if ((head.flags & kSpecificationFlag) != 0) {
      throw Error(ErrorKind::unsupported, where + ": id " + std::to_string(head.id) +
                                              " is of a later ragzip specification");
    }
    member.payload.erase(member.payload.begin(),
                         member.payload.begin() + static_cast<std::ptrdiff_t>(kExtensionHead));
    out.insert(out.begin(), {at, head.flags, head.id, std::move(member.payload)});
    limit = at;
    tail = head.previous;
  }
  return out;
}

}  // namespace

RagzipGeometry geometry_of(const RagzipFooter& footer, GzOffset at) {
  RagzipGeometry out;
  out.page_bits = footer.page_bits;
  out.index_bits = footer.index_bits;
  out.levels = footer.levels;
  out.logical_size = footer.logical_size;
  out.page_count = pages_for(footer.logical_size, footer.page_bits);
  out.top_index = GzOffset(static_cast<std::uint64_t>(footer.top_index));
  out.footer = at;
  return out;
}

RagzipStructure read_structure(MetadataReader& metadata) {
  const RagzipFooter footer = read_footer(metadata);
  RagzipStructure out;
  out.geometry = geometry_of(footer, GzOffset(metadata.source().size() - kFooterSize));
  out.extensions = read_extensions(metadata, footer.extension_tail, out.geometry.footer);
  return out;
}

RagzipStructure structure_of(const PageScan& scan) {
  RagzipStructure out;
  out.geometry.page_bits = scan.shape.page_bits;
  out.geometry.index_bits = scan.shape.index_bits;
  out.geometry.levels = levels_for(scan.pages.size(), scan.shape.index_bits);
  out.geometry.logical_size = scan.logical_size;
  out.geometry.page_count = scan.pages.size();
  // Behind the pages everything is metadata that is not asked.
  out.geometry.top_index = out.geometry.footer = scan.end;
  out.extensions = scan.extensions;
  return out;
}

}  // namespace tape
