// ragzip_vectors FOLDER: reads the files of the ragzip reference implementation, and refuses the
// bad ones, as each manifest.json says. 0 when all is so, 77 without the folder.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "support/memory_io.h"
#include "tape/error.h"
#include "tape/ragzip_reader.h"

namespace {

using nlohmann::json;
using tape::Bytes;

Bytes file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return {text.begin(), text.end()};
}

json manifest(const std::string& folder) {
  const Bytes text = file_bytes(folder + "/manifest.json");
  json parsed = json::parse(text);
  return parsed.is_array() ? parsed : parsed.at("vectors");
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

// `in_8193.bin`
Bytes input_of(const json& vector) {
  const std::string name = vector.at("input");
  return Input::first(std::stoul(name.substr(3)));
}

// All of it, then from 300 places, then its extensions. Throws what the reader throws.
bool reads(const Bytes& file, const Bytes& content, std::size_t& extensions) {
  const tape::MemorySource source(file);
  tape::RagzipReader reader(source);
  extensions = reader.extensions().size();
  Bytes all(content.size() + 1);
  all.resize(reader.read_at(tape::LogicalOffset(0), all));
  if (all != content) return false;
  for (std::size_t i = 0; i < 300 && !content.empty(); ++i) {
    const std::size_t at = i * 7919 % content.size();
    Bytes some(std::min<std::size_t>(1000, content.size() - at));
    if (reader.read_at(tape::LogicalOffset(at), some) != some.size() ||
        !std::equal(some.begin(), some.end(), content.begin() + static_cast<std::ptrdiff_t>(at)))
      return false;
  }
  return true;
}

struct Outcome {
  int checked = 0;
  int wrong = 0;
};

void check(Outcome& out, const std::string& folder, const json& vector, bool good) {
  const std::string name = vector.at("file");
  const Bytes file = file_bytes(folder + "/" + name);
  std::size_t extensions = 0;
  bool read = false;
  const auto failure = tape::failure_of([&] { read = reads(file, input_of(vector), extensions); });
  ++out.checked;
  const bool refused = failure && (failure->kind() == tape::ErrorKind::corrupt ||
                                   failure->kind() == tape::ErrorKind::unsupported);
  bool as_said = good ? !failure && read : refused;
  if (good && vector.contains("extensions"))
    as_said = as_said && extensions == vector.at("extensions").size();
  if (as_said) return;
  ++out.wrong;
  std::cout << name << ": " << (good ? "must be read" : "must be refused") << ", but "
            << (failure ? failure->what()
                : read  ? "was read"
                        : "gave other bytes")
            << '\n';
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = count > 1 ? arguments[1] : "";
  if (!std::ifstream(folder + "/manifest.json")) {
    std::cout << "skipped: there is no " << folder << "/manifest.json\n";
    return 77;
  }
  Outcome out;
  for (const json& vector : manifest(folder))
    check(out, folder, vector, true);
  for (const json& vector : manifest(folder + "/bad"))
    check(out, folder + "/bad", vector, false);
  for (const json& vector : manifest(folder + "/interop")) {
    // This reader has no lenient mode: an unknown extension of the specification is refused.
    const std::string result = vector.at("result");
    const bool strict = result.find("strict OK") != std::string::npos;
    check(out, folder + "/interop", vector, strict && vector.at("file") != "d_ext_flags_all.rgz");
  }
  std::cout << out.checked << " files, " << out.wrong << " not as their manifest says\n";
  return out.wrong == 0 && out.checked > 0 ? 0 : 1;
}
