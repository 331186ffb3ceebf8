#include "cli/report.h"

#include <fmt/format.h>

#include "store/snapshots.h"
#include "tape/digest.h"
#include "tape/error.h"

namespace agent {
namespace {

const char* metadata_name(tape::Metadata metadata) {
  return metadata == tape::Metadata::full ? "full" : "portable";
}

std::string skipped_text(const tape::CatalogSummary& summary) {
  std::string out;
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", shown_count(count), what);
  };
  add(summary.skipped_sockets, "sockets");
  add(summary.skipped_devices, "devices (metadata portable; profile tartape: fifos, too)");
  add(summary.skipped_own_files, "own files");
  return out;
}

std::string doubled(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '\\' ? std::string("\\\\") : std::string(1, c);
  return out;
}

}  // namespace

void report_problems(tape::Catalog& catalog, const Output& out) {
  catalog.each_problem([&](const std::string& path, const std::string& recorded) {
    // A reason that comes from the system names the path already.
    // Names in a reason of ours are escaped already; escaping them again would double backslashes.
    const std::string reason =
        tape::shown(recorded) == doubled(recorded) ? recorded : tape::shown(recorded);
    const std::string name = path.empty() ? "the source" : tape::shown(path);
    out.warning(reason.starts_with(name) ? reason : name + ": " + reason);
  });
  const tape::CatalogSummary& summary = catalog.summary();
  out.detail(fmt::format("scan begun {}, state {}, prefix {}", shown_time(summary.started),
                         tape::hex(summary.state), tape::shown(summary.prefix)));
  const std::string skipped = skipped_text(summary);
  if (!skipped.empty()) out.warning("skipped: " + skipped);
}

std::function<void(const std::string&, const std::string&)> excluded_report(const Output& out,
                                                                            bool listed) {
  return [&out, listed](const std::string& path, const std::string& why) {
    const std::string text = tape::shown(path) + ": left out: " + why;
    if (!listed) return out.detail(text);
    if (out.json()) out.line("excluded", {{"path", json_text(path)}, {"why", json_text(why)}});
    out.text(text + "\n");
  };
}

Json summary_fields(const tape::CatalogSummary& summary) {
  return {
      {"root", json_text(summary.root)},
      {"prefix", json_text(summary.prefix)},
      {"metadata", metadata_name(summary.metadata)},
      {"profile", summary.profile == tape::Profile::tartape ? "tartape" : "ragtape"},
      {"fingerprint", tape::hex(summary.fingerprint)},
      {"state", tape::hex(summary.state)},
      {"hashed", summary.hashed},
      {"entries", summary.entries},
      {"tape_size", summary.tape_size},
      {"problems", summary.problems},
      {"skipped",
       {{"sockets", summary.skipped_sockets},
        {"devices", summary.skipped_devices},
        {"own_files", summary.skipped_own_files},
        {"excluded", summary.excluded}}},
  };
}

std::string summary_text(const tape::CatalogSummary& summary) {
  std::string out = fmt::format("source        {}\n", tape::shown(summary.root));
  out += fmt::format("entries       {}\n", shown_count(summary.entries));
  out += fmt::format("tape size     {} bytes ({})\n", shown_count(summary.tape_size),
                     shown_size(summary.tape_size));
  out +=
      fmt::format("metadata      {}{}\n", metadata_name(summary.metadata),
                  summary.metadata == tape::Metadata::portable
                      ? " (no owners, xattrs, devices or nanoseconds; --metadata full keeps them)"
                      : "");
  if (summary.profile == tape::Profile::tartape) out += "profile       tartape\n";
  out += fmt::format("fingerprint   {}\n", tape::hex(summary.fingerprint));
  if (summary.excluded > 0)
    out += fmt::format("excluded      {} entries, and what is below them\n",
                       shown_count(summary.excluded));
  if (summary.problems > 0)
    out += fmt::format("problems      {} entries are not on the tape; see the warnings\n",
                       shown_count(summary.problems));
  return out;
}

std::optional<std::vector<std::string>> readable_snapshots(ObjectStore& store,
                                                           const std::string& set,
                                                           const Output& out) {
  std::optional<std::vector<std::string>> ids;
  const auto failure = tape::failure_of([&] { ids = snapshots_of(store, set); });
  if (failure && failure->kind() != tape::ErrorKind::denied) throw tape::Error(*failure);
  if (failure) out.warning(std::string(failure->what()) + "; if it is a set, it was passed over");
  return ids;
}

ExitCode report_busy(const std::string& set, const Output& out) {
  out.error(
      {tape::ErrorKind::usage, "set " + tape::shown(set) + ": another run holds it on this machine",
       "wait until it is done"},
      kBusy);
  return kBusy;
}

ReadFigures figures_of(const tape::ReadCounts& counts) {
  return {counts.requests, counts.bytes};
}

ReadFigures figures_of(const TransferCounts& counts) {
  return {counts.requests, counts.bytes_read};
}

Json reading_fields(const ReadFigures& figures) {
  return {{"requests", figures.requests}, {"bytes_read", figures.bytes}};
}

}  // namespace agent
