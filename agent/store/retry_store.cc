#include "store/retry_store.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "net/http_error.h"

namespace agent {
namespace {

using tape::Error;
using tape::ErrorKind;

constexpr std::uint32_t kDoublingsMax = 20;

std::string time_text(Clock::Duration time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (seconds < 60) return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
  return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

// A host that was mistyped does not slow us down or say what is not there; a proxy in front of it
// may fail in its name.
bool is_answer(const HttpError& error) {
  return error.kind() != ErrorKind::transient || error.failure() == HttpFailure::throttled;
}

}  // namespace

RetryStore::RetryStore(ObjectStore& store, Clock& clock, const RetryOptions& options)
    : WrappedStore(store),
      clock_(clock),
      options_(options),
      gate_(options.counts),
      random_(options.seed) {}

std::optional<ObjectInfo> RetryStore::put(const std::string& key, tape::ByteView bytes, Put how) {
  std::optional<ObjectInfo> out;
  bool again = false;
  retry([&](const Attempts& attempts) {
    out = inner().put(key, bytes, how);
    again = attempts.failed > 0;
  });
  return out || !again ? out : same_object(key, bytes);
}

std::optional<ObjectInfo> RetryStore::same_object(const std::string& key, tape::ByteView bytes) {
  auto there = head(key);
  if (!there || there->size != bytes.size()) return std::nullopt;
  tape::Bytes held(bytes.size());
  const auto failure =
      tape::failure_of([&] { open_known(*there)->read_at(tape::GzOffset(0), held); });
  // Gone or replaced since: whoever did that, the key was taken.
  const bool other = failure && (failure->kind() == ErrorKind::not_found ||
                                 failure->kind() == ErrorKind::object_changed);
  if (failure && !other) throw Error(*failure);
  if (other || !std::equal(held.begin(), held.end(), bytes.begin(), bytes.end()))
    return std::nullopt;
  return there;
}

PartInfo RetryStore::put_part(const std::string& key,
                              const std::string& upload,
                              const UploadedPart& part) {
  PartInfo out;
  retry([&](const Attempts&) {
    PartGate::Pass pass(gate_);
    try {
      out = inner().put_part(key, upload, part);
      pass.arrived();
    } catch (const HttpError& error) {
      if (error.failure() == HttpFailure::throttled) pass.slow_down();
      throw;
    }
  });
  return out;
}

void RetryStore::abort_upload(const std::string& key, const std::string& upload) {
  remove_again([&] { inner().abort_upload(key, upload); });
}

void RetryStore::remove(const std::string& key) {
  remove_again([&] { inner().remove(key); });
}

void RetryStore::remove_all(const std::vector<std::string>& keys) {
  remove_again([&] { inner().remove_all(keys); });
}

// not_found of the first attempt is no such bucket.
void RetryStore::remove_again(const std::function<void()>& step) {
  retry([&](const Attempts& attempts) {
    try {
      step();
    } catch (const Error& error) {
      if (attempts.failed == 0 || error.kind() != ErrorKind::not_found) throw;
    }
  });
}

// Lists are sorted: an attempt passes over what those in front of it have visited. What `visit`
// throws is no failure of the store, and is not tried again.
void RetryStore::list(const std::string& prefix,
                      const std::function<void(const ObjectInfo&)>& visit) {
  std::optional<std::string> last;      // visited
  std::optional<std::string> in_front;  // in this attempt
  bool further = false;
  bool visiting = false;
  std::exception_ptr thrown;
  const auto once = [&](const ObjectInfo& object) {
    // Passed over in silence, it would be lost.
    if (in_front && object.key <= *in_front)
      throw Error(ErrorKind::unsupported, tape::shown(name()) + ": lists " +
                                              tape::shown(object.key) + " behind " +
                                              tape::shown(*in_front) + ", not in order");
    in_front = object.key;
    if (last && object.key <= *last) return;
    visiting = true;
    visit(object);
    visiting = false;
    last = object.key;
    further = true;
  };
  retry([&](Attempts& attempts) {
    try {
      in_front.reset();
      inner().list(prefix, once);
    } catch (const Error&) {
      if (std::exchange(further, false)) attempts = {};
      if (!visiting) throw;
      thrown = std::current_exception();
    }
  });
  if (thrown) std::rethrow_exception(thrown);
}

void RetryStore::around(const StoreCall&, const std::function<void()>& step) {
  retry([&](const Attempts&) { step(); });
}

void RetryStore::retry(const Step& step) {
  for (Attempts attempts;;) {
    Clock::Duration wait{0};
    try {
      step(attempts);
      reached_ = true;
      return;
    } catch (const HttpError& error) {
      if (is_answer(error)) reached_ = true;
      if (error.kind() != ErrorKind::transient) throw;
      const Clock::Duration asked = error.retry_after().value_or(std::chrono::seconds(0));
      wait = wait_behind(error, attempts, std::min(asked, options_.retry_after_max));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::transient) throw;
      wait = wait_behind(error, attempts, Clock::Duration(0));
    }
    if (options_.counts != nullptr) ++options_.counts->retries;
    clock_.sleep(wait);
  }
}

Clock::Duration RetryStore::wait_behind(const Error& error,
                                        Attempts& attempts,
                                        Clock::Duration at_least) {
  const Clock::Duration now = clock_.elapsed();
  if (attempts.failed == 0) attempts.first_failure = now;
  const Clock::Duration since = now - attempts.first_failure;
  const Clock::Duration wait = at_least + jitter(attempts.failed);
  ++attempts.failed;
  const std::uint32_t most = reached_ ? options_.attempts_max : options_.first_attempts_max;
  if (attempts.failed < most && since + wait <= options_.deadline) return wait;
  const char* hint = reached_ ? "when the store is well again, the same command continues"
                              : "check the name of the host, and the network: nothing has answered";
  throw Error(error.kind(),
              fmt::format("{}; tried {} in {}", error.what(),
                          attempts.failed == 1 ? "once" : fmt::format("{} times", attempts.failed),
                          time_text(since)),
              error.hint().empty() ? hint : error.hint());
}

Clock::Duration RetryStore::jitter(std::uint32_t failed) {
  const Clock::Duration most =
      std::min(options_.wait_max, options_.wait_base * (1 << std::min(failed, kDoublingsMax)));
  const std::lock_guard lock(random_mutex_);
  return Clock::Duration(
      std::uniform_int_distribution<Clock::Duration::rep>(0, most.count())(random_));
}

}  // namespace agent
