#!/usr/bin/env python3
"""Names are bytes: escaped for people, whole for programs, and never taken for flags."""
import os
import subprocess
import unittest

from cli import CliTest, read, write

# As it is, as it is shown.
NAMES = [
    (b"new\nline", rb"new\x0aline"),
    (b"esc\x1b[31mred", rb"esc\x1b[31mred"),
    (b"tab\t", rb"tab\x09"),
    (b"del\x7f", rb"del\x7f"),
    (b"back\\slash", rb"back\\slash"),
    (b"looks\\x41escaped", rb"looks\\x41escaped"),
    (b"latin\xe9", rb"latin\xe9"),
    (b"c1\xc2\x9b", rb"c1\xc2\x9b"),
    ("rtl\u202egnp".encode(), rb"rtl\xe2\x80\xaegnp"),
    ("lrm\u200e".encode(), rb"lrm\xe2\x80\x8e"),
    ("line\u2028".encode(), rb"line\xe2\x80\xa8"),
    ("isolate\u2066".encode(), rb"isolate\xe2\x81\xa6"),
    ("plain é 中 😀".encode(), "plain é 中 😀".encode()),
    (b"-dash", b"-dash"),
    (b"--to", b"--to"),
    (b"--", b"--"),
    (b" space ", b" space "),
    (b"'quote\"", b"'quote\""),
    (b"$(touch x)", b"$(touch x)"),
    (b"*", b"*"),
]


class Names(CliTest):
    def setUp(self):
        super().setUp()
        self.tree = os.fsencode(self.path("tree"))
        os.mkdir(self.tree)
        for name, _ in NAMES:
            write(os.path.join(self.tree, name), name)
        self.archive = self.path("a.tar.gz")
        self.done("pack", self.tree, "-o", self.archive)
        self.done("scan", self.tree, "-o", self.path("a.tape"))

    def test_ls_escapes_what_would_steer_a_terminal(self):
        expected = [b"tree/"] + [b"tree/" + shown for _, shown in sorted(NAMES)]
        for what in (self.archive, self.path("a.tape")):
            with self.subTest(what=what):
                self.assertEqual(self.done("ls", what).stdout.split(b"\n")[:-1], expected)

    def test_ls_zero_gives_the_bytes(self):
        expected = [b"tree/"] + [b"tree/" + name for name, _ in sorted(NAMES)]
        for what in (self.archive, self.path("a.tape")):
            with self.subTest(what=what):
                self.assertEqual(self.done("ls", "-0", what).stdout.split(b"\0")[:-1], expected)

    def test_the_names_are_those_that_tar_lists(self):
        listed = subprocess.run(["tar", "-tzf", self.archive, "--quoting-style=literal"], capture_output=True, check=True).stdout
        # tar ends each name by a newline, and names hold some: compared without what ends them.
        self.assertEqual(listed.replace(b"\n", b"\0"), self.done("ls", "-0", self.archive).stdout.replace(b"\n", b"\0"))

    def test_long_lines_escape_names_and_targets(self):
        os.symlink(b"to\x1b\xff", os.path.join(self.tree, b"link\n"))
        self.done("pack", self.tree, "-o", self.path("b.tar.gz"))
        lines = self.done("ls", "-l", self.path("b.tar.gz")).stdout
        self.assertEqual(lines.count(b"\n"), len(NAMES) + 2)
        self.assertRegex(lines, rb"(?m)^lrwxrwxrwx root/root +0 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d tree/link\\x0a -> to\\x1b\\xff$")
        self.assertNotIn(b"\x1b", lines)

    def test_every_name_is_read_as_it_is_and_as_ls_shows_it(self):
        for name, shown in NAMES:
            with self.subTest(name=name):
                self.assertEqual(self.done("cat", self.archive, b"tree/" + name).stdout, name)
                self.assertEqual(self.done("cat", self.archive, b"tree/" + shown).stdout, name)
                self.assertEqual(self.done("cat", self.archive, b"./" + name).stdout, name)
                self.assertEqual(self.done("cat", self.archive, "--", name).stdout, name)

    def test_every_name_comes_back(self):
        self.done("restore", self.archive, "--to", self.path("to"))
        self.assertEqual(sorted(os.listdir(os.path.join(os.fsencode(self.path("to")), b"tree"))), sorted(name for name, _ in NAMES))
        for name, _ in NAMES:
            self.assertEqual(read(os.path.join(os.fsencode(self.path("to")), b"tree", name)), name)

    def test_messages_escape_names(self):
        for args in (["cat", self.archive, b"no\x1b[2Jne\n"], ["ls", b"no\x1b[2Jne\n"], ["pack", b"no\x1b[2Jne\n", "-o", "x"],
                     [b"no\x1b[2Jne\n"], ["ls", self.archive, b"--no\x1b[2Jne\n"], ["pack", self.tree, "-o", "x", b"--prefix=/\x1b[2J\n"],
                     ["pack", self.tree, "-o", "x", b"--metadata", b"\x1b[2J\n"]):
            with self.subTest(args=args):
                done = self.run_ragtape(*args)
                self.assertIn(done.returncode, (2, 10))
                self.assertNotIn(b"\x1b", done.stderr)
                self.assertIn(b"\\x1b", done.stderr)

    def test_warnings_escape_names(self):
        write(os.path.join(self.tree, b"x\x1b"))
        self.done("restore", self.archive, "--to", self.path("to"))
        done = self.exits(3, "restore", self.archive, "--to", self.path("to"))
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertIn(b"esc\\x1b[31mred: left alone", done.stderr)

    def test_sources_and_outputs_with_leading_dashes(self):
        os.rename(self.tree, os.fsencode(self.path("-tree")))
        self.done("pack", "-o", "-out.tar.gz", "--", "-tree")
        self.done("pack", "./-tree", "--output=--out")
        self.assertEqual(read(self.path("-out.tar.gz")), read(self.path("--out")))
        self.assertTrue(self.done("ls", "--", "-out.tar.gz").stdout.startswith(b"-tree/\n"))
        self.done("restore", "--to", "--to", "--", "--out", "-tree/--")
        self.assertEqual(read(self.path("--to", "-tree", "--")), b"--")

    def test_a_root_whose_name_is_not_utf8(self):
        root = os.path.join(os.fsencode(self.work), b"r\xff\n")
        os.mkdir(root)
        write(os.path.join(root, b"f"))
        self.done("pack", root, "-o", self.path("b.tar.gz"))
        self.assertEqual(self.done("ls", "-0", self.path("b.tar.gz")).stdout, b"r\xff\n/\0r\xff\n/f\0")
        self.done("scan", root)
        self.assertEqual(len(self.done("play", root).stdout), 512 * 5)

    def test_roots_through_links_slashes_and_dots_are_one(self):
        os.symlink("tree", self.path("link"))
        right = read(self.archive)
        for i, root in enumerate(("tree/", "link", "link/", "./tree/.", "tree/../tree")):
            with self.subTest(root=root):
                self.done("pack", root, "-o", "%d.tar.gz" % i)
                self.assertEqual(read(self.path("%d.tar.gz" % i)), right)
        self.done("pack", ".", "-o", "../dot.tar.gz", cwd=self.tree)
        self.assertEqual(read(self.path("dot.tar.gz")), right)

    def test_a_single_file_and_an_empty_prefix(self):
        write(self.path("notes.txt"), b"notes")
        self.done("pack", "notes.txt", "-o", "n.tar.gz")
        self.assertEqual(self.done("ls", "n.tar.gz").stdout, b"notes.txt\n")
        for path in ("notes.txt", "./notes.txt", self.path("notes.txt")):
            self.assertEqual(self.done("cat", "n.tar.gz", path).stdout, b"notes")
        self.done("pack", self.make_tree("t"), "-o", "t.tar.gz", "--prefix", "")
        self.assertEqual(self.done("ls", "t.tar.gz").stdout, b"./\ndir/\ndir/file\nempty\nlink\nsecond\n")
        self.done("restore", "t.tar.gz", "--to", self.path("to"))
        self.assertEqual(sorted(os.listdir(self.path("to"))), ["dir", "empty", "link", "second"])
        self.done("pack", "t", "-o", "p.tar.gz", "--prefix", "a/b")
        self.assertTrue(self.done("ls", "p.tar.gz").stdout.startswith(b"a/b/\na/b/dir/\n"))
        self.assertEqual(self.done("cat", "p.tar.gz", "dir/file").stdout, b"hello\n")


if __name__ == "__main__":
    unittest.main()
