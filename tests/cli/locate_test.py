#!/usr/bin/env python3
"""locate and volumes, as a user types them: what they say is where the bytes are."""
import gzip
import json
import os
import subprocess
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

    def test_a_hard_link_leads_to_the_content_of_its_first_name(self):
        tree, tape, archive = self.tree(), self.path("t.tape"), self.path("a.tar.gz")
        self.done("scan", tree, "-o", tape)
        self.done("pack", tree, "-o", archive)
        for what, options in ((tape, ["--volume-size", "100000"]), (archive, [])):
            with self.subTest(what):
                first, link = self.located(what, "large", *options), self.located(what, "linked", *options)
                self.assertEqual(link["target"], "tree/large")
                self.assertNotIn("target", first)
                for key in ("size", "body", "parts"):
                    self.assertEqual(link[key], first[key])
                self.assertEqual(link["tape_end"] - link["tape_begin"], 512)
                self.assertIn(b"tree/linked, a hard link to tree/large, 300000 bytes", self.done("locate", what, "linked", *options).stdout)
        self.assertIn(b"tree/link, a symlink to dir/file", self.done("locate", archive, "link").stdout)
        self.assertIn(b"| head -c 300000", self.done("locate", archive, "linked").stdout)

    def test_one_volume_by_itself_gives_what_is_whole_in_it(self):
        tree, store = self.tree(), self.path("store")
        self.done("backup", tree, "--to", store, "--set", "s", "--page-size", "16KiB", "--volume-size", "64KiB", "--metadata", "portable")
        parts = self.located(store, "large")["parts"]
        for part in parts:
            self.fails(1, "locate", os.path.join(store, part["object"]), "tree/large", says=["lies in several volumes, of which this is one"])
        alone = os.path.join(store, parts[0]["object"])
        self.check_content(self.located(alone, "tree/dir/file"), store, b"hello\n")

    def test_what_changed_under_the_archive_is_said(self):
        tree, archive = self.path("tree"), self.path("a.tar.gz")
        os.mkdir(tree)
        write(os.path.join(tree, "a"), os.urandom(4 << 20))
        for name in ("gone", "torn", "whole"):
            write(os.path.join(tree, name), b"x" * 3000)
        # The pipe is full when the first file has hardly begun.
        process = self.start("pack", tree, "-o", "-", "--on-change", "mark", "-j", "1", stdout=subprocess.PIPE)
        begin = process.stdout.read(1)
        os.unlink(os.path.join(tree, "gone"))
        os.truncate(os.path.join(tree, "torn"), 1000)
        write(archive, begin + process.stdout.read())
        process.stdout.close()
        self.assertEqual(process.wait(), 3)
        same = self.fails(1, "cat", archive, "gone", says=["was left out when the archive was made"]).stderr
        self.assertEqual(self.fails(1, "locate", archive, "gone").stderr, same)
        torn = self.located(archive, "torn")
        self.assertEqual(torn["outcome"], "torn")
        self.check_content(torn, "/", b"x" * 1000 + bytes(2000))
        self.assertIn(b"outcome       torn", self.done("locate", archive, "torn").stdout)
        self.assertEqual(self.located(archive, "whole")["outcome"], "as_recorded")
        self.assertNotIn(b"outcome", self.done("locate", archive, "whole").stdout)

    def test_a_line_for_the_shell_holds_names_as_they_are(self):
        tree = self.make_tree()
        for name in (b"q\\t.tape", b"it's.tape", b"\xff \t.tape"):
            with self.subTest(name):
                self.done("scan", tree, "-o", name)
                said = self.done("locate", name, "dir/file").stdout
                words = subprocess.run(["sh", "-c", b"printf '%s\\0' " + said.split(b"to play it    ")[1]], stdout=subprocess.PIPE, check=True).stdout.split(b"\0")
                self.assertEqual(words[:3], [b"ragtape", b"play", name])

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
        os.makedirs(os.path.join(tree, "srv", "tree"))
        for name in ("x", "srv/tree/x"):
            write(os.path.join(tree, name))
        self.done("scan", tree, "-o", tape)
        self.fails(10, "locate", tape, "/srv/tree/x", says=["several members fit"])
        self.fails(10, "locate", tape, "dir/fil", says=["no such member", "nearest: ", "tree/dir/file"])

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
        self.fails(2, "play", tape, "--events", os.path.join(tree, "dir", "events"), says=["would lie in the source"])
        self.assertEqual(os.listdir(os.path.join(tree, "dir")), ["file"])
        os.mkfifo(os.path.join(tree, "pipe"))
        self.done("scan", tree, "-o", tape)
        events = subprocess.Popen(["cat", os.path.join(tree, "pipe")], stdout=subprocess.PIPE)
        self.addCleanup(lambda: (events.kill(), events.wait()))
        self.done("play", tape, "--events", os.path.join(tree, "pipe"))
        self.assertIn(b'"completed"', events.communicate()[0])
        self.fails(2, "scan", tree, "--profile", "tartape", "--prefix", "x", "-o", self.path("u.tape"), says=["--prefix"])
        self.done("scan", tree, "--profile", "tartape", "-o", self.path("u.tape"))
        self.fails(2, "play", self.path("u.tape"), "--on-change", "mark", says=["tartape"])


if __name__ == "__main__":
    unittest.main()
