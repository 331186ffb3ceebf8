#include "tape/volume_plan.h"

#include "support/expect.h"

using namespace tape;

TEST_CASE("volume_plan: slices follow each other and hold the tape", "[volume_plan]") {
  for (const ByteCount tape : std::initializer_list<ByteCount>{1024, 4096, 4608, 8192, 100'352}) {
    for (const ByteCount size : std::initializer_list<ByteCount>{512, 4096, 100'352, 1 << 20}) {
      const auto plan = VolumePlan::fixed(tape, size, 9);
      TapeOffset at;
      for (std::uint64_t k = 0; k < plan.count(); ++k) {
        CHECK(plan.slice(k).begin == at);
        CHECK(plan.slice(k).size <= size);
        CHECK(plan.slice(k).size > 0);
        at = plan.slice(k).end();
      }
      CHECK(at.value() == tape);
      CHECK(plan.count() == (tape + size - 1) / size);
    }
  }
}

TEST_CASE("volume_plan: 0 is one volume for the whole tape", "[volume_plan]") {
  CHECK(VolumePlan::fixed(1 << 20, 0, 18).count() == 1);
  CHECK(VolumePlan::fixed(1 << 20, 0, 18).slice(0).size == 1 << 20);
}

TEST_CASE("volume_plan: no multiple of the page, and one volume too many, are refused",
          "[volume_plan]") {
  CHECK(failed([] { VolumePlan::fixed(1 << 20, 1000, 9); }).kind() == ErrorKind::usage);
  CHECK(VolumePlan::fixed(512 * kVolumeCountMax, 512, 9).count() == kVolumeCountMax);
  const Error error = failed([] { VolumePlan::fixed(512 * (kVolumeCountMax + 1), 512, 9); });
  CHECK(error.kind() == ErrorKind::usage);
  CHECK(error.hint() == "--volume-size 1024 fits");
}
