#include "codec/deflate.h"

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "tape/error.h"

namespace tape {
namespace {

struct EngineRow {
  Engine engine;
  const char* name;
  LevelRange levels;
  std::unique_ptr<Deflater> (*make)(int level);
  std::string (*version)();
};

constexpr EngineRow kRows[] = {
    {Engine::libdeflate, "libdeflate", {1, 12, 6}, make_libdeflate_deflater, version_of_libdeflate},
    {Engine::zlib, "zlib", {1, 9, 6}, make_zlib_deflater, version_of_zlib},
    {Engine::isal, "isal", {0, 3, 3}, make_isal_deflater, version_of_isal},
};
static_assert(std::size(kRows) == std::size(kEngines));

const EngineRow& row_of(Engine engine) {
  const auto* const row = std::find_if(std::begin(kRows), std::end(kRows),
                                       [engine](const EngineRow& r) { return r.engine == engine; });
  TAPE_ASSERT(row != std::end(kRows));
  return *row;
}

}  // namespace

const char* engine_name(Engine engine) {
  return row_of(engine).name;
}

std::optional<Engine> engine_named(std::string_view name) {
  for (const EngineRow& row : kRows)
    if (row.name == name) return row.engine;
  return {};
}

std::string engine_version(Engine engine) {
  return row_of(engine).version();
}

LevelRange levels_of(Engine engine) {
  return row_of(engine).levels;
}

void check_engine(Engine engine) {
  if (!engine_version(engine).empty()) return;
  // Of all engines only this one may be missing.
  TAPE_ASSERT(engine == Engine::isal);
  throw Error(ErrorKind::usage,
              "--engine isal: this build has no ISA-L (libisal), which was not there when it was "
              "configured",
              "choose another engine, or build again where libisal-dev is installed");
}

void check_level(Engine engine, int level) {
  const LevelRange levels = levels_of(engine);
  if (level < levels.first || level > levels.last)
    throw Error(ErrorKind::usage, "--level " + std::to_string(level) + ": " +
                                      std::to_string(levels.first) + " to " +
                                      std::to_string(levels.last) + " expected for the engine " +
                                      engine_name(engine));
}

std::unique_ptr<Deflater> make_deflater(Engine engine, int level) {
  check_engine(engine);
  return row_of(engine).make(level);
}

}  // namespace tape
