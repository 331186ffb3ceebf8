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

TEST_CASE("volume_plan: the volumes of a range are those that hold a byte of it", "[volume_plan]") {
  constexpr ByteCount kTape = 10 * 512;
  for (const ByteCount size : {ByteCount{0}, ByteCount{512}, ByteCount{1536}, ByteCount{8192}}) {
    const auto plan = VolumePlan::fixed(kTape, size, 9);
    for (std::uint64_t begin = 0; begin < kTape + 600; begin += 128) {
      for (const ByteCount length : {0U, 1U, 128U, 512U, 1000U, 5120U, 20'000U}) {
        const TapeRange range{TapeOffset(begin), length};
        INFO("volumes of " << size << ", " << length << " bytes from " << begin);
        const VolumeSpan span = plan.volumes_of(range);
        for (std::uint64_t k = 0; k < plan.count(); ++k) {
          const TapeRange slice = plan.slice(k);
          const bool meets =
              std::max(slice.begin, range.begin) < std::min(slice.end(), range.end());
          REQUIRE((k >= span.first && k < span.end) == meets);
        }
        REQUIRE(span.end <= plan.count());
      }
    }
  }
  CHECK(VolumePlan().volumes_of({TapeOffset(0), 10}) == VolumeSpan{});
}
