// Lists an archive with tape_read alone: links_test.cmake looks at what this program is linked
// with.
#include <fstream>
#include <iostream>
#include <iterator>

#include "tape/archive.h"
#include "tape/error.h"

namespace {

class WholeFile final : public tape::RangeSource {
 public:
  explicit WholeFile(const char* path) : path_(path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  tape::ByteCount size() const override { return bytes_.size(); }
  std::string name() const override { return tape::shown(path_); }
  void read_at(tape::GzOffset at, tape::MutableBytes out) const override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at.value()), out.size(), out.begin());
  }

 private:
  std::string path_;
  std::string bytes_;
};

}  // namespace

int main(int count, char** arguments) try {
  if (count != 2) return 2;
  const WholeFile file(arguments[1]);
  tape::Archive archive(file);
  const auto cursor = archive.index().records_from("");
  while (const auto record = cursor->next())
    std::cout << tape::shown(record->name()) << '\n';
  return 0;
} catch (const tape::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
