// The seams through which bytes leave and enter: ByteSink (append only) and RangeSource; and
// ByteReader, for bytes that come once.
//
// Threads: a ByteSink has one caller at a time; a RangeSource may be read by many.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "tape/bytes.h"
#include "tape/offset.h"

namespace tape {

// Takes bytes in order. What was written counts only after finish(): a sink that is destroyed
// before leaves nothing that looks complete.
class ByteSink {
 public:
  ByteSink() = default;
  ByteSink(const ByteSink&) = delete;
  ByteSink& operator=(const ByteSink&) = delete;
  virtual ~ByteSink() = default;

  // Takes all of `bytes` or throws. After a throw the sink is dead.
  virtual void write(ByteView bytes) = 0;

  // Makes everything written durable and, where the sink has a name, visible under it. Once.
  virtual void finish() = 0;
};

// Fills `out` with what comes next; fewer bytes only at the end.
using ByteReader = std::function<std::size_t(MutableBytes out)>;

// Positioned reads from an object that does not change.
class RangeSource {
 public:
  RangeSource() = default;
  RangeSource(const RangeSource&) = delete;
  RangeSource& operator=(const RangeSource&) = delete;
  virtual ~RangeSource() = default;

  virtual ByteCount size() const = 0;

  // Fills all of `out` from [at, at + out.size()), which must lie inside the object.
  // Fails: Error{object_changed} when the object became shorter; the system's kinds otherwise.
  virtual void read_at(GzOffset at, MutableBytes out) const = 0;

  // For messages, escaped.
  virtual std::string name() const = 0;

  // What was read looks damaged: whoever keeps bytes of the object forgets them, so that the next
  // read is of the object itself.
  virtual void distrust() const {}
};

// All of a source from its beginning, read `piece` bytes at a time. It must outlive the reader.
ByteReader read_through(const RangeSource& source, std::size_t piece);

}  // namespace tape
