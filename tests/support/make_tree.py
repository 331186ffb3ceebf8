#!/usr/bin/env python3
"""Make the trees that the acceptance programs pack.  The same seed makes the same tree (but for devices, owners and
xattrs of root, which a user who is not root cannot make).

  make_tree.py DIR                        one of everything that an archive must bring back
  make_tree.py DIR --random --seed N      a small tree of 1 to 60 entries of all kinds
  make_tree.py DIR --big SIZE             about SIZE bytes (K, M, G = 1024) in files of 13 750 bytes on average

DIR must not exist.  Member names have their exact lengths below the prefix that DIR's name gives, and below an empty one.
"""
import argparse
import os
import random
import stat
import struct
import sys

PAGE = 1 << 18                  # bytes of a default page
TIME = 1_600_000_000
AVERAGE_FILE = 13_750           # bytes; 1100M of them are 84 000 files, like a Linux source tree
NO_ID = 0xFFFFFFFF


def acl(user, *named, group=5, mask=5, other=0):
    """A system.posix_acl_* value; `named` are (uid, permissions)."""
    entries = [(1, user, NO_ID), *((2, perm, uid) for uid, perm in named), (4, group, NO_ID), (16, mask, NO_ID), (32, other, NO_ID)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


class TreeMaker:
    """Creates entries at once and gives them owners, xattrs, modes and times in finish(), contents before their folder."""

    def __init__(self, root, seed):
        self.root = os.fsencode(root)
        self.random = random.Random(seed)
        self.attributes = {}                                 # path → attributes, parents first
        self.left_out = []                                   # what this user or file system cannot have
        self.text_pool = None
        os.mkdir(self.root)
        self.add(b".", mode=0o755)

    def at(self, path):
        return self.root + b"/" + path

    def add(self, path, mode=None, owner=None, xattrs=None, mtime=None):
        if mtime is None:
            k = len(self.attributes)
            mtime = (TIME + 61 * k) * 10 ** 9 + (k * 104_729_331 + 123_456_789) % 10 ** 9
        self.attributes[path] = (mode, owner, xattrs or {}, mtime)
        return path

    def parents(self, path):
        folder = path.rpartition(b"/")[0]
        if folder and folder not in self.attributes:
            self.folder(folder)

    def folder(self, path, mode=0o755, **attributes):
        self.parents(path)
        os.mkdir(self.at(path), 0o700)
        return self.add(path, mode, **attributes)

    def file(self, path, content=b"x", mode=0o644, **attributes):
        self.parents(path)
        with open(self.at(path), "xb") as f:
            f.write(content)
        return self.add(path, mode, **attributes)

    def symlink(self, path, target, **attributes):
        self.parents(path)
        os.symlink(target, self.at(path))
        return self.add(path, **attributes)

    def link(self, path, to):
        self.parents(path)
        os.link(self.at(to), self.at(path), follow_symlinks=False)

    def fifo(self, path, mode=0o640, **attributes):
        self.parents(path)
        os.mkfifo(self.at(path))
        return self.add(path, mode, **attributes)

    def device(self, path, kind, major, minor, mode=0o660, **attributes):
        """The path, or None where devices cannot be made (not root, some containers)."""
        self.parents(path)
        try:
            os.mknod(self.at(path), kind | mode, os.makedev(major, minor))
        except PermissionError:
            self.left_out.append("device %s" % path.decode())
            return None
        return self.add(path, mode, **attributes)

    def socket(self, path):
        self.parents(path)
        os.mknod(self.at(path), stat.S_IFSOCK | 0o600)
        return self.add(path)

    def text(self, size):
        """Bytes that deflate to about a quarter, as source text does."""
        if self.text_pool is None:
            words = [bytes(self.random.choices(b"abcdefghijklmnopqrstuvwxyz_", k=self.random.randint(2, 11))) for _ in range(1500)]
            weights = [1 / (k + 3) for k in range(len(words))]
            ends = (b" ", b" ", b" ", b"(", b");\n\t", b", ", b" = ", b";\n")
            self.text_pool = b"".join(w + self.random.choice(ends) for w in self.random.choices(words, weights, k=150_000))
        begin = self.random.randrange(len(self.text_pool) // 2)
        out = self.text_pool[begin:begin + size]
        while len(out) < size:
            out += self.text_pool[:size - len(out)]
        return out

    def finish(self):
        for path, (mode, owner, xattrs, mtime) in reversed(self.attributes.items()):
            name = self.at(path)
            if owner:
                os.chown(name, *owner, follow_symlinks=False)
            for key, value in xattrs.items():
                if not key.startswith(b"system."):
                    self.set_xattr(path, key, value)
            if mode is not None:
                os.chmod(name, mode)
            for key, value in xattrs.items():                # an ACL holds the group's bits: after chmod
                if key.startswith(b"system."):
                    self.set_xattr(path, key, value)
            os.utime(name, ns=(mtime, mtime), follow_symlinks=False)
        return self.left_out

    def set_xattr(self, path, key, value):
        try:
            os.setxattr(self.at(path), key, value, follow_symlinks=False)
        except OSError as error:
            self.left_out.append("xattr %s of %s: %s" % (key.decode(), os.fsdecode(path), error.strerror))


def path_of(length, tag, component=60):
    """A relative path of exactly `length` bytes whose first component begins with `tag`."""
    out = bytearray((tag + b"0123456789" * (length // 10 + 1))[:length])
    for slash in range(component, length - 1, component + 1):
        out[slash] = ord("/")
    return bytes(out)


def add_names(t):
    """Exact lengths below the root's name and below an empty prefix; bytes that programs stumble over."""
    prefix = len(os.path.basename(os.path.realpath(t.root))) + 1
    t.file(b"1", b"one byte of name")
    for length in (99, 100, 101, 155, 156, 255, 256, 257, 1000):
        for tag, below in ((b"bare", length), (b"with", length - prefix)):
            t.file(path_of(below, b"f%s%d-" % (tag, length)), b"name of %d bytes" % length)
            t.folder(path_of(below - 1, b"d%s%d-" % (tag, length)))              # its member name ends in `/`
    for tag, below in ((b"bare", 0), (b"with", prefix)):                          # the limits of a ustar split, and one past
        for front, last in ((155, 100), (156, 100), (155, 101)):
            name = b"split%s%d-%d-" % (tag, front, last)
            t.file(path_of(front - below, name, 80) + b"/" + b"n" * last)
    for length in (100, 101, 155, 255):                                           # one component; above 100 nothing splits it
        t.file(b"component/" + b"%d-" % length + b"c" * (length - 4))
        t.folder(b"component/" + b"d%d-" % length + b"c" * (length - 5))
    for name in (b"raw\xff\xfe", b"rawlong\xc3" + b"r" * 150, b"new\nline", b"tab\there", b"esc\x1b[31mred", b"rlo\xe2\x80\xaetxt.exe",
                 b"back\\slash", b"back\\n", b"two  spaces", b" leading", b"-leading-dash", b"--help", b"trailing ", b"del\x7f", b"quote'\"`$(x)",
                 b"utf-8 \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", b"combining e\xcc\x81", b"*?[a-z]", b"...", b"..x", b"# comment", b"a=b%3Dc", b"\x01", b"\xff"):
        t.file(b"odd/" + name, name)
    t.folder(b"odd/raw folder \xfe\xff\n")
    t.file(b"odd/raw folder \xfe\xff\n/inside", b"inside")
    t.folder(b"odd/PaxHeaders")
    t.file(b"a/x", b"in a"), t.file(b"a-b", b"between a/ and a/x by bytes"), t.file(b"a!", b"!"), t.file(b"a.txt", b"."), t.file(b"ab", b"b"), t.file(b"A", b"A")


def add_contents(t):
    sizes = [0, 1, 511, 512, 513, 1023, 1024, 1025]
    sizes += [PAGE - 1025, PAGE - 513, PAGE - 512, PAGE - 511, PAGE - 1, PAGE, PAGE + 1, PAGE + 512, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1]
    for k, size in enumerate(sizes):
        t.file(b"size/%d" % size, t.text(size) if k % 2 else t.random.randbytes(size))
    t.file(b"content/zeros", bytes(4 * PAGE + 5))
    t.file(b"content/zeros and one", bytes(3 * PAGE) + b"1")
    t.file(b"content/random", t.random.randbytes(3 * PAGE + 7))
    t.file(b"content/text", t.text(5 * PAGE))
    t.file(b"content/tar header", b"ustar".rjust(262, b"\0").ljust(512, b"\0") * 3)
    t.file(b"content/gzip header", bytes.fromhex("1f8b08040000000000ff") * 100)
    hole = t.file(b"content/hole", b"")
    os.truncate(t.at(hole), PAGE + 100)


def add_modes_and_times(t):
    for mode in (0o600, 0o400, 0o555, 0o755, 0o644, 0o666, 0o777, 0o711, 0o2755, 0o4755, 0o1644):
        t.file(b"mode/f%04o" % mode, b"%o" % mode, mode)
    for mode in (0o700, 0o555, 0o500, 0o2755, 0o1777, 0o775):
        t.folder(b"mode/d%04o" % mode, mode)
        t.file(b"mode/d%04o/inside" % mode, b"in a folder")
    t.folder(b"read-only", 0o555), t.folder(b"read-only/below", 0o555)
    t.file(b"read-only/below/file", b"below two read-only folders", 0o444)
    t.folder(b"empty folder")
    for k, ns in enumerate((0, 1, 999_999_999, 10 ** 9 + 999_999_999, TIME * 10 ** 9 + 999_999_999, TIME * 10 ** 9 + 1, -1, -10 ** 9, -1_500_000_000_123_456_789,
                            (8 ** 11 - 1) * 10 ** 9 + 5, 8 ** 11 * 10 ** 9 + 7, 9_000_000_000 * 10 ** 9 + 999_999_999)):
        t.file(b"time/f%02d" % k, b"%d" % ns, mtime=ns)
        t.folder(b"time/d%02d" % k, mtime=ns)
        t.symlink(b"time/l%02d" % k, b"f%02d" % k, mtime=ns)
        t.fifo(b"time/p%02d" % k, mtime=ns)


def add_links(t):
    t.file(b"links/z/first made, last in order", t.text(5000), 0o640)
    t.link(b"links/a/other", b"links/z/first made, last in order")
    t.link(b"links/m", b"links/z/first made, last in order")
    empty = t.file(b"links/empty", b"")
    t.link(b"links/empty too", empty)
    long_name = t.file(b"links/" + b"long" * 40, b"first name of more than 100 bytes")
    t.link(b"links/to long", long_name)
    raw = t.file(b"links/raw\xff", b"raw")
    t.link(b"links/to raw", raw)
    t.symlink(b"links/symlink", b"empty"), t.link(b"links/symlink too", b"links/symlink")
    t.fifo(b"links/fifo", 0o600), t.link(b"links/fifo too", b"links/fifo")
    t.symlink(b"symlinks/dangling", b"nothing/here"), t.symlink(b"symlinks/self", b"self")
    t.symlink(b"symlinks/loop1", b"loop2"), t.symlink(b"symlinks/loop2", b"loop1"), t.symlink(b"symlinks/up", b"..")
    t.symlink(b"symlinks/absolute", b"/etc/passwd"), t.symlink(b"symlinks/outside", b"../../../../../outside"), t.symlink(b"symlinks/folder", b"../links/")
    t.symlink(b"symlinks/raw", b"\xff\xfe"), t.symlink(b"symlinks/newline", b"new\nline"), t.symlink(b"symlinks/raw long", b"\xff" + b"t" * 150)
    for length in (1, 99, 100, 101, 255, 1000, 4095):
        target = path_of(length, b"target%d-" % length)
        try:
            t.symlink(b"symlinks/target %d" % length, target)
        except OSError as error:
            t.left_out.append("a symlink target of %d bytes: %s" % (length, error.strerror))


def add_xattrs(t):
    t.file(b"xattr/plain", b"x", xattrs={b"user.plain": b"value"})
    t.file(b"xattr/many", b"x", xattrs={b"user.k%02d" % k: b"%d" % k * k for k in range(1, 30)})
    t.file(b"xattr/odd", b"x", 0o400, xattrs={b"user.a=b%c": b"\x00\xff\n raw", b"user.%3D": b"=", b"user.100%": b"%", b"user.empty": b"", b"user.new\nline": b"\n"})
    t.folder(b"xattr/folder", 0o555, xattrs={b"user.of folder": b"\xfe"})
    t.file(b"xattr/acl", b"x", 0o640, xattrs={b"system.posix_acl_access": acl(6, (1234, 4), (NO_ID - 1, 7), group=4, mask=7)})
    t.folder(b"xattr/acl folder", 0o750, xattrs={b"system.posix_acl_access": acl(7, (1234, 5)), b"system.posix_acl_default": acl(7, (1, 5), (4321, 0), mask=7, other=5)})
    t.file(b"xattr/acl folder/inside", b"made before the default ACL")


def add_root_only(t):
    for k, owner in enumerate(((1, 1), (12345, 54321), (2097151, 2097151), (2097152, 2097152), (3_000_000_000, NO_ID - 1), (0, 12345))):
        t.file(b"owner/f%d" % k, b"owned", 0o4755 if k == 1 else 0o640, owner=owner)
        t.folder(b"owner/d%d" % k, 0o2770, owner=owner)
        t.symlink(b"owner/l%d" % k, b"f%d" % k, owner=owner)
    t.fifo(b"owner/fifo", owner=(12345, 0))
    null = t.device(b"device/null", stat.S_IFCHR, 1, 3, 0o666)
    t.device(b"device/loop", stat.S_IFBLK, 7, 250, 0o660, owner=(0, 6))
    t.device(b"device/large numbers", stat.S_IFCHR, 511, 0xFFFFF, 0o600)
    if null:
        t.link(b"device/null too", null)
    t.file(b"xattr/capability", b"x", 0o755, owner=(1, 1), xattrs={b"security.capability": struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0), b"trusted.t": b"t"})
    t.symlink(b"xattr/of symlink", b"plain", xattrs={b"trusted.l": b"l"})


def made_tree(root, seed=1, sockets=False):
    """One of everything; what could not be made here is returned, as texts."""
    t = TreeMaker(root, seed)
    add_names(t)
    add_contents(t)
    add_modes_and_times(t)
    add_links(t)
    add_xattrs(t)
    if os.geteuid() == 0:
        add_root_only(t)
    if sockets:
        t.socket(b"sockets/socket")
    return t.finish()


def random_name(r):
    kind = r.randrange(10)
    if kind < 6:
        return bytes(r.choices(b"abcXYZ019-_.!~ ", k=r.randint(1, 12)))
    if kind == 6:
        return bytes(r.choices(b"ab", k=r.choice((98, 99, 100, 101, 155, 200, 255))))
    if kind == 7:
        return "".join(r.choices("aé€😀\u202e\u0301", k=r.randint(1, 20))).encode()
    return bytes(r.choice([b for b in range(1, 256) if b != 0x2F]) for _ in range(r.randint(1, 10)))


def random_entry(t, path, others):
    """One entry of any kind at `path`; `others` are the non-directories before it.  True when it is a directory."""
    r, root = t.random, os.geteuid() == 0
    attributes = {"mtime": r.choice((0, -1, 10 ** 9 - 1, r.randrange(-10 ** 18, 10 ** 19), r.randrange(10 ** 18, 2 * 10 ** 18)))}
    if root and not r.randrange(4):
        attributes["owner"] = (r.choice((0, 1, 65534, 12345, 2097152)), r.choice((0, 2, 54321, 3_000_000_000)))
    xattrs = {b"user." + bytes(r.choices(b"abc=%", k=r.randint(1, 8))): r.randbytes(r.randint(0, 40)) for _ in range(r.randint(1, 3))} if not r.randrange(5) else {}
    if not r.randrange(8):
        xattrs[b"system.posix_acl_access"] = acl(7, (r.randint(1, 9999), r.randrange(8)), mask=r.randrange(8))
    kind = r.choices(("file", "folder", "symlink", "link", "fifo", "device"), (50, 22, 10, 10, 4, 4))[0]
    if kind == "folder":
        t.folder(path, r.choice((0o755, 0o700, 0o555, 0o1777, 0o2750)), xattrs=xattrs, **attributes)
        return True
    if kind == "symlink":
        t.symlink(path, r.choice((b"x", b"../y", b"\xff", b"t" * r.randint(1, 300))), **attributes)
    elif kind == "link" and others:
        t.link(path, r.choice(others))
    elif kind == "fifo":
        t.fifo(path, r.choice((0o600, 0o666)), **attributes)
    elif kind == "device" and root:
        t.device(path, r.choice((stat.S_IFCHR, stat.S_IFBLK)), r.randrange(256), r.randrange(1 << 20), **attributes)
    else:
        size = r.choice((0, 1, 511, 512, 513, 4096, r.randint(0, 20 << 10)))
        content = r.choice((t.text, r.randbytes, bytes))(size)
        t.file(path, content, r.choice((0o644, 0o600, 0o755, 0o400, 0o4711)) | 0o400, xattrs=xattrs, **attributes)
    return False


def random_tree(root, seed):
    t = TreeMaker(root, seed)
    folders, others = [b""], []
    for _ in range(t.random.choice((0, 1, 2, t.random.randint(3, 59), t.random.randint(3, 59)))):
        parent = t.random.choice(folders)
        name = random_name(t.random)
        path = parent + b"/" + name if parent else name
        if name in (b".", b"..") or len(path) > 1500 or os.path.lexists(t.at(path)):
            continue
        if random_entry(t, path, others):
            folders.append(path)
        elif os.path.lexists(t.at(path)):
            others.append(path)
    return t.finish()


def big_tree(root, size, seed=1):
    """Text in many small files and some large ones; a few that do not deflate."""
    t = TreeMaker(root, seed)
    count = max(size // AVERAGE_FILE, 1)
    left = size
    for k in range(count):
        folder = b"part%02d/sub%02d/dir%03d" % (k // 4000, k // 250 % 16, k // 16)
        length = min(left, int(t.random.lognormvariate(8.9, 1.1)) if k < count - 1 else left)
        left -= length
        content = t.random.randbytes(length) if k % 50 == 0 else t.text(length)
        path = t.file(folder + b"/file%05d.c" % k, content, 0o755 if k % 100 == 7 else 0o644)
        if k % 1000 == 1:
            t.link(folder + b"/linked%05d" % k, path)
            t.symlink(folder + b"/symlink%05d" % k, os.path.basename(path))
    return t.finish()


def size_of(text):
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper())
    return int(text[:-1]) * unit if unit else int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--random", action="store_true")
    kind.add_argument("--big", type=size_of, metavar="SIZE")
    kind.add_argument("--sockets", action="store_true", help="with a socket, which no archive holds")
    args = parser.parse_args()
    if os.path.lexists(args.dir):
        parser.error("%s exists" % args.dir)
    if args.random:
        left_out = random_tree(args.dir, args.seed)
    elif args.big:
        left_out = big_tree(args.dir, args.big, args.seed)
    else:
        left_out = made_tree(args.dir, args.seed, args.sockets)
    for text in left_out:
        print("make_tree: left out here: " + text, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
