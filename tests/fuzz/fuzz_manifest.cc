// Manifests: the text as found, and with its SHA-256 made right, so that what lies behind the seal
// is reached. What is taken comes back as canonical text that is taken again.
#include <algorithm>

#include "fuzz/fuzz.h"
#include "tape/digest.h"
#include "tape/manifest.h"

namespace {

void decode(const std::string& text) {
  fuzz::decodes_or_refuses([&] {
    const tape::Manifest manifest = tape::decode_manifest(tape::as_bytes(text));
    for (const tape::ManifestVolume& volume : manifest.volumes)
      fuzz::must(tape::is_object_key(volume.key), "a volume's key leads to an object");
    const std::string canonical = tape::encode_manifest(manifest);
    fuzz::must(tape::encode_manifest(tape::decode_manifest(tape::as_bytes(canonical))) == canonical,
               "a canonical manifest comes back as it was");
  });
}

std::string sealed(std::string text) {
  constexpr std::string_view kField = "\"manifest_sha256\":\"";
  constexpr std::size_t kDigits = 64;
  const std::size_t at = text.find(kField);
  if (at == std::string::npos || text.size() < at + kField.size() + kDigits) return text;
  text.replace(at + kField.size(), kDigits, std::string(kDigits, '0'));
  return text.replace(at + kField.size(), kDigits, tape::hex(tape::sha256(tape::as_bytes(text))));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = tape::as_text(tape::ByteView(data, size));
  decode(text);
  decode(sealed(text));
  return 0;
}
