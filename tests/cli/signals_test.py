#!/usr/bin/env python3
"""SIGINT, SIGTERM, SIGKILL: exit codes, and nothing half-made."""
import fcntl
import glob
import os
import signal
import struct
import subprocess
import termios
import time
import unittest

from cli import CliTest, read, write

# Sparse: costs time to read, and no room.
BIG = 40 << 30
MANY = 40_000


class Signals(CliTest):
    def make_big_tree(self, size=BIG):
        tree = self.path("big")
        os.mkdir(tree)
        with open(os.path.join(tree, "sparse"), "wb") as f:
            f.truncate(size)
        return tree

    def make_many_names(self):
        tree = self.path("many")
        os.mkdir(tree)
        write(os.path.join(tree, "first"))
        for i in range(MANY):
            os.link(os.path.join(tree, "first"), os.path.join(tree, "n%d" % i))
        return tree

    def working_file(self, folder):
        return any(name.startswith(".part-") for name in os.listdir(folder))

    def ends(self, process, number, code):
        process.send_signal(number)
        error = process.stderr.read()
        self.assertEqual(process.wait(timeout=60), code, error)
        return error

    def test_pack_is_interrupted_and_leaves_nothing(self):
        tree = self.make_big_tree()
        os.mkdir(self.path("out"))
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(signal=number):
                process = self.start("pack", tree, "-o", self.path("out", "a.tar.gz"))
                self.wait_until(lambda: self.working_file(self.path("out")), "a working file")
                time.sleep(0.2)
                error = self.ends(process, number, code)
                self.assertIn(b"ragtape: error: interrupted", error)
                self.assertEqual(os.listdir(self.path("out")), [])

    def test_backup_is_interrupted_says_how_far_and_goes_on(self):
        tree = self.path("tree")
        os.mkdir(tree)
        write(os.path.join(tree, "noise"), os.urandom(150 << 20))
        store = self.path("store")
        command = ["backup", tree, "--to", store, "--set", "s", "--part-size", "1MiB"]
        process = self.start(*command)
        self.wait_until(lambda: glob.glob(os.path.join(store, "s", "*", ".part-*")), "an open upload")
        error = self.ends(process, signal.SIGINT, 130)
        self.assertRegex(error, rb"ragtape: error: interrupted at \d+ %\nhint: run the same command to continue\n")
        self.assertIn(b"would continue", self.done(*command, "-n").stdout)
        self.assertIn(b"continued     at ", self.done(*command).stdout)
        self.done("verify", store, "--full")

    def test_scan_is_interrupted_and_keeps_the_old_tape(self):
        tree = self.make_many_names()
        os.mkdir(self.path("out"))
        tape = self.path("out", "a.tape")
        self.done("scan", tree, "-o", tape)
        old = read(tape)
        process = self.start("scan", tree, "-o", tape)
        self.wait_until(lambda: self.working_file(self.path("out")), "a working file")
        self.ends(process, signal.SIGINT, 130)
        self.assertEqual(os.listdir(self.path("out")), ["a.tape"])
        self.assertEqual(read(tape), old)

    def test_restore_is_interrupted_and_leaves_no_part_of_a_file(self):
        self.done("pack", self.make_big_tree(2 << 30), "-o", self.path("a.tar.gz"), "--page-size", "16MiB")
        process = self.start("restore", self.path("a.tar.gz"), "--to", self.path("to"))
        inside = self.path("to", "big")
        self.wait_until(lambda: os.path.isdir(inside) and self.working_file(inside), "a working file")
        self.ends(process, signal.SIGTERM, 143)
        self.assertEqual(os.listdir(inside), [])

    def test_verify_is_interrupted_in_the_middle_of_a_member(self):
        archive = self.path("a.tar.gz")
        self.done("pack", self.make_big_tree(1 << 30), "-o", archive, "--page-size", "4MiB")
        for share in (["--full"], ["--sample", "100%"]):
            with self.subTest(share=share):
                began = time.monotonic()
                self.done("verify", *share, archive)
                whole = time.monotonic() - began
                process = self.start("verify", *share, archive)
                time.sleep(whole / 4)
                self.assertIsNone(process.poll())
                began = time.monotonic()
                self.ends(process, signal.SIGINT, 130)
                self.assertLess(time.monotonic() - began, whole / 2)

    def test_play_that_waits_for_the_reader_of_its_events(self):
        tree, pipe = self.make_tree(), self.path("pipe")
        os.mkfifo(pipe)
        process = self.start("play", tree, "--events", pipe)
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        self.ends(process, signal.SIGTERM, 143)
        process = self.start("play", tree, "--events", pipe)
        with open(pipe, encoding="utf-8") as events:
            self.assertIn('"completed"', events.readlines()[-1])
        self.assertEqual(process.wait(timeout=60), 0)

    def test_a_second_signal_ends_at_once_what_waits_for_a_reader(self):
        tree = self.make_big_tree()
        self.done("scan", tree)
        process = self.start("play", tree, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.wait_until(lambda: self.waiting_in(process.stdout) >= 1 << 16, "a full pipe")
        process.send_signal(signal.SIGINT)
        self.wait_until(lambda: os.read(process.stderr.fileno(), 1000).startswith(b"\nragtape: stopping"), "the first word")
        self.ends(process, signal.SIGINT, -signal.SIGINT)

    def waiting_in(self, pipe):
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]

    def test_a_killed_pack_leaves_no_archive_and_the_next_one_makes_it(self):
        tree = self.make_big_tree()
        os.mkdir(self.path("out"))
        archive = self.path("out", "a.tar.gz")
        process = self.start("pack", tree, "-o", archive)
        self.wait_until(lambda: self.working_file(self.path("out")), "a working file")
        time.sleep(0.2)
        self.ends(process, signal.SIGKILL, -signal.SIGKILL)
        left = os.listdir(self.path("out"))
        self.assertTrue(all(name.startswith(".part-") for name in left), left)
        os.truncate(os.path.join(tree, "sparse"), 1 << 20)
        self.done("pack", tree, "-o", archive)
        self.done("verify", "--full", archive)

    def test_a_killed_scan_leaves_the_old_tape_and_the_next_one_is_right(self):
        tree = self.make_many_names()
        self.done("scan", tree)
        tapes = self.path("state", "tapes")
        old = read(os.path.join(tapes, os.listdir(tapes)[0]))
        process = self.start("scan", tree)
        self.wait_until(lambda: self.working_file(tapes), "a working file")
        self.ends(process, signal.SIGKILL, -signal.SIGKILL)
        kept = [name for name in os.listdir(tapes) if not name.startswith(".part-")]
        self.assertEqual([read(os.path.join(tapes, name)) for name in kept], [old])
        self.done("scan", tree)


if __name__ == "__main__":
    unittest.main()
