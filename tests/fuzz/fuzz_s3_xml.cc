// The answers of an S3 store: the input is read as each of them. And what is sent: names from the
// input come back from a document as they were.
#include "fuzz/fuzz.h"
#include "store/s3_xml.h"

namespace {

using namespace agent;

void decode(tape::ByteView document) {
  const auto failure = failure_in(document);
  fuzz::must(!failure || failure->code.size() <= document.size(), "a code from the document");
  fuzz::decodes_or_refuses([&] { return parse_list(document); });
  fuzz::decodes_or_refuses(
      [&] { fuzz::must(!parse_upload_id(document).empty(), "an upload has a name"); });
  fuzz::decodes_or_refuses([&] {
    for (const PartInfo& part : parse_parts(document).parts)
      fuzz::must(part.number >= 1 && part.number <= 10'000, "a part has a number of a part");
  });
  fuzz::decodes_or_refuses([&] { return parse_uploads(document); });
  fuzz::decodes_or_refuses([&] { return parse_lifecycle(document); });
  fuzz::decodes_or_refuses([&] { return parse_delete_failures(document); });
}

std::string replaced(std::string text, std::string_view was, std::string_view is) {
  const std::size_t at = text.find(was);
  fuzz::must(at != std::string::npos, "a document of its kind");
  return text.replace(at, was.size(), is);
}

// A key that fits into a document is a key that a reader finds in it.
void encode(tape::ByteView bytes) {
  const std::string key = tape::as_text(bytes);
  if (!fits_xml(key)) return;
  std::string answer = delete_document({key});
  answer = replaced(answer, "<Delete ", "<DeleteResult ");
  answer = replaced(answer, "<Object>", "<Error>");
  answer = answer.substr(0, answer.rfind("</Object>")) + "</Error></DeleteResult>";
  const auto keys = parse_delete_failures(tape::as_bytes(answer));
  fuzz::must(keys.size() == 1 && keys[0].key == key, "a key comes back as it was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decode({data, size});
  encode({data, size});
  return 0;
}
