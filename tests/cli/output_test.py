#!/usr/bin/env python3
"""Where output goes, and what happens when it cannot: pipes that close, full disks, closed descriptors."""
import os
import socket
import subprocess
import unittest

from cli import RAGTAPE, CliTest, read, write

SIGPIPE = -13


class Output(CliTest):
    def make_big_tree(self):
        tree = self.path("big")
        os.mkdir(tree)
        write(os.path.join(tree, "noise"), os.urandom(3 << 20))
        for i in range(5000):
            os.symlink("t" * 50, os.path.join(tree, "link%06d" % i))
        return tree

    def test_an_archive_on_stdout_is_the_one_in_a_file(self):
        archive = self.make_archive()
        done = self.done("pack", self.path("tree"), "-o", "-")
        self.assertEqual(done.stdout, read(archive))
        self.assertEqual(os.listdir(self.tmp), [])
        with open(self.path("out"), "wb") as out:
            self.done("pack", self.path("tree"), "-o", "-", stdout=out)
        self.assertEqual(read(self.path("out")), read(archive))

    def test_the_summary_ends_in_a_restore_command_that_works(self):
        tree = self.make_tree()
        text = self.done("pack", tree, "-o", self.path("it's an archive.tar.gz")).stdout.decode()
        command = text.strip().splitlines()[-1].split("or: ")[0].split("to restore")[1].strip()
        self.assertIn("--to DIR", command)
        shell = command.replace("ragtape", "'%s'" % RAGTAPE, 1).replace("DIR", self.path("back"))
        subprocess.run(["sh", "-c", shell], check=True, env=self.environment, stdout=subprocess.DEVNULL)
        self.assertEqual(read(self.path("back", "tree", "dir", "file")), b"hello\n")
        plain = text.split("or: ")[1]
        os.mkdir(self.path("by-tar"))
        subprocess.run(["sh", "-c", plain], check=True, cwd=self.path("by-tar"))
        self.assertEqual(read(self.path("by-tar", "tree", "dir", "file")), b"hello\n")

    def test_a_reader_that_goes_away_leaves_nothing(self):
        tree = self.make_big_tree()
        self.done("pack", tree, "-o", self.path("a.tar.gz"))
        self.done("scan", tree)
        for args in (["pack", tree, "-o", "-"], ["play", tree], ["ls", self.path("a.tar.gz")], ["ls", "-0", self.path("a.tar.gz")],
                     ["--json", "ls", self.path("a.tar.gz")], ["cat", self.path("a.tar.gz"), "noise"]):
            with self.subTest(args=args):
                process = self.start(*args, stdout=subprocess.PIPE)
                self.assertEqual(len(process.stdout.read(1)), 1)
                process.stdout.close()
                # As any filter, or with an error of its own.
                self.assertIn(process.wait(timeout=60), (SIGPIPE, 1))
                self.assertEqual(os.listdir(self.tmp), [])
        self.assertEqual(len(os.listdir(self.path("state", "tapes"))), 1)

    def test_a_full_disk_behind_stdout_is_one(self):
        archive = self.make_archive()
        self.done("scan", self.path("tree"))
        for args in (["ls", archive], ["ls", "-l", archive], ["--json", "ls", archive], ["cat", archive, "dir/file"], ["play", self.path("tree")],
                     ["pack", self.path("tree"), "-o", "-"], ["pack", self.path("tree"), "-o", "/dev/full"], ["info", archive], ["verify", archive],
                     ["scan", self.path("tree")], ["restore", archive, "--to", self.path("to")], ["--json", "verify", archive]):
            with self.subTest(args=args), open("/dev/full", "wb") as full:
                done = self.fails(1, *args, stdout=full)
                self.assertIn(b"No space left on device", done.stderr)
        for args in (["--help"], ["pack", "--help"], ["--version"]):
            with self.subTest(args=args), open("/dev/full", "wb") as full:
                self.assertEqual(self.run_ragtape(*args, stdout=full).returncode, 1)

    def test_a_full_disk_behind_stderr_does_not_change_the_result(self):
        tree = self.make_tree()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(tree, "socket"))
        with open("/dev/full", "wb") as full:
            self.done("pack", tree, "-o", self.path("a.tar.gz"), stderr=full)
            self.exits(10, "ls", "none", stderr=full)
            self.exits(2, "frobnicate", stderr=full)
        self.done("verify", "--full", self.path("a.tar.gz"))

    def test_closed_descriptors_do_not_end_up_in_the_archive(self):
        tree = self.make_tree()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(tree, "socket"))
        self.done("pack", tree, "-o", self.path("right"))
        for closed in ("<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed=closed):
                command = '"$0" pack "$1" -o "$2" ' + closed
                subprocess.run(["sh", "-c", command, RAGTAPE, tree, self.path("out")], env=self.environment, capture_output=True)
                self.assertEqual(read(self.path("out")), read(self.path("right")))
                os.unlink(self.path("out"))

    def test_quiet_says_nothing_but_errors(self):
        tree = self.make_tree()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(tree, "socket"))
        self.assertEqual(self.done("-q", "pack", tree, "-o", self.path("a.tar.gz")).stderr, b"")
        self.assertIn(b"socket", self.done("pack", tree, "-o", self.path("b.tar.gz")).stderr)
        self.fails(10, "-q", "ls", "none")

    def test_cat_writes_members_one_after_another(self):
        archive = self.make_archive()
        self.assertEqual(self.done("cat", archive, "second", "empty", "dir/file").stdout, b"hello\nhello\n")
        for path in ("link", "dir", "tree"):
            with self.subTest(path=path):
                self.fails(1, "cat", archive, path, says=["not a regular file"])

    def test_a_dry_run_of_restore_makes_nothing(self):
        archive = self.make_archive()
        done = self.done("restore", "-n", archive, "--to", self.path("to"))
        self.assertIn(b"would restore 6 members", done.stdout)
        self.assertFalse(os.path.exists(self.path("to")))

    def test_a_stdout_inside_the_tree_is_not_on_the_tape(self):
        tree = self.make_tree()
        with open(os.path.join(tree, "log"), "wb") as log:
            self.done("pack", tree, "-o", "-", stdout=log)
        write(self.path("copy"), read(os.path.join(tree, "log")))
        self.done("verify", "--full", self.path("copy"))
        self.assertNotIn(b"log", self.done("ls", self.path("copy")).stdout)

    def test_working_files_inside_the_tree_are_not_on_the_tape(self):
        tree = self.make_tree()
        os.mkdir(os.path.join(tree, "tmp"))
        done = self.done("pack", tree, "-o", "-", env={"TMPDIR": os.path.join(tree, "tmp")})
        write(self.path("copy"), done.stdout)
        self.assertEqual(self.done("ls", self.path("copy"), "tmp").stdout, b"tree/tmp/\n")


if __name__ == "__main__":
    unittest.main()
