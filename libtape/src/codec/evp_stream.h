// EvpStream: SHA-256 and MD5 over bytes that come piece by piece.
//
// Threads: one caller at a time for each object.
// Spec:    FIPS 180-4; RFC 1321 (MD5 is what tartape reports; nothing of ours trusts it).
#pragma once
#include <memory>

#include "tape/bytes.h"

namespace tape {

class EvpStream {
 public:
  enum class Kind { sha256, md5 };
  explicit EvpStream(Kind kind);
  ~EvpStream();
  EvpStream(const EvpStream&) = delete;
  EvpStream& operator=(const EvpStream&) = delete;

  void reset();
  void update(ByteView bytes);
  // Ends it; reset() begins again.
  Bytes digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tape
