#include "store/s3_xml.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <exception>
#include <memory>

#include <expat.h>

#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kElementsMax = std::size_t{64} << 10;   // a page of 1000 has 10 each
constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 60;  // sums of sizes fit 64 bits
constexpr std::uint32_t kPartNumberMax = 10'000;

struct Element {
  std::string name;  // without a prefix
  std::string text;
  std::vector<Element> children;

  const Element* child(std::string_view wanted) const {
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](const Element& e) { return e.name == wanted; });
    return found == children.end() ? nullptr : &*found;
  }
  std::string text_of(std::string_view wanted) const {
    const Element* found = child(wanted);
    return found == nullptr ? "" : found->text;
  }
};

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "the answer of the store: " + what);
}

// Builds the tree of elements. What its callbacks throw comes out of run(): expat is C.
class Reader {
 public:
  Reader() : parser_(XML_ParserCreate("UTF-8")) {
    if (!parser_) throw Error(ErrorKind::exhausted, "no memory to read XML");
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), &Reader::on_begin, &Reader::on_end);
    XML_SetCharacterDataHandler(parser_.get(), &Reader::on_text);
    XML_SetStartDoctypeDeclHandler(parser_.get(), &Reader::on_doctype);
  }

  Element run(tape::ByteView document) {
    const std::string text = tape::as_text(document);
    const auto status =
        XML_Parse(parser_.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
    if (failure_) std::rethrow_exception(failure_);
    if (status != XML_STATUS_OK)
      corrupt("byte " + std::to_string(XML_GetCurrentByteIndex(parser_.get())) + ": " +
              XML_ErrorString(XML_GetErrorCode(parser_.get())));
    return std::move(root_);
  }

 private:
  struct Free {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };

  template <class Step>
  static void guarded(void* self, Step step) {
    auto& reader = *static_cast<Reader*>(self);
    try {
      if (!reader.failure_) step(reader);
    } catch (...) {
      reader.failure_ = std::current_exception();
      XML_StopParser(reader.parser_.get(), XML_FALSE);
    }
  }

  static void on_begin(void* self, const char* name, const char** /*attributes*/) {
    guarded(self, [&](Reader& reader) { reader.begin(name); });
  }
  static void on_end(void* self, const char* /*name*/) {
    guarded(self, [](Reader& reader) { reader.open_.pop_back(); });
  }
  static void on_text(void* self, const char* text, int size) {
    guarded(self, [&](Reader& reader) {
      if (!reader.open_.empty())
        reader.open_.back()->text.append(text, static_cast<std::size_t>(size));
    });
  }
  // NOLINTNEXTLINE(readability-function-size): expat says with how many parameters
  static void on_doctype(void* self, const char*, const char*, const char*, int) {
    guarded(self, [](Reader&) { corrupt("it has a document type"); });
  }

  void begin(std::string_view name) {
    if (open_.size() == kDepthMax)
      corrupt("deeper than " + std::to_string(kDepthMax) + " elements");
    if (++count_ > kElementsMax) corrupt("more than " + std::to_string(kElementsMax) + " elements");
    // The one above gets no sibling of its own while it is open, so it does not move.
    Element& element = open_.empty() ? root_ : open_.back()->children.emplace_back();
    element.name = name.substr(name.rfind(':') + 1);
    open_.push_back(&element);
  }

  std::unique_ptr<XML_ParserStruct, Free> parser_;
  Element root_;
  std::vector<Element*> open_;
  std::size_t count_ = 0;
  std::exception_ptr failure_;
};

// A store that takes its time sends white space, so that the connection stays open; in front of an
// XML declaration expat takes none.
Element parsed(tape::ByteView document) {
  const auto is_space = [](std::uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  };
  const auto begin = std::find_if_not(document.begin(), document.end(), is_space);
  return Reader().run({begin, document.end()});
}

Element parsed(tape::ByteView document, std::string_view root) {
  Element out = parsed(document);
  if (out.name != root)
    corrupt("<" + tape::shown(out.name) + ">, <" + std::string(root) + "> expected");
  return out;
}

std::uint64_t number(const Element& element,
                     std::string_view name,
                     std::uint64_t most = kNumberMax) {
  const std::string text = element.text_of(name);
  std::uint64_t out = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failure != std::errc() || end != text.data() + text.size() || out > most)
    corrupt("<" + std::string(name) + ">: \"" + tape::shown(text) + "\", a number up to " +
            std::to_string(most) + " expected");
  return out;
}

std::uint32_t part_number(const Element& element, std::string_view name) {
  return static_cast<std::uint32_t>(number(element, name, kPartNumberMax));
}

std::string percent_decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '+') {
      out += ' ';  // a form's encoding: a plus itself is %2B
    } else if (text[i] != '%') {
      out += text[i];
    } else if (i + 2 < text.size() &&
               std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      corrupt("\"" + tape::shown(text) + "\" is not percent-encoded");
    }
  }
  return out;
}

// How a document writes keys: asked to, it encodes them, if the store can.
class Names {
 public:
  explicit Names(const Element& root) : encoded_(root.text_of("EncodingType") == "url") {}
  std::string operator()(const std::string& text) const {
    return encoded_ ? percent_decoded(text) : text;
  }
  bool are_encoded() const { return encoded_; }

 private:
  bool encoded_;
};

std::string unquoted(const std::string& etag) {
  const bool quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
  return quoted ? etag.substr(1, etag.size() - 2) : etag;
}

// 2026-01-02T03:04:05.678Z.
std::optional<std::int64_t> time_in(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return std::nullopt;
  return ::timegm(&parts);
}

std::int64_t seconds_of(const std::string& text) {
  const auto time = time_in(text);
  if (!time) corrupt("\"" + tape::shown(text) + "\": a time expected");
  return *time;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

S3Failure failure_of(const Element& element) {
  return {element.text_of("Code"), element.text_of("Message"), element.text_of("Region"),
          element.text_of("Key")};
}

// Where a rule of a lifecycle says which objects it is of; in old ones that is the rule itself.
const Element& filter_of(const Element& rule) {
  const Element* filter = rule.child("Filter");
  if (filter == nullptr) return rule;
  const Element* both = filter->child("And");
  return both == nullptr ? *filter : *both;
}

// By tag or size it is of some objects only, and ours need not be among them.
bool is_of_all_below_its_prefix(const Element& rule) {
  const Element& filter = filter_of(rule);
  return &filter == &rule || std::all_of(filter.children.begin(), filter.children.end(),
                                         [](const Element& e) { return e.name == "Prefix"; });
}

LifecycleRule rule_of(const Element& element) {
  LifecycleRule out;
  out.prefix = filter_of(element).text_of("Prefix");
  if (const Element* abort = element.child("AbortIncompleteMultipartUpload"))
    out.abort_uploads_days = number(*abort, "DaysAfterInitiation");
  if (const Element* expiration = element.child("Expiration")) {
    if (expiration->child("Days") != nullptr) out.expire_days = number(*expiration, "Days");
    if (expiration->child("Date") != nullptr) out.expire_days = 0;
  }
  return out;
}

}  // namespace

std::optional<S3Failure> failure_in(tape::ByteView document) {
  Element root;
  const auto bad = tape::failure_of([&] { root = parsed(document); });
  if (bad || root.name != "Error") return std::nullopt;
  return failure_of(root);
}

ListPage parse_list(tape::ByteView document) {
  const Element root = parsed(document, "ListBucketResult");
  const Names name(root);
  ListPage out;
  for (const Element& element : root.children) {
    if (element.name == "Contents")
      out.objects.push_back({name(element.text_of("Key")), number(element, "Size"),
                             unquoted(element.text_of("ETag")),
                             time_in(element.text_of("LastModified"))});
    if (element.name == "CommonPrefixes") out.folders.push_back(name(element.text_of("Prefix")));
  }
  if (root.text_of("IsTruncated") != "true") return out;
  out.next = root.text_of("NextContinuationToken");
  if (out.next.empty()) corrupt("a list that goes on, without <NextContinuationToken>");
  return out;
}

std::string parse_upload_id(tape::ByteView document) {
  std::string out = parsed(document, "InitiateMultipartUploadResult").text_of("UploadId");
  if (out.empty()) corrupt("an upload without <UploadId>");
  return out;
}

PartsPage parse_parts(tape::ByteView document) {
  const Element root = parsed(document, "ListPartsResult");
  PartsPage out;
  for (const Element& element : root.children) {
    if (element.name != "Part") continue;
    const std::uint32_t part = part_number(element, "PartNumber");
    if (part == 0) corrupt("a part of number 0");
    out.parts.push_back({part, number(element, "Size"), unquoted(element.text_of("ETag"))});
  }
  if (root.text_of("IsTruncated") == "true") out.next = part_number(root, "NextPartNumberMarker");
  return out;
}

UploadsPage parse_uploads(tape::ByteView document) {
  const Element root = parsed(document, "ListMultipartUploadsResult");
  const Names name(root);
  UploadsPage out;
  for (const Element& element : root.children) {
    if (element.name != "Upload") continue;
    out.uploads.push_back({name(element.text_of("Key")), element.text_of("UploadId"),
                           seconds_of(element.text_of("Initiated"))});
  }
  out.is_encoded = name.are_encoded();
  out.more = root.text_of("IsTruncated") == "true";
  // The markers are by definition the last upload's, but Swift does not encode them, and has none
  // behind a page of one.
  const bool told = out.uploads.empty();
  out.next_key = told ? name(root.text_of("NextKeyMarker")) : out.uploads.back().key;
  out.next_upload = told ? root.text_of("NextUploadIdMarker") : out.uploads.back().upload;
  return out;
}

std::vector<LifecycleRule> parse_lifecycle(tape::ByteView document) {
  std::vector<LifecycleRule> out;
  const Element root = parsed(document, "LifecycleConfiguration");
  for (const Element& element : root.children) {
    const bool counts = element.name == "Rule" && element.text_of("Status") == "Enabled";
    if (counts && is_of_all_below_its_prefix(element)) out.push_back(rule_of(element));
  }
  return out;
}

std::vector<S3Failure> parse_delete_failures(tape::ByteView document) {
  std::vector<S3Failure> out;
  for (const Element& element : parsed(document, "DeleteResult").children) {
    if (element.name == "Error") out.push_back(failure_of(element));
  }
  return out;
}

// XML 1.0 §2.2: no controls, and neither U+FFFE nor U+FFFF.
bool fits_xml(const std::string& key) {
  return tape::is_utf8(key) &&
         std::all_of(key.begin(), key.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20; }) &&
         key.find("\xEF\xBF\xBE") == std::string::npos &&
         key.find("\xEF\xBF\xBF") == std::string::npos;
}

std::string complete_document(const std::vector<PartInfo>& parts) {
  std::string out = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const PartInfo& part : parts)
    out.append("<Part><PartNumber>")
        .append(std::to_string(part.number))
        .append("</PartNumber><ETag>&quot;")
        .append(escaped(part.etag))
        .append("&quot;</ETag></Part>");
  return out.append("</CompleteMultipartUpload>");
}

std::string tagging_document(const std::vector<std::pair<std::string, std::string>>& tags) {
  std::string out = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>";
  for (const auto& [name, value] : tags)
    out.append("<Tag><Key>")
        .append(escaped(name))
        .append("</Key><Value>")
        .append(escaped(value))
        .append("</Value></Tag>");
  return out.append("</TagSet></Tagging>");
}

std::string retention_document(const std::string& mode, const std::string& until) {
  return "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>" + escaped(mode) +
         "</Mode><RetainUntilDate>" + escaped(until) + "</RetainUntilDate></Retention>";
}

std::string delete_document(const std::vector<std::string>& keys) {
  std::string out = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const std::string& key : keys)
    out.append("<Object><Key>").append(escaped(key)).append("</Key></Object>");
  return out.append("</Delete>");
}

}  // namespace agent
