#include "tape/tar_index.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "codec/json_text.h"
#include "tape/error.h"

namespace tape {
namespace {

using Json = nlohmann::json;  // keys sorted

constexpr std::size_t kPiece = std::size_t{64} * 1024;
constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 62) - 1;

[[noreturn]] void corrupt(const std::string& what) {
  throw Error(ErrorKind::corrupt, "taridx: " + what);
}

std::string without_slash(const std::string& name) {
  const std::size_t end = name.find_last_not_of('/');
  return end == std::string::npos ? name : name.substr(0, end + 1);
}

// An array of flat objects; of the keys that are not known the values are passed over.
class Reader final : public nlohmann::json_sax<Json> {
 public:
  std::vector<TarIndexEntry> take() { return std::move(entries_); }

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a boolean"); }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > kNumberMax) corrupt(where() + key_ + " is too large");
    return number(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override {
    // Python's mtime has a fraction where pax gives one.
    if (key_ != "mtime") return other("a fraction");
    if (!(std::abs(value) < 1e15)) corrupt(where() + "mtime is too large");
    return number(static_cast<std::int64_t>(std::floor(value)));
  }
  bool string(string_t& value) override {
    if (depth_ == 3 && key_ == "base64") {
      auto bytes = unbase64(value);
      if (!bytes) corrupt(where() + outer_key_ + " is not base64");
      return text(outer_key_, std::move(*bytes));
    }
    return text(key_, std::move(value));
  }
  bool binary(binary_t&) override { return other("binary"); }

  bool start_array(std::size_t) override {
    if (depth_ != 0) corrupt(where() + "an array in it");
    depth_ = 1;
    return true;
  }
  bool end_array() override {
    depth_ = 0;
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 0) corrupt("an object, an array of objects expected");
    if (depth_ == 3) corrupt(where() + "objects in objects");
    if (depth_ == 1) begin();
    if (depth_ == 2) outer_key_ = key_;
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    if (depth_ == 1) end();
    return true;
  }
  bool key(string_t& value) override {
    key_ = value;
    return true;
  }
  bool parse_error(std::size_t at,
                   const std::string&,
                   const nlohmann::detail::exception&) override {
    corrupt("no JSON at byte " + std::to_string(at));
  }

 private:
  static constexpr unsigned kName = 1;
  static constexpr unsigned kOffset = 2;
  static constexpr unsigned kBody = 4;
  static constexpr unsigned kSize = 8;

  std::string where() const { return "element " + std::to_string(entries_.size()) + ": "; }

  bool is_field() const { return depth_ == 2; }

  bool other(const char* what) {
    const bool known = is_field() && (key_ == "name" || key_ == "offset" || key_ == "offset_data" ||
                                      key_ == "size" || key_ == "type");
    if (depth_ < 2 || known) corrupt(where() + key_ + " is " + what);
    return true;
  }

  void begin() {
    if (entries_.size() == kTarIndexMembersMax)
      throw Error(ErrorKind::unsupported,
                  "taridx: more than " + std::to_string(kTarIndexMembersMax) + " members");
    entry_ = {};
    seen_ = 0;
    key_.clear();
  }

  bool number(std::int64_t value) {
    if (!is_field()) return other("a number");
    if (key_ == "mtime") entry_.mtime = value;
    if (key_ == "mtime") return true;
    if (value < 0) corrupt(where() + key_ + " is negative");
    const auto size = static_cast<std::uint64_t>(value);
    if (key_ == "mode") entry_.mode = static_cast<std::uint32_t>(size & 07777U);
    if (key_ == "offset") set(entry_.offset, size, kOffset);
    if (key_ == "offset_data") set(entry_.body, size, kBody);
    if (key_ == "size") set(entry_.size, size, kSize);
    if (key_ == "name" || key_ == "type") return other("a number");
    return true;
  }

  void set(std::uint64_t& field, std::uint64_t value, unsigned flag) {
    field = value;
    seen_ |= flag;
  }

  bool text(const std::string& key, std::string value) {
    if (depth_ < 2) corrupt(where() + "a string, an object expected");
    if (key == "offset" || key == "offset_data" || key == "size") return other("a string");
    if (key == "name") {
      entry_.name = std::move(value);
      seen_ |= kName;
    } else if (key == "linkname") {
      entry_.target = std::move(value);
    } else if (key == "type") {
      if (value.size() != 1)
        corrupt(where() + "type has " + std::to_string(value.size()) + " bytes");
      entry_.typeflag = value[0];
    }
    return true;
  }

  void end() {
    if (seen_ != (kName | kOffset | kBody | kSize))
      corrupt(where() + "name, offset, offset_data and size expected");
    if (entry_.body < entry_.offset + kBlockSize || entry_.offset < end_ ||
        entry_.size > kNumberMax - entry_.body)
      corrupt(where() + "it does not lie behind the one before");
    // Python tells the real size of a sparse file: only where the content begins is sure.
    end_ = entry_.body;
    entries_.push_back(std::move(entry_));
  }

  int depth_ = 0;  // 1 in the array, 2 in a member, 3 in the object of a name
  std::string key_;
  std::string outer_key_;
  TarIndexEntry entry_;
  unsigned seen_ = 0;
  std::uint64_t end_ = 0;  // the next member does not begin before
  std::vector<TarIndexEntry> entries_;
};

}  // namespace

void TarIndexWriter::add(const ForeignMember& member) {
  Json object = {{"name", text_value(without_slash(member.member.name))},
                 {"offset", member.offset},
                 {"offset_data", member.body},
                 {"size", member.size},
                 {"type", text_value(std::string(1, member.sparse ? 'S' : member.typeflag))},
                 {"mode", member.member.mode},
                 {"mtime", member.member.mtime.seconds}};
  if (!member.member.target.empty()) object["linkname"] = text_value(member.member.target);
  lines_ += first_ ? "[\n" : ",\n";
  lines_ += object.dump();
  first_ = false;
  if (lines_.size() < kPiece) return;
  sink_.write(as_bytes(lines_));
  lines_.clear();
}

void TarIndexWriter::finish() {
  lines_ += first_ ? "[]\n" : "\n]\n";
  sink_.write(as_bytes(lines_));
  lines_.clear();
}

std::vector<TarIndexEntry> parse_tar_index(ByteView json) {
  Reader reader;
  const std::string_view text = as_view(json);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  return reader.take();
}

}  // namespace tape
