#include "store/doctor.h"

#include <algorithm>
#include <cstdio>

#include <sys/random.h>

#include "store/snapshots.h"
#include "tape/error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;
using Result = Finding::Result;

constexpr std::chrono::seconds kSkewGood{5};
constexpr std::string_view kContent =
    "ragtape doctor looked whether this store keeps what it gets\n";
constexpr std::uint64_t kMiddle = 8;
constexpr std::size_t kMiddleBytes = 6;

std::string probe_key() {
  std::uint32_t random = 0;
  if (::getentropy(&random, sizeof random) != 0) throw tape::errno_error("random bytes", errno);
  char digits[16];
  std::snprintf(digits, sizeof digits, "%08x", random);
  return std::string("ragtape-doctor-") + digits + ".txt";
}

class Examination {
 public:
  Examination(ObjectStore& store, S3Store* s3, const DoctorOptions& options)
      : store_(store), s3_(s3), options_(options), key_(probe_key()) {}

  void run() {
    store_.folders("");  // what fails here fails everywhere
    tell({"list", Result::good, "the store can be listed", ""});
    if (s3_ != nullptr) about("clock", [&] { clock(); });
    if (!about("write", [&] { write(); })) return;
    about("read", [&] { read(); });
    about("ranges", [&] { ranges(); });
    about("conditional writes", [&] { conditions(); });
    about("multipart uploads", [&] { uploads(); });
    about("stale uploads", [&] { stale(); });
    if (s3_ != nullptr) about("lifecycle rules", [&] { rules(); });
    if (s3_ != nullptr) about("public access", [&] { anybody(); });
    about("delete", [&] { remove(); });
  }

 private:
  void tell(const Finding& finding) const {
    if (options_.check_stop) options_.check_stop();
    options_.tell(finding);
  }

  // What fails is a finding, and the rest goes on; but for a network that is gone.
  template <class Step>
  bool about(const std::string& what, Step step) {
    const auto failure = tape::failure_of(step);
    if (!failure) return true;
    if (failure->kind() == ErrorKind::canceled || failure->kind() == ErrorKind::transient)
      throw Error(*failure);
    // What a backup does not need, and may not be looked at, need not be wrong.
    const bool needed =
        what == "write" || what == "read" || what == "ranges" || what == "multipart uploads";
    const bool withheld = failure->kind() == ErrorKind::denied && !needed;
    tell({what, withheld ? Result::note : Result::bad, failure->what(), failure->hint()});
    return false;
  }

  void clock() {
    const auto ahead = s3_->clock_ahead();
    const auto off = std::chrono::abs(ahead);
    const std::string text = std::to_string(off.count()) + " s " +
                             (ahead.count() > 0 ? "behind the store's" : "ahead of the store's");
    if (off <= kSkewGood) return tell({"clock", Result::good, "this machine's is right", ""});
    tell({"clock", Result::note, "this machine's is " + text + "; requests are signed accordingly",
          "names of snapshots carry this machine's time: set the clock"});
  }

  void write() {
    static_cast<void>(store_.put(key_, tape::as_bytes(kContent), ObjectStore::Put::replace));
    tell({"write", Result::good, "an object was put", ""});
  }

  void read() {
    const auto found = store_.head(key_);
    const std::string content = tape::as_text(store_.get(key_, kContent.size()));
    const bool same = found && found->size == kContent.size() && content == kContent;
    tell({"read", same ? Result::good : Result::bad,
          same ? "it is read back as it was put" : "it is read back as something else", ""});
  }

  void ranges() {
    tape::Bytes middle(kMiddleBytes);
    store_.open_known({key_, kContent.size(), ""})->read_at(tape::GzOffset(kMiddle), middle);
    const bool same = tape::as_text(middle) == kContent.substr(kMiddle, kMiddleBytes);
    tell({"ranges", same ? Result::good : Result::bad,
          same ? "a range is read by itself" : "a range holds other bytes", ""});
  }

  void conditions() {
    const bool kept = s3_ != nullptr
                          ? s3_->keeps_what_is_there(key_, tape::as_bytes(kContent))
                          : !store_.put(key_, tape::as_bytes("other"), ObjectStore::Put::if_absent);
    tell({"conditional writes", kept ? Result::good : Result::note,
          kept ? "what is there is not replaced"
               : "not known here: names of snapshots are unique, so nothing is lost by it",
          ""});
  }

  void uploads() {
    const std::string upload = store_.begin_upload(key_);
    const tape::ByteView bytes = tape::as_bytes(kContent);
    const auto failure = tape::failure_of([&] {
      const PartInfo part = store_.put_part(key_, upload, {1, 0, bytes, tape::sha256(bytes)});
      const auto held = store_.list_parts(key_, upload);
      if (held.size() != 1 || held.front().etag != part.etag || held.front().size != part.size)
        throw Error(ErrorKind::io, "the part that was sent is not the one that is listed");
    });
    const auto kept = tape::failure_of([&] { store_.abort_upload(key_, upload); });
    if (failure) throw Error(*failure);
    tell({"multipart uploads", Result::good,
          "parts are kept and listed; at most " + std::to_string(store_.part_count_max()) +
              " of them, of " + std::to_string(store_.part_size_min()) + " bytes at least",
          ""});
    if (kept)
      tell({"multipart uploads", Result::note, std::string("may not be aborted: ") + kept->what(),
            "a lifecycle rule should abort what is left"});
  }

  void stale() {
    std::uint64_t count = 0;
    const auto now = std::chrono::system_clock::now();
    const auto bound = std::chrono::system_clock::to_time_t(now - options_.resume_window);
    for (const UploadInfo& upload : store_.list_uploads(""))
      count += upload.begun < bound && is_volume_upload(upload.key) ? 1U : 0U;
    if (count == 0) return tell({"stale uploads", Result::good, "none", ""});
    tell({"stale uploads", Result::note,
          std::to_string(count) + " that nobody continues, and that cost what they hold",
          "`ragtape forget STORE --stale-uploads` aborts them"});
  }

  void rules() {
    const BucketRules rules = s3_->rules();
    const auto days = static_cast<std::uint64_t>(options_.resume_window.count()) / 24;
    const auto aborts = rules.abort_uploads_days;
    if (!aborts) {
      tell({"lifecycle rules", Result::note, "none aborts uploads that nobody continues",
            "one for more than " + std::to_string(days) +
                " days saves what a lost machine would cost"});
    } else if (*aborts <= days) {
      tell({"lifecycle rules", Result::note,
            "uploads are aborted after " + std::to_string(*aborts) +
                " days: a backup that was interrupted for longer sends its volume again",
            "allow more than " + std::to_string(days) + " days"});
    } else {
      tell({"lifecycle rules", Result::good,
            "uploads are aborted after " + std::to_string(*aborts) + " days", ""});
    }
    if (rules.expire_days)
      tell({"lifecycle rules", Result::bad,
            *rules.expire_days == 0
                ? "objects here expire at a date"
                : "objects here expire after " + std::to_string(*rules.expire_days) + " days",
            "snapshots would lose their volumes: leave it to `ragtape forget`"});
  }

  void anybody() {
    const bool reads = s3_->anybody_reads(key_);
    const bool lists = s3_->anybody_lists();
    if (!reads && !lists)
      return tell({"public access", Result::good, "without credentials there is none", ""});
    tell({"public access", Result::bad,
          std::string("anybody can ") + (reads ? "read" : "list") + " this store",
          "block public access to the bucket"});
  }

  void remove() {
    store_.remove(key_);
    const bool gone = !store_.head(key_);
    tell({"delete", gone ? Result::good : Result::note,
          gone ? "what was put is gone again" : "it was accepted, but the object is still there",
          ""});
  }

  ObjectStore& store_;
  S3Store* const s3_;
  const DoctorOptions& options_;
  const std::string key_;
};

}  // namespace

void examine(ObjectStore& store, S3Store* s3, const DoctorOptions& options) {
  Examination(store, s3, options).run();
}

}  // namespace agent
