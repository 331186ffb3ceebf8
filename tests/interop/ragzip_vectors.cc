// ragzip_vectors FOLDER: reads the files of the ragzip reference implementation in every way, makes
// their metadata again, and refuses the bad ones, as each manifest.json says. 0 when all is so, 77
// without the folder.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "support/memory_io.h"
#include "support/ragzip_parts.h"
#include "tape/error.h"
#include "tape/ragzip_assembler.h"
#include "tape/ragzip_check.h"
#include "tape/ragzip_decode.h"
#include "tape/ragzip_file.h"

namespace {

using nlohmann::json;
using tape::Bytes;

Bytes file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return {text.begin(), text.end()};
}

// make_inputs.py: runs of words and of noise, from splitmix64. An input is the first bytes of it.
class Input {
 public:
  static Bytes first(std::size_t size) {
    Input input;
    while (input.out_.size() < size)
      input.run();
    input.out_.resize(size);
    return std::move(input.out_);
  }

 private:
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }

  void run() {
    static const std::string kWords[] = {"archive", "backup", "member", "offset",  "page",
                                         "index",   "footer", "gzip",   "deflate", "range",
                                         "request", "object", "store",  "lorem",   "ipsum"};
    const std::uint64_t kind = next();
    const std::uint64_t length = 200 + (kind >> 8) % 6000;
    if ((kind & 3) != 0) {
      for (const std::size_t end = out_.size() + length; out_.size() < end;) {
        const std::uint64_t value = next();
        const std::string& word = kWords[value % std::size(kWords)];
        out_.insert(out_.end(), word.begin(), word.end());
        out_.push_back((value >> 20) % 9 == 0 ? '\n' : ' ');
      }
      return;
    }
    for (std::uint64_t i = 0; i < length / 8 + 1; ++i) {
      const std::uint64_t value = next();
      for (int shift = 0; shift < 64; shift += 8)
        out_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }

  std::uint64_t state_ = 20240229;
  Bytes out_;
};

struct Vector {
  json entry;
  std::string name;
  Bytes file;
  Bytes content;
};

// What the manifest of a folder lists. An input is named `in_8193.bin`, by its size.
std::vector<Vector> vectors_of(const std::string& folder) {
  const json parsed = json::parse(file_bytes(folder + "/manifest.json"));
  std::vector<Vector> out;
  for (const json& entry : parsed.is_array() ? parsed : parsed.at("vectors")) {
    const std::string name = entry.at("file");
    const std::string input = entry.at("input");
    out.push_back(
        {entry, name, file_bytes(folder + "/" + name), Input::first(std::stoul(input.substr(3)))});
  }
  return out;
}

// A way to read a file: whether it gives `content`. Throws what refuses the file.
struct Way {
  const char* what;
  bool (*reads)(const Bytes& file, const Bytes& content);
};

bool all_right(const tape::RagzipFile& opened, const Bytes& content) {
  for (std::size_t i = 0; i < 300 && !content.empty(); ++i) {
    const std::size_t at = i * 7919 % content.size();
    Bytes some(std::min<std::size_t>(1000, content.size() - at));
    if (opened.read_at(tape::LogicalOffset(at), some) != some.size() ||
        !std::equal(some.begin(), some.end(), content.begin() + static_cast<std::ptrdiff_t>(at)))
      return false;
  }
  tape::RagzipCursor cursor(opened);
  Bytes all(content.size() + 1);
  all.resize(cursor.read(all));
  return all == content;
}

template <tape::IndexMode Mode>
bool reads(const Bytes& file, const Bytes& content) {
  const tape::MemorySource source(file);
  tape::RagzipFileOptions options;
  options.index.mode = Mode;
  return all_right(tape::RagzipFile(source, options), content);
}

bool decodes(const Bytes& file, const Bytes& content) {
  const tape::SharedSource source(file);
  tape::MemorySink sink;
  tape::DecodeOptions options;
  options.workers = 2;
  tape::decode_ragzip(source, sink, options);
  return sink.bytes == content;
}

// All violations are one failure.
bool checks(const Bytes& file, const Bytes& content) {
  const tape::SharedSource source(file);
  std::string found;
  const auto result = tape::check_ragzip(
      source, 2, [&](const tape::Violation& one) { found += one.error.what() + std::string("; "); },
      {});
  if (!found.empty()) throw tape::Error(tape::ErrorKind::corrupt, found);
  return result.bytes_checked == content.size();
}

const Way kWays[] = {
    {"cached", reads<tape::IndexMode::cached>},
    {"loaded", reads<tape::IndexMode::loaded>},
    {"direct", reads<tape::IndexMode::direct>},
    {"decode", decodes},
    {"check", checks},
};

// Of the bad files, and of those that only a lenient reader reads: the rule that the message names.
struct Refused {
  const char* file;
  const char* says;
};

const Refused kBad[] = {
    {"ts_page_exp_8.rgz", "page exponent 8"},
    {"ts_page_exp_31.rgz", "page exponent 31"},
    {"ts_index_exp_13.rgz", "index exponent 13"},
    {"footer_truncated_64.rgz", "footer"},
    {"footer_wrong_id.rgz", "footer"},
    {"index_self_loop.rgz", "index at 6958: slot 0"},
    {"index_beyond_eof.rgz", "index at 6958: slot 0"},
    {"index_short.rgz", "4 slots of 8 expected"},
    {"ext_tail_beyond_footer.rgz", "not before 7176"},
    {"ext_self_loop.rgz", "not before 7092"},
    {"ext_51.rgz", "more than 50 extensions"},
    {"page_too_long.rgz", "more than the 512 bytes expected"},
    {"size_too_big.rgz", "no whole gzip member with 100 bytes"},
    {"size_too_small.rgz", "levels, the size implies 2"},
    {"size_negative.rgz", "size -1"},
};
const Refused kLenientOnly[] = {
    {"b_TM_before_RA_in_index.rgz", "not RA"},
    {"e_hcrc_index.rgz", "EXTRA field alone"},
    {"d_ext_flags_all.rgz", "later ragzip specification"},
};

template <std::size_t N>
const char* words_for(const Refused (&table)[N], const std::string& file) {
  for (const Refused& refused : table)
    if (file == refused.file) return refused.says;
  return nullptr;
}

const tape::RagzipFileOptions kLenient{.index = {}, .lenient = true};

// What is not as it should be.
class Report {
 public:
  void expect(bool so, const std::string& file, const std::string& what) {
    ++checks_;
    if (so) return;
    ++wrong_;
    std::cout << file << ": " << what << '\n';
  }

  int finish() const {
    std::cout << checks_ << " checks, " << wrong_ << " not as the manifests say\n";
    return wrong_ == 0 && checks_ > 0 ? 0 : 1;
  }

 private:
  int checks_ = 0;
  int wrong_ = 0;
};

void check_read(Report& report, const Vector& vector) {
  for (const Way& way : kWays) {
    bool right = false;
    const auto failure = tape::failure_of([&] { right = way.reads(vector.file, vector.content); });
    report.expect(right, vector.name,
                  way.what + std::string(": ") + (failure ? failure->what() : "other bytes"));
  }
  const auto failure = tape::failure_of([&] {
    const tape::MemorySource source(vector.file);
    const bool strict = !tape::RagzipFile(source, kLenient).broken_rule();
    report.expect(strict, vector.name, "lenient: not strict");
  });
  report.expect(!failure, vector.name, "lenient: is refused");
}

void check_refused(Report& report, const Vector& vector, const std::string& words) {
  for (const Way& way : kWays) {
    const auto failure = tape::failure_of([&] { way.reads(vector.file, vector.content); });
    const bool of_the_format = failure && (failure->kind() == tape::ErrorKind::corrupt ||
                                           failure->kind() == tape::ErrorKind::unsupported);
    const std::string what = failure ? failure->what() : "it was read";
    report.expect(of_the_format && what.find(words) != std::string::npos, vector.name,
                  std::string(way.what) + ": \"" + words + "\" expected: " + what);
  }
}

void check_lenient(Report& report, const Vector& vector, const std::string& words) {
  const auto failure = tape::failure_of([&] {
    const tape::MemorySource source(vector.file);
    const tape::RagzipFile opened(source, kLenient);
    const std::string rule = opened.broken_rule() ? opened.broken_rule()->what() : "none";
    report.expect(rule.find(words) != std::string::npos, vector.name, "lenient: " + rule);
    report.expect(all_right(opened, vector.content), vector.name, "lenient: other bytes");
  });
  report.expect(!failure, vector.name, failure ? failure->what() : "");
}

// From the members with content and the extensions' payloads all else comes out as it was.
void check_rebuilt(Report& report, const Vector& vector) {
  const tape::MemorySource source(vector.file);
  const tape::RagzipFile opened(source);
  tape::RagzipShape shape;
  shape.page_bits = vector.entry.at("page_exp");
  shape.index_bits = vector.entry.at("index_exp");
  shape.compat = shape.index_bits <= 10;
  tape::MemorySink sink;
  tape::RagzipAssembler assembler(sink, shape);
  for (const tape::GzipPart& part : tape::parts_of(vector.file)) {
    if (part.content.empty()) continue;
    assembler.add_page(tape::ByteView(vector.file).subspan(part.offset.value(), part.size),
                       part.content.size());
  }
  assembler.finish_pages();
  for (const tape::RagzipExtension& one : opened.extensions())
    assembler.add_extension(one.id, one.payload, one.flags);
  assembler.finish();
  report.expect(sink.bytes == vector.file, vector.name, "its metadata come out otherwise");
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = count > 1 ? arguments[1] : "";
  if (!std::ifstream(folder + "/manifest.json")) {
    std::cout << "skipped: there is no " << folder << "/manifest.json\n";
    return 77;
  }
  Report report;
  for (const Vector& vector : vectors_of(folder)) {
    check_read(report, vector);
    check_rebuilt(report, vector);
  }
  for (const Vector& vector : vectors_of(folder + "/bad")) {
    const char* const words = words_for(kBad, vector.name);
    report.expect(words != nullptr, vector.name, "no rule is known that it breaks");
    if (words != nullptr) check_refused(report, vector, words);
  }
  for (const Vector& vector : vectors_of(folder + "/interop")) {
    const char* const words = words_for(kLenientOnly, vector.name);
    if (words == nullptr) {
      check_read(report, vector);
    } else {
      check_refused(report, vector, words);
      check_lenient(report, vector, words);
    }
  }
  return report.finish();
}
