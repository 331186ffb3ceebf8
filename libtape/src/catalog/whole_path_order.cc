#include "catalog/whole_path_order.h"

#include "catalog/catalog_schema.h"
#include "catalog/scratch_database.h"

namespace tape {
namespace {

constexpr ByteCount kSortCacheBytes = ByteCount{8} << 20;

}  // namespace

WholePathOrder::WholePathOrder(const std::string& path)
    // The rows of a catalog, so that what is read back has passed the same checks.
    : connection_(scratch_database(path, kSortCacheBytes, kCatalogSchema)),
      insert_(connection_, insert_statement()) {}

void WholePathOrder::add(const SeenEntry& seen) {
  insert_row(insert_, seen, TapeOffset(count_++), 0);
}

void WholePathOrder::each(const std::function<void(SeenEntry&)>& visit) {
  // By the index on path: BLOBs compare by unsigned bytes.
  Statement rows(connection_, std::string("SELECT ") + kEntryColumns + " FROM entry ORDER BY path");
  while (rows.step()) {
    TapeOffset number;
    std::uint32_t blocks = 0;
    SeenEntry seen = read_row(rows, number, blocks);
    visit(seen);
  }
}

}  // namespace tape
