// ragtape verify STORE|ARCHIVE [--sample P%] [--full]

#include <charconv>
#include <memory>
#include <optional>
#include <random>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/is_tape.h"
#include "cli/opened.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/verify_tape.h"
#include "cli/where.h"
#include "restore/verify.h"
#include "store/snapshots.h"
#include "tape/files.h"
#include "tape/ragzip_decode.h"

namespace agent {
namespace {

double parse_share(std::string text) {
  const std::string typed = text;
  if (text.ends_with('%')) text.pop_back();
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc() || end != text.data() + text.size() ||
      !(percent >= 0 && percent <= 100)) {
    throw tape::Error(tape::ErrorKind::usage,
                      "--sample " + tape::shown(typed) + ": 0% to 100% expected");
  }
  return percent / 100;
}

struct VerifyCommand {
  WhatWords words;
  std::string sample;
  bool full = false;
  bool quick = false;
  bool deep = false;

  // Here damage is an outcome: exit 4, wherever it is found.
  int run(const GlobalOptions& global) const {
    const Output out(global, false);
    const double share = sample.empty() ? 0 : parse_share(sample);
    if (!is_store(words.what) && is_tape(words.what)) {
      return verify_tape(words.what, {quick, deep, full || !sample.empty()}, global, out);
    }
    if (quick || deep)
      throw tape::Error(tape::ErrorKind::usage, "--quick, --deep: only of a tape",
                        "--sample or --full");
    if (is_store(words.what)) return verify_store(share, out);
    return verify_archive(share, out);
  }

  int verify_archive(double share, const Output& out) const {
    const OpenArchive archive(words.what, words.store);
    std::optional<Opened> by_others;
    const auto failure = tape::failure_of([&] {
      if (words.index.empty() && tape::has_ragzip_footer(archive.source()))
        return tape::within(archive.source().name(), [&] { check(archive, share, out); });
      // From a cache nothing is learnt of the archive.
      GlobalOptions global = out.global();
      global.no_cache = true;
      by_others.emplace(words, global);
      tape::within(archive.source().name(), [&] {
        if (by_others->foreign() == nullptr) return check(archive, share, out);
        check_foreign(*by_others, out);
      });
    });
    if (!failure) return kDone;
    if (failure->kind() != tape::ErrorKind::corrupt) throw tape::Error(*failure);
    out.error(*failure, kDamaged);
    if (out.json()) {
      Json fields = {{"damage", 1}, {"full", full}};
      fields.update(reading_fields(by_others ? by_others->figures() : archive.figures()));
      out.line("summary", fields);
    }
    return kDamaged;
  }

  // Nothing less than all of it says anything.
  void check_foreign(Opened& opened, const Output& out) const {
    if (!sample.empty())
      throw tape::Error(tape::ErrorKind::usage, "--sample: only of archives of ours",
                        "one by others is read as a whole");
    tape::ForeignArchive& archive = *opened.foreign();
    Progress progress(out);
    archive.check_all(opened.piece(), [&](tape::ByteCount done) {
      check_stop();
      progress.working(done, opened.size(), "");
    });
    if (out.json()) {
      Json fields = {{"damage", 0},
                     {"members", archive.size()},
                     {"points", archive.index().points().size()},
                     {"full", true}};
      fields.update(reading_fields(opened.figures()));
      out.line("summary", fields);
    }
    out.text(fmt::format(
        "no damage: CRC32 of all content, {} members where the index says, {} points of access\n",
        shown_count(archive.size()), shown_count(archive.index().points().size())));
  }

  // Every snapshot that the words name; damage is reported and the rest goes on.
  int verify_store(double share, const Output& out) const {
    OpenStore store(words.what, words.store, OpenStore::Access::read);
    VerifyReport sum;
    std::uint64_t snapshots = 0;
    bool withheld = false;
    const unsigned workers = page_workers_of(out.global(), store.is_remote());
    for (const std::string& set : sets(*store)) {
      const auto found = ids(*store, set, out);
      withheld = withheld || !found;
      for (const std::string& id : found.value_or(std::vector<std::string>{})) {
        const auto report = verify_one({*store, share, workers, out}, set, id);
        if (!report) continue;
        ++snapshots;
        sum.volumes += report->volumes;
        sum.members += report->members;
        sum.pages += report->pages;
        sum.pages_decoded += report->pages_decoded;
        sum.damage += report->damage;
      }
    }
    if (snapshots == 0 && !withheld)
      throw tape::Error(tape::ErrorKind::not_found,
                        tape::shown(store->name()) + ": no snapshots, so nothing was verified");
    show_store(sum, snapshots, figures_of(store.counts()), out);
    return sum.damage > 0 ? kDamaged : withheld ? kDenied : kDone;
  }

  struct Verifying {
    ObjectStore& store;
    double share;
    unsigned workers;
    const Output& out;
  };

  // None: it was forgotten meanwhile.
  std::optional<VerifyReport> verify_one(const Verifying& with,
                                         const std::string& set,
                                         const std::string& id) const {
    std::optional<tape::Manifest> manifest;
    const auto failure = tape::failure_of([&] { manifest = read_manifest(with.store, set, id); });
    if (failure && failure->kind() == tape::ErrorKind::not_found) return std::nullopt;
    const bool ends = failure && (failure->kind() == tape::ErrorKind::transient ||
                                  failure->kind() == tape::ErrorKind::denied);
    if (ends) throw tape::Error(*failure);
    if (failure) {
      VerifyReport report;
      with.out.error(*failure, kDamaged);
      report.damage = 1;
      return report;
    }
    Progress progress(with.out);
    VerifyEvents events;
    events.damage = [&](const tape::Error& error) { with.out.error(error, kDamaged); };
    events.progress = [&](tape::ByteCount done, tape::ByteCount total) {
      check_stop();
      progress.working(done, total, id);
    };
    const VerifyOptions options{with.share, full, std::random_device{}(), with.workers};
    return verify_snapshot({with.store, events}, *manifest, options);
  }

  std::vector<std::string> sets(ObjectStore& store) const {
    if (!words.set.empty() || !words.snapshot.empty()) return {settled_set(store, words.set)};
    return sets_in(store);
  }
  std::optional<std::vector<std::string>> ids(ObjectStore& store,
                                              const std::string& set,
                                              const Output& out) const {
    if (words.snapshot.empty()) return readable_snapshots(store, set, out);
    return std::vector<std::string>{settled_snapshot(store, set, words.snapshot)};
  }

  void show_store(const VerifyReport& report,
                  std::uint64_t snapshots,
                  const ReadFigures& figures,
                  const Output& out) const {
    if (out.json()) {
      Json fields = {{"damage", report.damage},
                     {"snapshots", snapshots},
                     {"volumes", report.volumes},
                     {"members", report.members},
                     {"pages", report.pages},
                     {"pages_decoded", report.pages_decoded},
                     {"full", full}};
      fields.update(reading_fields(figures));
      out.line("summary", fields);
    }
    out.text(
        fmt::format("{}: {} snapshots, {} volumes: sizes and SHA-256{}\n",
                    report.damage == 0 ? "no damage" : shown_count(report.damage) + " damaged",
                    shown_count(snapshots), shown_count(report.volumes),
                    full ? ", every page, header, hash and padding" : " (--full decodes all)"));
  }

  void check(const OpenArchive& file, double share, const Output& out) const {
    tape::Archive archive(file.source());
    const tape::RagzipGeometry& geometry = archive.ragzip().geometry();
    std::uint64_t pages = geometry.page_count;
    {
      Progress progress(out);
      const auto heard = [&](tape::ByteCount done) {
        check_stop();
        progress.working(done, geometry.logical_size, "");
      };
      if (full) {
        archive.check_all(heard, page_workers_of(out.global(), file.is_remote()));
      } else {
        pages = archive.check_sample(share, std::random_device{}(), heard);
      }
    }
    show(archive, pages, file.figures(), out);
  }

  void show(tape::Archive& archive,
            std::uint64_t pages,
            const ReadFigures& figures,
            const Output& out) const {
    const std::uint64_t records = archive.index().root().records;
    const std::uint64_t all_pages = archive.ragzip().geometry().page_count;
    if (out.json()) {
      Json fields = {{"damage", 0},
                     {"members", records},
                     {"pages", all_pages},
                     {"pages_decoded", pages},
                     {"full", full}};
      fields.update(reading_fields(figures));
      out.line("summary", fields);
    }
    out.text(fmt::format(
        "no damage: page index, member index and {} records, {} of {} pages decoded{}\n",
        shown_count(records), shown_count(pages), shown_count(all_pages),
        full ? ", every header, hash and padding" : " (--full decodes all and checks every hash)"));
  }
};

}  // namespace

void add_verify(CLI::App& app, const GlobalOptions& global, std::optional<Command>& chosen) {
  const Verb verb(app, "verify",
                  "Check a store or an archive for damage, or a tape against its tree");
  verb.alias("check");
  const auto command = std::make_shared<VerifyCommand>();
  command->words.add(verb, "A store, an archive, or a tape (against its tree)");
  const Option sample = verb.option("--sample", command->sample,
                                    "Decode that share of the pages, chosen at random, such as 5%");
  verb.flag("--full", command->full, "Every page, node, header and hash").excludes(sample);
  const Option quick =
      verb.flag("--quick", command->quick, "Of a tape: a sample of the entries, by their metadata");
  verb.flag("--deep", command->deep, "Of a tape: contents, too, against the hashes of scan --hash")
      .excludes(quick);
  verb.footer(help_end(
      "ragtape verify --full documents.tar.gz",
      "0 no damage found; 1 failed; 2 usage; 3 nothing found, but part of a tape's tree could not "
      "be looked at; 4 damage found, or the tree is not as the tape says; 10 no such archive; "
      "12 some of the store may not be read"));
  verb.callback([&global, &chosen, command] {
    chosen = Command{[&global, command] { return command->run(global); }};
  });
}

}  // namespace agent
