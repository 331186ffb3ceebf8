#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "os/part_file.h"
#include "tape/error.h"
#include "tape/files.h"

namespace tape {
namespace {

class DescriptorSink final : public ByteSink {
 public:
  DescriptorSink(UniqueFd owned, int descriptor, std::string name)
      : owned_(std::move(owned)), descriptor_(descriptor), name_(std::move(name)) {}

  void write(ByteView bytes) override { write_all(descriptor_, bytes, name_); }
  void finish() override { sync_descriptor(descriptor_, name_); }

 private:
  UniqueFd owned_;
  int descriptor_;
  std::string name_;
};

class FileSink final : public ByteSink {
 public:
  FileSink(const std::string& path, IfThere if_there, std::uint32_t mode)
      : part_(path, if_there, mode) {}

  void write(ByteView bytes) override { write_all(part_.descriptor(), bytes, part_.name()); }
  void finish() override {
    part_.seal();
    part_.place();
  }

 private:
  PartFile part_;
};

// A signal does not end a read(2) that waits: whoever asks for it is heard here.
void wait_readable(int descriptor, const std::function<void()>& waiting) {
  constexpr int kPeriodMs = 200;
  pollfd wanted{descriptor, POLLIN, 0};
  while (::poll(&wanted, 1, kPeriodMs) <= 0)
    waiting();
}

}  // namespace

std::unique_ptr<ByteSink> create_file_sink(const std::string& path, std::uint32_t mode) {
  if (!is_device(path)) return std::make_unique<FileSink>(path, IfThere::refuse, mode);
  UniqueFd device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!device) throw errno_error(shown(path), errno);
  const int descriptor = device.get();
  return std::make_unique<DescriptorSink>(std::move(device), descriptor, shown(path));
}

std::unique_ptr<ByteSink> create_replacing_file_sink(const std::string& path, std::uint32_t mode) {
  return std::make_unique<FileSink>(path, IfThere::replace, mode);
}

std::unique_ptr<ByteSink> descriptor_sink(int descriptor, const std::string& name) {
  return std::make_unique<DescriptorSink>(UniqueFd(), descriptor, name);
}

ByteReader descriptor_reader(int descriptor,
                             const std::string& name,
                             const std::function<void()>& waiting) {
  return [descriptor, name, waiting](MutableBytes out) {
    std::size_t done = 0;
    while (done < out.size()) {
      if (waiting) wait_readable(descriptor, waiting);
      const std::size_t n = read_some(descriptor, out.subspan(done), name);
      if (n == 0) break;
      done += n;
    }
    return done;
  };
}

ByteReader file_reader(const std::string& path, const std::function<void()>& waiting) {
  // Shared, since a std::function is copied.
  const auto file = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!*file) throw errno_error(shown(path), errno);
  const ByteReader read = descriptor_reader(file->get(), shown(path), waiting);
  return [file, read](MutableBytes out) { return read(out); };
  // A std::function frees what it holds.
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)

}  // namespace tape
