#include "base/read_ahead.h"

#include <chrono>
#include <semaphore>
#include <string>

#include "support/catch.h"

using namespace tape;
using namespace std::chrono_literals;

namespace {

using Ahead = ReadAhead<int, std::string>;

// One reader, held back until it may go on.
struct Held {
  explicit Held(Ahead::Limits limits) : ahead(limits) {
    ahead.add_reader([this](std::string& job, const Ahead::GoOn&) {
      begun.release();
      go.acquire();
      order.push_back(job);
      job += " read";
    });
  }
  ~Held() { go.release(1000); }

  // The reader is at this one, and waits.
  void hold(int key) {
    ahead.request(key, std::to_string(key));
    ahead.pass(key);
    CHECK(begun.try_acquire_for(10s));
  }

  std::string take(int key) {
    const auto job = ahead.take(key, [](std::string& here) { here += " here"; }, {});
    return job.value_or("none");
  }

  std::counting_semaphore<2000> begun{0};
  std::counting_semaphore<2000> go{0};
  std::vector<std::string> order;
  Ahead ahead;
};

}  // namespace

TEST_CASE("read ahead: the nearest first, and the caller does what nobody has begun", "[threads]") {
  Held held({8, 8});
  held.hold(0);
  for (const int key : {5, 3, 9})
    CHECK(held.ahead.request(key, std::to_string(key)));
  CHECK_FALSE(held.ahead.request(5, "again"));
  CHECK_FALSE(held.ahead.request(0, "again"));
  CHECK(held.take(9) == "9 here");
  CHECK(held.take(7) == "none");
  held.go.release(3);
  CHECK(held.begun.try_acquire_for(10s));
  CHECK(held.begun.try_acquire_for(10s));
  CHECK(held.take(5) == "5 read");
  CHECK(held.take(3) == "3 read");
  CHECK(held.order == std::vector<std::string>{"0", "3", "5"});
}

TEST_CASE("read ahead: what the caller has passed is dropped, also when it is under way",
          "[threads]") {
  Held held({8, 8});
  held.hold(0);
  held.ahead.request(2, "2");
  held.ahead.request(6, "6");
  held.ahead.pass(4);
  CHECK_FALSE(held.ahead.request(3, "passed"));
  held.go.release(2);
  CHECK(held.begun.try_acquire_for(10s));
  CHECK(held.take(6) == "6 read");
  CHECK(held.take(0) == "none");
  CHECK(held.take(2) == "none");
  CHECK(held.order == std::vector<std::string>{"0", "6"});
}

TEST_CASE("read ahead: no more than the limits, but for what is needed", "[threads]") {
  Held held({2, 3});
  held.hold(0);
  for (int key = 1; key <= 3; ++key)
    CHECK(held.ahead.request(key, std::to_string(key)));
  CHECK_FALSE(held.ahead.request(4, "4"));
  CHECK(held.ahead.request(5, "5", true));
  held.go.release(100);
  CHECK(held.begun.try_acquire_for(10s));
  // Two are done and not taken: the third waits.
  CHECK_FALSE(held.begun.try_acquire_for(50ms));
  CHECK(held.take(2) == "2 here");
  CHECK(held.take(0) == "0 read");
  CHECK(held.take(1) == "1 read");
}

TEST_CASE("read ahead: what a work throws comes out of take()", "[threads]") {
  Ahead ahead({8, 8});
  std::binary_semaphore begun{0};
  ahead.add_reader([&](std::string&, const Ahead::GoOn&) {
    begun.release();
    throw std::bad_alloc();
  });
  ahead.request(1, "1");
  ahead.pass(0);
  begun.acquire();
  CHECK_THROWS_AS(ahead.take(1, [](std::string&) {}, {}), std::bad_alloc);
}

TEST_CASE("read ahead: its end tells a long work to end", "[threads]") {
  std::binary_semaphore begun{0};
  Ahead ahead({8, 8});
  ahead.add_reader([&](std::string&, const Ahead::GoOn& go_on) {
    begun.release();
    while (go_on())
      std::this_thread::yield();
  });
  ahead.request(1, "1");
  ahead.pass(0);
  begun.acquire();
}
