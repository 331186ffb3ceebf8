#!/usr/bin/env python3
"""tree_diff finds and names every difference that was planted, and nothing in identical trees."""
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
from tree_diff import tree_diff

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tree_diff.py")
TIME = 1_500_000_000_123_456_789
ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in (
    (1, 7, 0xFFFFFFFF), (2, 4, 1234), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)))
as_root = unittest.skipUnless(os.geteuid() == 0, "needs root")


def plant(root):
    """One of everything, the same on each call."""
    at = lambda *parts: os.path.join(root, *parts)
    os.makedirs(at("d"))
    for name, content in (("file", b"content"), ("d/big", bytes(100_000)), ("linked", b"L"), ("alone", b"L"), ("x\n\xff", b"odd")):
        with open(os.fsencode(at()) + b"/" + name.encode("latin-1"), "wb") as f:
            f.write(content)
    os.link(at("linked"), at("d", "linked-too"))
    os.symlink("file", at("symlink"))
    os.mkfifo(at("fifo"))
    os.chmod(at("file"), 0o2755)
    os.setxattr(at("file"), "user.a=b%c", b"\x00\xffv")
    os.setxattr(at("d"), "system.posix_acl_access", ACL)
    for folder, dirs, files in os.walk(root, topdown=False):
        for name in files + dirs:
            os.utime(os.path.join(folder, name), ns=(TIME, TIME), follow_symlinks=False)
    os.utime(root, ns=(TIME, TIME))


class TreeDiff(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tree_diff-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.a, self.b = os.path.join(self.dir, "a"), os.path.join(self.dir, "b")
        plant(self.a)
        plant(self.b)

    def at(self, *parts):
        return os.path.join(self.b, *parts)

    def keep_times(self, *names):
        for name in names + (".",):
            os.utime(self.at(name), ns=(TIME, TIME), follow_symlinks=False)

    def expect(self, *lines, **options):
        """Exactly these differences: each given text begins one line, and no line is left over."""
        found = tree_diff(self.a, self.b, **options)
        self.assertEqual(len(found), len(lines), found)
        for line in lines:
            self.assertTrue(any(f.startswith(line) for f in found), (line, found))

    def test_identical_trees_have_no_difference(self):
        self.expect()
        self.expect(seconds=True)
        self.expect(owner=False)

    def test_content_of_equal_size(self):
        with open(self.at("file"), "wb") as f:
            f.write(b"CONTENT")
        os.setxattr(self.at("file"), "user.a=b%c", b"\x00\xffv")
        self.keep_times("file")
        os.chmod(self.at("file"), 0o2755)
        self.expect("file: content: ")

    def test_one_byte_in_a_large_file(self):
        with open(self.at("d", "big"), "r+b") as f:
            f.seek(70_000)
            f.write(b"\x01")
        self.keep_times("d/big")
        self.expect("d/big: content: ")

    def test_size(self):
        os.truncate(self.at("d", "big"), 100_001)
        self.keep_times("d/big")
        self.expect("d/big: size: 100000 in A, 100001 in B", "d/big: content: ")

    def test_mode(self):
        os.chmod(self.at("alone"), 0o600)
        os.chmod(os.path.join(self.a, "alone"), 0o640)
        self.expect("alone: mode: 0640 in A, 0600 in B")

    def test_setgid_bit(self):
        os.chmod(self.at("file"), 0o755)
        self.expect("file: mode: 2755 in A, 0755 in B")

    def test_mtime_by_one_nanosecond(self):
        os.utime(self.at("file"), ns=(TIME, TIME + 1))
        self.expect("file: mtime: 1500000000.123456789 in A, 1500000000.123456790 in B")
        self.expect(seconds=True)

    def test_mtime_by_one_second(self):
        os.utime(self.at("file"), ns=(TIME, TIME - 10 ** 9))
        self.expect("file: mtime: ", seconds=True)

    def test_mtime_before_1970_is_compared_by_its_floor(self):
        os.utime(os.path.join(self.a, "file"), ns=(0, -1))
        os.utime(self.at("file"), ns=(0, -10 ** 9))
        self.expect(seconds=True)
        os.utime(self.at("file"), ns=(0, 0))
        self.expect("file: mtime: ", seconds=True)

    def test_mtime_of_a_directory(self):
        os.utime(self.at("d"), ns=(TIME, TIME + 1))
        self.expect("d: mtime: ")

    def test_mtime_of_the_root(self):
        os.utime(self.b, ns=(TIME, TIME + 1))
        self.expect(".: mtime: ")

    def test_mtime_of_a_symlink(self):
        os.utime(self.at("symlink"), ns=(TIME, TIME + 1), follow_symlinks=False)
        self.expect("symlink: mtime: ")

    def test_symlink_target(self):
        os.unlink(self.at("symlink"))
        os.symlink("alone", self.at("symlink"))
        self.keep_times("symlink")
        self.expect('symlink: target: "file" in A, "alone" in B')

    def test_missing_name_is_shown_escaped(self):
        os.unlink(os.fsencode(self.b) + b"/x\n\xff")
        self.keep_times()
        self.expect("x\\x0a\\xff: missing: file")

    def test_added_name_is_shown_escaped(self):
        with open(os.fsencode(self.b) + b"/new\x1b\xfe\\\xe2\x80\xae", "wb"):
            pass
        self.keep_times()
        self.expect("new\\x1b\\xfe\\\\\\xe2\\x80\\xae: added: file")

    def test_type(self):
        os.unlink(self.at("fifo"))
        with open(self.at("fifo"), "wb"):
            pass
        self.keep_times("fifo")
        self.expect("fifo: type: fifo in A, file in B", "fifo: size: none in A", "fifo: content: none in A")

    def test_socket_for_a_fifo(self):
        os.unlink(self.at("fifo"))
        os.mknod(self.at("fifo"), stat.S_IFSOCK | stat.S_IMODE(os.lstat(os.path.join(self.a, "fifo")).st_mode))
        self.keep_times("fifo")
        self.expect("fifo: type: fifo in A, socket in B")

    def test_xattr_value(self):
        os.setxattr(self.at("file"), "user.a=b%c", b"\x00\xffw")
        self.expect('file: xattr user.a=b%c: "\\x00\\xffv" in A, "\\x00\\xffw" in B')

    def test_xattr_missing(self):
        os.removexattr(self.at("file"), "user.a=b%c")
        self.expect('file: xattr user.a=b%c: "\\x00\\xffv" in A, none in B')

    def test_xattr_empty_is_not_missing(self):
        os.setxattr(self.at("file"), "user.empty", b"")
        self.expect('file: xattr user.empty: none in A, "" in B')

    def test_acl(self):
        os.setxattr(self.at("d"), "system.posix_acl_access", ACL.replace(struct.pack("<I", 1234), struct.pack("<I", 1235)))
        self.expect("d: xattr system.posix_acl_access: ")

    def test_link_group_split(self):
        os.unlink(self.at("linked"))
        shutil.copy2(self.at("d", "linked-too"), self.at("linked"))
        self.keep_times("linked")
        self.expect("linked: links: one file with [d/linked-too] in A, with [] in B",
                    "d/linked-too: links: one file with [linked] in A, with [] in B")

    def test_link_group_joined(self):
        os.unlink(self.at("alone"))
        os.link(self.at("linked"), self.at("alone"))
        self.keep_times()
        self.expect("alone: links: one file with [] in A, with [d/linked-too, linked] in B", "linked: links: ", "d/linked-too: links: ")

    def test_names_deeper_than_path_max(self):
        for root in (self.a, self.b):
            at = os.open(root, os.O_RDONLY)
            for k in range(30):                              # 30 · 201 bytes
                os.mkdir("%0200d" % k, dir_fd=at)
                below = os.open("%0200d" % k, os.O_RDONLY, dir_fd=at)
                os.utime("%0200d" % k, ns=(TIME, TIME), dir_fd=at)
                os.close(at)
                at = below
            os.close(os.open("deep", os.O_CREAT | os.O_WRONLY, 0o600 if root == self.a else 0o640, dir_fd=at))
            os.utime("deep", ns=(TIME, TIME), dir_fd=at)
            os.close(at)
            for folder, dirs, _, fd in os.fwalk(root, topdown=False):
                os.utime(fd, ns=(TIME, TIME))
        self.expect("/".join("%0200d" % k for k in range(30)) + "/deep: mode: 0600 in A, 0640 in B")

    def test_portable_modes_are_what_b_must_have(self):
        self.expect("d: mode: 0755 in A, ", "file: mode: 0755 in A, 2755 in B", "file: xattr user.a=b%c: none in A", "d: xattr ", portable=True)
        os.removexattr(self.at("file"), "user.a=b%c")
        os.removexattr(self.at("d"), "system.posix_acl_access")
        os.chmod(self.at("d"), 0o755)
        os.chmod(self.at("file"), 0o755)
        os.utime(self.at("file"), ns=(TIME, TIME // 10 ** 9 * 10 ** 9))
        self.expect(portable=True)
        os.chmod(os.path.join(self.a, "alone"), 0o4610)
        self.expect("alone: mode: 0755 in A, 0644 in B", portable=True)

    @as_root
    def test_owner(self):
        os.chown(self.at("alone"), 12345, 0)
        os.chown(self.at("symlink"), 0, 54321, follow_symlinks=False)
        self.expect("alone: uid: 0 in A, 12345 in B", "symlink: gid: 0 in A, 54321 in B")
        self.expect(owner=False)
        self.expect("d: mode", "file: mode", "file: xattr", "d: xattr", portable=True)

    @as_root
    def test_device_number(self):
        for root, minor in ((self.a, 3), (self.b, 5)):
            os.mknod(os.path.join(root, "device"), stat.S_IFCHR | 0o600, os.makedev(1, minor))
            os.utime(os.path.join(root, "device"), ns=(TIME, TIME))
            os.utime(root, ns=(TIME, TIME))
        self.expect("device: device: (1, 3) in A, (1, 5) in B")

    @as_root
    def test_portable_has_no_devices(self):
        os.mknod(os.path.join(self.a, "device"), stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.utime(self.a, ns=(TIME, TIME))
        self.assertNotIn("device", " ".join(tree_diff(self.a, self.b, portable=True)))

    @as_root
    def test_xattr_that_only_root_may_set(self):
        os.setxattr(self.at("symlink"), "trusted.t", b"1", follow_symlinks=False)
        self.expect("symlink: xattr trusted.t: none in A")
        self.expect(owner=False)

    def test_single_files(self):
        self.assertEqual(tree_diff(self.a + "/linked", self.b + "/alone"), [])
        self.assertEqual(len(tree_diff(self.a + "/linked", self.b + "/fifo")), 3)

    def test_exit_codes(self):
        run = lambda *args: subprocess.run([sys.executable, TOOL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(run(self.a, self.b).returncode, 0)
        os.unlink(self.at("fifo"))
        self.keep_times()
        found = run(self.a, self.b)
        self.assertEqual((found.returncode, found.stdout), (1, b"fifo: missing: fifo is only in A\n"))
        self.assertEqual(run(self.a, self.b + "/nothing").returncode, 2)
        self.assertEqual(run(self.a).returncode, 2)


if __name__ == "__main__":
    unittest.main()
