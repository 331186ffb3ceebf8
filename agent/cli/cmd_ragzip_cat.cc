// ragtape ragzip cat FILE

#include <memory>

#include <unistd.h>

#include "cli/options.h"
#include "cli/ragzip_source.h"
#include "cli/signals.h"
#include "tape/error.h"
#include "tape/files.h"

namespace agent {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{512} * 1024;

struct CatCommand {
  RagzipSourceWords words;
  std::string offset;
  std::string length;
  std::string tail;

  int run(const GlobalOptions& global) const {
    const Output out(global, true);
    OpenedRagzip opened(words, out);
    const auto sink = tape::descriptor_sink(STDOUT_FILENO, "standard output");
    tape::RagzipCursor cursor(opened.file());
    opened.read([&] {
      const tape::ByteCount begin = seek(cursor, opened.file().geometry().logical_size);
      tape::ByteCount left = length.empty() ? ~tape::ByteCount{0} : parse_size("--length", length);
      tape::Bytes buffer(kBufferBytes);
      Progress progress(out);
      while (left > 0) {
        check_stop();
        const std::size_t wanted = std::min<tape::ByteCount>(left, buffer.size());
        const std::size_t n = cursor.read(tape::MutableBytes(buffer).first(wanted));
        sink->write(tape::ByteView(buffer).first(n));
        left -= n;
        progress.working(cursor.tell().value() - begin, 0, opened.name());
        if (n < wanted) break;
      }
      if (out.json())
        out.line("summary",
                 with_reading({{"offset", begin}, {"bytes_written", cursor.tell().value() - begin}},
                              opened));
    });
    return kDone;
  }

  // Returns where it begins.
  tape::ByteCount seek(tape::RagzipCursor& cursor, tape::ByteCount size) const {
    if (!tail.empty()) {
      const tape::ByteCount wanted = std::min(parse_size("--tail", tail), size);
      return cursor.seek(-static_cast<std::int64_t>(wanted), tape::Whence::end).value();
    }
    const tape::ByteCount at = offset.empty() ? 0 : parse_size("--offset", offset);
    if (at > size)
      throw tape::Error(tape::ErrorKind::usage, "--offset " + tape::shown(offset) +
                                                    ": the content has " + std::to_string(size) +
                                                    " bytes");
    return cursor.seek(static_cast<std::int64_t>(at), tape::Whence::begin).value();
  }
};

}  // namespace

void add_ragzip_cat(const Verb& ragzip,
                    const GlobalOptions& global,
                    std::optional<Command>& chosen) {
  const Verb verb(ragzip, "cat", "Write content, all of it or a range, to standard output");
  const auto command = std::make_shared<CatCommand>();
  command->words.add(verb);
  const Option offset = verb.option("--offset", command->offset, "Where to begin (default: 0)");
  verb.option("--length", command->length, "How much (default: to the end)");
  verb.option("--tail", command->tail, "The last so many bytes").excludes(offset);
  verb.footer(help_end("ragtape ragzip cat access.log.gz --tail 4K",
                       "0 done; 1 failed or damaged; 2 usage; 5 the file changed meanwhile; 10 no "
                       "such file; 12 denied"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }, true};
  });
}

}  // namespace agent
