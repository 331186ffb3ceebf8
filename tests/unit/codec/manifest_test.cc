#include "tape/manifest.h"

#include "support/expect.h"
#include "tape/digest.h"
#include "tape/volume_plan.h"

using namespace tape;

namespace {

Manifest sample() {
  Manifest out;
  out.set = "host-docs";
  out.snapshot = "20260102T030405Z-0123abcd";
  out.host = "host";
  out.root = std::string("/home/\xff") + "docs";
  out.options = {
      Metadata::full, "docs", 1'700'000'000, {{"exclude", "*.o"}, {"exclude-caches", ""}}, 1 << 20};
  out.start = {1'767'323'045, 0};
  out.end = {1'767'323'099, 0};
  out.tape_size = 1'500'160;
  out.entries = 12;
  out.fingerprint[0] = 0xAB;
  out.state[15] = 0x01;
  for (int i = 0; i < 2; ++i) {
    ManifestVolume& volume = out.volumes.emplace_back();
    volume.key = out.snapshot + "/host-docs.tar.gz.0000" + std::to_string(i);
    volume.tape_offset = TapeOffset(i == 0 ? 0 : 1 << 20);
    volume.tape_size = i == 0 ? 1 << 20 : 1'500'160 - (1 << 20);
    volume.size = 4000;
    volume.tail_offset = GzOffset(3000);
    volume.inner_offset = GzOffset(3500);
    volume.etag = "\"abc\"";
    volume.part_size = 1 << 16;
    volume.digest = "sha256-parts:00";
    volume.codec = {"zlib", "1.2.13", 6, 18, 10};
    volume.records = 7;
    if (i == 0) volume.first_path = "docs";
  }
  out.warnings = {{std::string("a\xfe"), "omitted", "gone"}};
  out.totals = {1, 0, 0, 0, 0, 8000};
  return out;
}

// The same text with another digest that fits.
Bytes sealed_again(std::string text) {
  constexpr std::string_view kField = "\"manifest_sha256\":\"";
  const std::size_t at = text.find(kField) + kField.size();
  text.replace(at, 64, std::string(64, '0'));
  text.replace(at, 64, hex(sha256(as_bytes(text))));
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("manifest: what is encoded comes back, and again as the same bytes", "[manifest]") {
  const std::string text = encode_manifest(sample());
  const Manifest back = decode_manifest(as_bytes(text));
  CHECK(encode_manifest(back) == text);
  CHECK(back.root == sample().root);
  CHECK(back.options == sample().options);
  CHECK(back.volumes.at(0).first_path == "docs");
  CHECK_FALSE(back.volumes.at(1).first_path);
  CHECK(back.warnings.at(0).path == "a\xfe");
  CHECK(text.find(' ') == text.find(" snapshot\""));  // canonical: no space but in a value
  CHECK(text.back() == '}');
}

TEST_CASE("manifest: every cut and every flip is corrupt", "[manifest]") {
  const std::string text = encode_manifest(sample());
  for (std::size_t size = 0; size < text.size(); ++size)
    CHECK(failed([&] { decode_manifest(as_bytes(text.substr(0, size))); }).kind() ==
          ErrorKind::corrupt);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string flipped = text;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    CHECK(failed([&] { decode_manifest(as_bytes(flipped)); }).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("manifest: sealed nonsense is refused by field", "[manifest]") {
  const std::string text = encode_manifest(sample());
  const struct {
    std::string from, to, says;
  } kCases[] = {
      {"\"tape_offset\":1048576", "\"tape_offset\":1048575", "begins at tape offset 1048575"},
      {"\"size\":1500160", "\"size\":1500161", "1500160 bytes of the tape"},
      {"\"key\":\"20260102T030405Z-0123abcd/host", "\"key\":\"../20260102T030405Z-0123abcd/host",
       "is not of a volume"},
      {"\"key\":\"20260102T030405Z-0123abcd/host", "\"key\":\"/20260102T030405Z-0123abcd/host",
       "is not of a volume"},
      {"host-docs.tar.gz.00000\"", "manifest.json\"", "is not of a volume"},
      {"host-docs.tar.gz.00000\"", "x/host-docs.tar.gz.00000\"", "is not of a volume"},
      {"host-docs.tar.gz.00000\"", "host-docs.tar.gz.0000x\"", "is not of a volume"},
      {"\"records\":7", "\"records\":-7", "volumes[0].records"},
      {"\"records\":7", "\"records\":\"7\"", "volumes[0].records"},
      {"\"part_size\":65536", "\"part_size\":0", "part_size: 0"},
      {"\"entries\":12", "\"entrees\":12", "tape.entries is missing"},
      {"\"metadata\":\"full\"", "\"metadata\":\"fool\"", "options.metadata"},
      {"\"start\":\"2026-", "\"start\":\"x026-", "is no time"},
      {"\"base64\":\"", "\"base64\":\"!", "base64"},
      {"ab000000000000000000000000000000", "ag000000000000000000000000000000", "fingerprint"},
  };
  for (const auto& c : kCases) {
    const Bytes bytes = sealed_again(replaced(text, c.from, c.to));
    const Error error = failed([&] { decode_manifest(bytes); });
    INFO(c.to);
    CHECK(error.kind() == ErrorKind::corrupt);
    CHECK(says(error, c.says));
  }
  CHECK(failed([&] {
          decode_manifest(sealed_again(replaced(text, "\"version\":1,", "\"version\":2,")));
        }).kind() == ErrorKind::unsupported);
}

TEST_CASE("manifest: what its limits allow is read, one more is refused", "[manifest]") {
  const auto read_back = [](const Manifest& manifest) {
    const std::string text = encode_manifest(manifest);
    return tape::failure_of([&] { static_cast<void>(decode_manifest(as_bytes(text))); });
  };
  Manifest manifest = sample();
  manifest.warnings.assign(kManifestWarningsMax, {"a", "problem", "why"});
  CHECK_FALSE(read_back(manifest));
  manifest.warnings.push_back({"a", "problem", "why"});
  const auto warnings = read_back(manifest);
  REQUIRE(warnings);
  CHECK(says(*warnings, "warnings: 100001 elements, at most 100000 expected"));

  manifest = sample();
  manifest.volumes.assign(kVolumeCountMax + 1, manifest.volumes.front());
  const auto volumes = read_back(manifest);
  REQUIRE(volumes);
  CHECK(says(*volumes, "volumes: 100001 elements, at most 100000 expected"));

  manifest = sample();
  manifest.volumes.front().part_size = kPartSizeMax;
  CHECK_FALSE(read_back(manifest));
  manifest.volumes.front().part_size = kPartSizeMax + 1;
  CHECK(read_back(manifest));

  const std::string text = encode_manifest(sample());
  const auto nested = [&](int depth) {
    const std::string array = std::string(static_cast<std::size_t>(depth), '[') +
                              std::string(static_cast<std::size_t>(depth), ']');
    return failed([&] {
      decode_manifest(sealed_again(replaced(text, "\"records\":7", "\"records\":" + array)));
    });
  };
  CHECK(says(nested(5), "volumes[0].records"));
  CHECK(says(nested(6), "nested too deeply"));
  CHECK(says(nested(100'000), "nested too deeply"));
  manifest = sample();
  manifest.root = "/[[[[[[[[[\\\"[[[[[[[[[{{{{{{{{{";
  CHECK_FALSE(read_back(manifest));
}
