#!/usr/bin/env python3
"""check_layers.py finds a violation of each kind in a made tree, and nothing in a clean one."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK = Path(__file__).with_name("check_layers.py")

CLEAN = {
    "CMakeLists.txt": "",
    "README.md": "",
    ".clang-format": "",
    "build/x/generated.cc": '#include "nowhere/x.h"\n',
    "libtape/include/tape/bytes.h": "#include <cstdint>\nauto b() { return reinterpret_cast<const char*>(0); }\n",
    "libtape/include/tape/error.h": '#include "tape/bytes.h"\ninline void f() { try { } catch (...) { } }\n',
    "libtape/src/base/unique_fd.h": "#include <unistd.h>\n#include <sys/types.h>\n",
    "libtape/src/format/tar_format.cc": '#include "format/tar_format.h"\n#include "base/endian.h"\n#include "tape/bytes.h"\n',
    "libtape/src/codec/deflate_zlib.cc": '#include <zlib.h>\n#include "codec/deflate.h"\n#include "format/gzip_format.h"\n',
    "libtape/src/codec/manifest.cc": "#include <nlohmann/json.hpp>\n",
    "libtape/src/db/sqlite.h": "",
    "libtape/src/db/sqlite.cc": "#include <sqlite3.h>\nauto t() { return reinterpret_cast<const char*>(0); }\n",
    "libtape/src/catalog/scan.cc": '#include "db/sqlite.h"\n#include "catalog/catalog_sql.h"\n',
    "libtape/src/play/tape_stream.cc": "// catch (x), std::thread and #include <zlib.h> in words\n"
                                       'auto s = "std::thread"; auto n = 1\'000; auto r = R"(\n catch (x) " )";\n'
                                       "auto cores = std::thread::hardware_concurrency(); std::jthread worker;\n",
    "libtape/src/restore/archive.h": "",
    "libtape/src/restore/archive.cc": '#include "restore/archive.h"\n#include "codec/deflate.h"\n',
    "agent/cli/main.cc": '#include <CLI/CLI.hpp>\n#include <fmt/format.h>\n#include "restore/verify.h"\n'
                         "int main() { try { } catch (int) { } }\n",
    "agent/restore/verify.h": '#include "tape/archive.h"\n',
    "agent/backup/journal.cc": '#include "db/sqlite.h"\n#include "store/object_store.h"\n#include <nlohmann/json.hpp>\n',
    "tests/support/catch.h": "#include <catch2/catch.hpp>\n",
    "tests/unit/restore/archive_test.cc": '#include "restore/archive.h"\n#include <zlib.h>\nvoid f() { try { } catch (int) { } }\n',
    "tests/tidy/check_layers.py": "",
}

# name: (file, its text, what must be said of it)
VIOLATIONS = {
    "public header includes a private one": ("libtape/include/tape/x.h", '#include "base/endian.h"', "a public header includes"),
    "public header includes POSIX": ("libtape/include/tape/x.h", "#include <sys/types.h>", "no POSIX"),
    "public header includes a third party": ("libtape/include/tape/x.h", "#include <zlib.h>", "zlib is not for"),
    "base includes a later room": ("libtape/src/base/x.cc", '#include "format/x.h"', "format is not among"),
    "format includes POSIX": ("libtape/src/format/x.cc", "#include <fcntl.h>", "no POSIX"),
    "way back includes the way in": ("libtape/src/restore/x.cc", '#include "play/x.h"', "play is not among"),
    "way back includes the catalog": ("libtape/src/restore/x.cc", '#include "catalog/x.h"', "catalog is not among"),
    "way back includes db": ("libtape/src/restore/x.cc", '#include "db/x.h"', "db is not among"),
    "way back includes os": ("libtape/src/restore/x.cc", '#include "os/x.h"', "os is not among"),
    "SQLite outside db": ("libtape/src/catalog/x.cc", "#include <sqlite3.h>", "sqlite is not for"),
    "zlib outside codec": ("libtape/src/play/x.cc", "#include <zlib.h>", "zlib is not for"),
    "JSON in libtape": ("libtape/src/play/x.cc", "#include <nlohmann/json.hpp>", "nlohmann is not for"),
    "fmt in libtape": ("libtape/src/os/x.cc", "#include <fmt/format.h>", "fmt is not for"),
    "two third parties in a file of codec": ("libtape/src/codec/x.cc", "#include <zlib.h>\n#include <libdeflate.h>", "one third party a file"),
    "curl outside net": ("agent/store/x.cc", "#include <curl/curl.h>", "curl is not for"),
    "CLI11 outside cli": ("agent/restore/x.cc", "#include <CLI/CLI.hpp>", "cli11 is not for"),
    "TOML outside cli": ("agent/schedule/x.cc", "#include <toml++/toml.h>", "toml++ is not for"),
    "web server outside serve": ("agent/cli/x.cc", "#include <httplib.h>", "httplib is not for"),
    "agent includes a private header of libtape": ("agent/cli/x.cc", '#include "base/endian.h"', "base is not among"),
    "agent means libtape's restore": ("agent/cli/x.cc", '#include "restore/archive.h"', "a private header of libtape"),
    "db outside the agent's backup": ("agent/cli/x.cc", '#include "db/sqlite.h"', "db is not among"),
    "agent's earlier room includes a later one": ("agent/net/x.cc", '#include "store/x.h"', "store is not among"),
    "unlisted header": ("agent/cli/x.cc", "#include <boost/asio.hpp>", "not in the tables"),
    "include without folder": ("libtape/src/base/x.cc", '#include "endian.h"', "with its folder"),
    "include upwards": ("libtape/src/base/x.cc", '#include "../format/x.h"', "with its folder"),
    "include with spaces": ("libtape/src/base/x.cc", '  #  include   "format/x.h"', "format is not among"),
    "unlisted room of libtape": ("libtape/src/extra/x.cc", "", "does not list"),
    "unlisted folder in a room": ("libtape/src/base/deep/x.cc", "", "does not list"),
    "unlisted room of the agent": ("agent/extra/x.h", "", "does not list"),
    "sources beside the rooms": ("agent/x.cc", "", "does not list"),
    "unlisted folder of tests": ("tests/extra/x.cc", "", "does not list"),
    "Catch2 outside tests/support": ("tests/unit/base/x_test.cc", "#include <catch2/catch.hpp>", "Catch2 itself"),
    "unlisted folder at the top": ("tools/x.sh", "", "top level"),
    "unlisted file at the top": ("NOTES.txt", "", "top level"),
    "catch in another file": ("libtape/src/play/x.cc", "void f() { try { } catch (int) { } }", "catch is not for"),
    "reinterpret_cast in another file": ("libtape/src/play/x.cc", "auto x = reinterpret_cast<char*>(0);", "reinterpret_cast is not for"),
    "std::thread": ("libtape/src/play/x.cc", "std::thread worker;", "std::thread"),
    "std::thread in a test": ("tests/unit/play/x_test.cc", "std::thread worker;", "std::thread"),
    "code behind a number with separators": ("libtape/src/play/x.cc", "auto n = 1'000; std::thread t(n, 'x');", "std::thread"),
}


class CheckLayers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name, "checkout")
        for path, text in CLEAN.items():
            self.put(path, text)

    def tearDown(self):
        self.folder.cleanup()

    def put(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def check(self):
        done = subprocess.run([sys.executable, CHECK, self.root], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return done.stdout.splitlines()

    def git(self, *words):
        subprocess.run(["git", "-C", self.root, *words], check=True, capture_output=True)

    def test_clean_tree_passes(self):
        self.assertEqual(self.check(), [])

    def test_each_violation_is_the_one_that_is_found(self):
        for name, (path, text, said) in VIOLATIONS.items():
            with self.subTest(name):
                self.put(path, text + "\n")
                found = self.check()
                (self.root / path).unlink()
                self.assertEqual(len(found), 1, found)
                self.assertIn(said, found[0])
                self.assertTrue(found[0].startswith((path, path.split("/")[0] + ":")), found[0])

    def test_line_number_is_that_of_the_include(self):
        self.put("libtape/src/base/x.cc", '// one\n/* two\n three */\n#include "format/x.h"\n')
        self.assertTrue(self.check()[0].startswith("libtape/src/base/x.cc:4:"))

    def test_path_of_this_machine_is_found_in_any_text(self):
        self.put("docs/x.md", "one\nsee %s/elsewhere\n" % self.folder.name)
        self.put("build/x.log", "%s/elsewhere\n" % self.folder.name)
        self.assertEqual(self.check(), ["docs/x.md:2: a path of this machine"])

    def test_path_that_only_ends_alike_is_not_of_this_machine(self):
        self.put("docs/x.md", "see $HOME%s/elsewhere\n" % self.folder.name)
        self.assertEqual(self.check(), [])

    def test_what_the_first_command_of_the_readme_makes_is_nobodys_business(self):
        self.put("documents.tar.gz", "")
        self.put("documents.tape", "")
        self.assertEqual(self.check(), [])
        self.put("documents.tar.xz", "")
        self.assertEqual(self.check(), ["documents.tar.xz: not among the names of the top level"])

    def test_clone_answers_for_what_git_tracks_at_the_top_level(self):
        try:
            self.git("init", "-q")
        except FileNotFoundError:
            self.skipTest("git is not installed")
        self.put("out/documents.tar.gz", "")
        self.put("mine.md", "")
        self.git("add", "README.md")
        self.assertEqual(self.check(), [])
        self.git("add", "mine.md")
        self.assertEqual(self.check(), ["mine.md: not among the names of the top level"])


if __name__ == "__main__":
    unittest.main()
