#!/usr/bin/env python3
"""--engine and --level: what deflates, and that archives and snapshots say so."""
import glob
import json
import os
import unittest

from cli import CliTest, read, write

# What each engine does where no level is typed.
USUAL_LEVELS = {"libdeflate": 6, "zlib": 6, "isal": 3}


class Engines(CliTest):
    def setUp(self):
        super().setUp()
        self.tree = self.make_tree()
        write(os.path.join(self.tree, "large"), b"".join(b"line %d of a large file\n" % n for n in range(50_000)))

    def engines(self):
        """Those that this program was built with."""
        tried = self.run_ragtape("pack", self.tree, "-o", self.path("tried"), "--engine", "isal")
        if tried.returncode:
            self.assertEqual(tried.returncode, 2)
            self.assertIn(b"--engine isal: this build has no ISA-L (libisal)", tried.stderr)
            self.assertFalse(os.path.exists(self.path("tried")))
        return [name for name in USUAL_LEVELS if name != "isal" or not tried.returncode]

    def test_an_archive_of_any_engine_comes_back(self):
        for engine in self.engines():
            with self.subTest(engine=engine):
                out = self.path(engine + ".tar.gz")
                self.done("pack", self.tree, "-o", out, "--engine", engine)
                self.done("verify", "--full", out)
                self.done("restore", out, "--to", self.path("of-" + engine))
                for name in ("large", os.path.join("dir", "file")):
                    self.assertEqual(read(self.path("of-" + engine, "tree", name)), read(os.path.join(self.tree, name)))

    def test_without_a_level_it_is_the_usual_one_of_the_engine(self):
        for engine in self.engines():
            with self.subTest(engine=engine):
                plain, typed, other = (self.path("%s.%d" % (engine, n)) for n in range(3))
                self.done("pack", self.tree, "-o", plain, "--engine", engine)
                self.done("pack", self.tree, "-o", typed, "--engine", engine, "--level", str(USUAL_LEVELS[engine]))
                self.done("pack", self.tree, "-o", other, "--engine", engine, "--level", "1")
                self.assertEqual(read(plain), read(typed))
                self.assertNotEqual(read(plain), read(other))

    def test_a_snapshot_names_the_engine_its_version_and_level(self):
        for engine in self.engines():
            with self.subTest(engine=engine):
                store = self.path("store-" + engine)
                self.done("backup", self.tree, "--to", store, "--set", "s", "--engine", engine)
                (manifest,) = glob.glob(os.path.join(store, "s", "*", "manifest.json"))
                for volume in json.loads(read(manifest))["volumes"]:
                    self.assertEqual((volume["codec"]["engine"], volume["codec"]["level"]), (engine, USUAL_LEVELS[engine]))
                    self.assertRegex(volume["codec"]["version"], r"^\d+\.\d+")
                self.done("verify", "--full", store)

    def test_the_help_of_level_names_each_engine_with_its_range(self):
        text = " ".join(self.done("pack", "--help").stdout.decode().split())
        for words in ("libdeflate 1..12 (6)", "zlib 1..9 (6)", "isal 0..3 (3)"):
            self.assertIn(words, text)


if __name__ == "__main__":
    unittest.main()
