#include "store/object_store.h"

#include "tape/error.h"
#include "tape/manifest.h"

namespace agent {

tape::Bytes read_whole(const tape::RangeSource& source, tape::ByteCount limit) {
  if (source.size() > limit)
    throw tape::Error(tape::ErrorKind::corrupt,
                      source.name() + ": " + std::to_string(source.size()) + " bytes, at most " +
                          std::to_string(limit) + " expected");
  tape::Bytes out(source.size());
  source.read_at(tape::GzOffset(0), out);
  return out;
}

void tidy(const std::function<void()>& step) {
  const auto failure = tape::failure_of(step);
  const bool ends = failure && (failure->kind() == tape::ErrorKind::transient ||
                                failure->kind() == tape::ErrorKind::canceled);
  if (ends) throw tape::Error(*failure);
}

void check_object_key(const std::string& key) {
  if (!tape::is_object_key(key))
    throw tape::Error(tape::ErrorKind::usage, tape::shown(key) + ": not a key of an object");
}

}  // namespace agent
