#!/usr/bin/env python3
"""A file system without room: `exhausted`, exit 1, nothing half-made, and the same command completes it once there is room.

  RAGTAPE=build/dev/bin/ragtape full_disk_test.py

Needs root, for a small tmpfs; skips (77) without.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
from tree_diff import tree_diff

RAGTAPE = os.environ.get("RAGTAPE", "")
KIB = 1024
PAGE = 4 * KIB


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="ragtape-test-")
        self.disk = os.path.join(self.work, "disk")
        self.tree = os.path.join(self.work, "tree")
        os.mkdir(self.disk)
        self.mounted = False
        self.make_tree()

    def tearDown(self):
        if self.mounted:
            subprocess.run(["umount", self.disk], check=True)
        shutil.rmtree(self.work)

    def make_tree(self):
        noise = random.Random(1)
        os.makedirs(os.path.join(self.tree, "dir", "deeper"))
        for i in range(40):
            path = os.path.join(self.tree, ("dir", "dir/deeper", ".")[i % 3], "file%02d" % i)
            with open(path, "wb") as f:
                f.write(noise.randbytes(8 * KIB + i))
        os.link(os.path.join(self.tree, "file02"), os.path.join(self.tree, "second"))

    def mount(self, size, inodes=10_000):
        options = "size=%d,nr_inodes=%d" % (size, inodes)
        if self.mounted:
            options = "remount," + options
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.disk], check=True)
        self.mounted = True

    def run_ragtape(self, *args, state=None):
        return subprocess.run([RAGTAPE, "--no-progress", "--state", state or os.path.join(self.disk, "state"), *args], capture_output=True)

    def left(self):
        return sorted(os.path.join(folder, name) for folder, _, names in os.walk(self.disk) for name in names)

    def test_pack_to_a_full_disk_leaves_nothing(self):
        self.mount(64 * 1024 * KIB)
        archive = os.path.join(self.disk, "a.tar.gz")
        self.assertEqual(self.run_ragtape("pack", self.tree, "-o", archive).returncode, 0)
        with open(archive, "rb") as f:
            right = f.read()
        os.unlink(archive)
        # From no room for the catalog to room for nearly all.
        for size in [PAGE, 4 * PAGE, 8 * PAGE, 64 * KIB, 128 * KIB, 256 * KIB, len(right) - PAGE]:
            with self.subTest(size=size):
                self.mount(size)
                done = self.run_ragtape("pack", self.tree, "-o", archive)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(b"ragtape: error: ", done.stderr)
                self.assertEqual(self.left(), [])
        self.mount(64 * 1024 * KIB)
        self.assertEqual(self.run_ragtape("pack", self.tree, "-o", archive).returncode, 0)
        with open(archive, "rb") as f:
            self.assertEqual(f.read(), right)

    def test_restore_to_a_full_disk_is_completed_by_the_next_run(self):
        archive = os.path.join(self.work, "a.tar.gz")
        self.mount(64 * 1024 * KIB)
        self.assertEqual(self.run_ragtape("pack", "--metadata", "full", self.tree, "-o", archive).returncode, 0)
        target = os.path.join(self.disk, "to")
        cases = [(size, 10_000) for size in (PAGE, 64 * KIB, 256 * KIB)] + [(64 * 1024 * KIB, n) for n in (3, 10, 30)]
        for size, inodes in cases:
            with self.subTest(size=size, inodes=inodes):
                self.mount(size, inodes)
                done = self.run_ragtape("restore", archive, "--to", target, state=os.path.join(self.work, "state"))
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(b"No space left on device", done.stderr)
                self.assertEqual([name for name in self.left() if ".part-" in name], [])
                self.files_are_whole(target)
                self.mount(64 * 1024 * KIB)
                done = self.run_ragtape("restore", archive, "--to", target, state=os.path.join(self.work, "state"))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(list(tree_diff(self.tree, os.path.join(target, "tree"))), [])
                shutil.rmtree(target)

    def test_a_restore_needs_no_room_for_its_log(self):
        archive = os.path.join(self.work, "a.tar.gz")
        self.mount(64 * 1024 * KIB)
        self.assertEqual(self.run_ragtape("pack", "--metadata", "full", self.tree, "-o", archive).returncode, 0)
        state = os.path.join(self.disk, "state")
        os.makedirs(os.path.join(state, "restores"))
        for pages in (0, 1):
            with self.subTest(pages=pages):
                self.mount(64 * 1024 * KIB)
                with open(os.path.join(self.disk, "filler"), "wb") as f:
                    f.write(bytes(64 * KIB))
                self.mount(64 * KIB + pages * PAGE)
                target = os.path.join(self.work, "to%d" % pages)
                done = self.run_ragtape("restore", archive, "--to", target)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(list(tree_diff(self.tree, os.path.join(target, "tree"))), [])
                self.assertEqual(os.listdir(os.path.join(state, "restores")), [])

    def files_are_whole(self, target):
        for folder, _, names in os.walk(self.tree):
            for name in names:
                source = os.path.join(folder, name)
                copy = os.path.join(target, "tree", os.path.relpath(source, self.tree))
                if os.path.lexists(copy):
                    with open(source, "rb") as a, open(copy, "rb") as b:
                        self.assertEqual(a.read(), b.read(), copy)

    def test_restore_after_a_full_disk_with_overwrite_is_the_whole_tree(self):
        archive = os.path.join(self.work, "a.tar.gz")
        self.mount(256 * KIB)
        self.assertEqual(self.run_ragtape("pack", "--metadata", "full", self.tree, "-o", archive).returncode, 0)
        target = os.path.join(self.disk, "to")
        self.assertEqual(self.run_ragtape("restore", archive, "--to", target).returncode, 1)
        self.mount(64 * 1024 * KIB)
        done = self.run_ragtape("restore", archive, "--to", target, "--overwrite", "always")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(tree_diff(self.tree, os.path.join(target, "tree"))), [])

    def test_a_scan_on_a_full_disk_keeps_the_old_tape(self):
        self.mount(64 * 1024 * KIB)
        self.assertEqual(self.run_ragtape("scan", self.tree).returncode, 0)
        before = self.left()
        self.assertEqual(len(before), 1)
        with open(before[0], "rb") as f:
            old = f.read()
        with open(os.path.join(self.disk, "filler"), "wb") as f:
            f.write(bytes(64 * KIB))
        for room in (0, PAGE, 2 * PAGE):
            with self.subTest(room=room):
                self.mount(len(old) // PAGE * PAGE + PAGE * 2 + 64 * KIB + room)
                done = self.run_ragtape("scan", self.tree)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual([n for n in self.left() if not n.endswith("filler")], before)
                with open(before[0], "rb") as f:
                    self.assertEqual(f.read(), old)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: only root can mount a small tmpfs")
        sys.exit(77)
    probe = tempfile.mkdtemp(prefix="ragtape-test-")
    can_mount = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", probe], capture_output=True).returncode == 0
    if can_mount:
        subprocess.run(["umount", probe], check=True)
    os.rmdir(probe)
    if not can_mount:
        print("skipped: mounting a tmpfs is not allowed here")
        sys.exit(77)
    unittest.main()
