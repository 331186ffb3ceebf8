#!/usr/bin/env python3
"""locate and volumes, as a user types them: what they say is where the bytes are."""
import gzip
import json
import os
import unittest

from cli import CliTest, read, write


class Locate(CliTest):
    def tree(self):
        tree = self.make_tree()
        write(os.path.join(tree, "large"), os.urandom(300_000))
        os.link(os.path.join(tree, "large"), os.path.join(tree, "linked"))
        return tree

    def located(self, *words):
        return self.summary(self.done("--json", "locate", *words).stdout)

    def check_content(self, found, folder, expected):
        content = b""
        for part in found["parts"]:
            inflated = gzip.decompress(read(os.path.join(folder, part["object"]))[part["begin"]:part["end"]])
            content += inflated[part["skip"]:part["skip"] + part["size"]]
        self.assertEqual(content, expected)

    def test_the_ranges_hold_the_content_in_an_archive_and_over_volumes(self):
        tree = self.tree()
        archive = self.path("a.tar.gz")
        self.done("pack", tree, "-o", archive, "--page-size", "16KiB")
        self.done("backup", tree, "--to", self.path("store"), "--set", "s", "--page-size", "16KiB", "--volume-size", "64KiB", "--metadata", "portable")
        stream = gzip.decompress(read(archive))
        names = json.loads(b"[" + b",".join(line for line in self.done("--json", "ls", archive).stdout.splitlines() if b'"member"' in line) + b"]")
        self.assertGreater(len(names), 5)
        for member in names:
            in_archive, in_store = self.located(archive, member["name"]), self.located(self.path("store"), member["name"])
            for key in ("name", "size", "tape_begin", "tape_end", "body"):
                self.assertEqual(in_archive[key], in_store[key])
            self.assertEqual(in_archive["tape_begin"], member["offset"])
            expected = stream[in_archive["body"]:in_archive["body"] + in_archive["size"]]
            self.check_content(in_archive, "/", expected)
            self.check_content(in_store, self.path("store"), expected)
        self.assertGreater(len(self.located(self.path("store"), "large")["parts"]), 3)

    def test_a_tape_says_where_and_in_which_slices(self):
        tree, tape = self.tree(), self.path("t.tape")
        self.done("scan", tree, "-o", tape)
        stream = self.done("play", tape).stdout
        found = self.located(tape, "large", "--volume-size", "100000")
        content = read(os.path.join(tree, "large"))
        self.assertEqual(stream[found["body"]:found["body"] + found["size"]], content)
        pieces = b"".join(self.done("play", tape, "--volume", str(p["volume"]), "--volume-size", "100000", "--offset", str(p["begin"]), "--length", str(p["end"] - p["begin"])).stdout for p in found["parts"])
        self.assertEqual(pieces, stream[found["tape_begin"]:found["tape_end"]])
        self.assertEqual(self.located(tape, "tree/dir/file"), self.located(tape, "./dir/file"))
        self.fails(10, "locate", tape, "none", says=["none"])

    def test_a_tape_takes_the_paths_that_an_archive_takes(self):
        tree, tape, archive = self.tree(), self.path("t.tape"), self.path("a.tar.gz")
        write(os.path.join(tree, "odd\tname"), b"odd")
        self.done("scan", tree, "-o", tape)
        self.done("pack", tree, "-o", archive)
        for path in ("odd\tname", "odd\\x09name", "tree/odd\\x09name", "./odd\tname", tree + "/odd\tname", "/tree/odd\tname"):
            with self.subTest(path):
                for what in (tape, archive):
                    self.assertEqual(self.located(what, path)["name"], "tree/odd\tname")
        self.assertEqual(self.located(tape, "/")["name"], self.located(archive, "/")["name"])

    def test_slices_of_a_tape_are_checked_as_options(self):
        tree, tape = self.tree(), self.path("t.tape")
        self.done("scan", tree, "-o", tape)
        self.fails(2, "play", tape, "--volume", "0", says=["--volume-size"])
        self.fails(2, "play", tape, "--volume", "99", "--volume-size", "100000", says=["99"])
        self.fails(2, "volumes", tape, "--volume-size", "1", says=["--volume-size"])
        listed = self.done("volumes", tape, "--volume-size", "100000").stdout.decode()
        for word in ("tree.tar.00000", "complete", "head", "body", "tail", "tree/large"):
            self.assertIn(word, listed)
        write(self.path("events"), b"mine")
        self.fails(2, "play", tape, "--events", self.path("events"), says=["is there already"])
        self.assertEqual(read(self.path("events")), b"mine")
        self.fails(2, "scan", tree, "--profile", "tartape", "--prefix", "x", "-o", self.path("u.tape"), says=["--prefix"])
        self.done("scan", tree, "--profile", "tartape", "-o", self.path("u.tape"))
        self.fails(2, "play", self.path("u.tape"), "--on-change", "mark", says=["tartape"])


if __name__ == "__main__":
    unittest.main()
