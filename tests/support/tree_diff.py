#!/usr/bin/env python3
"""Compare two trees by everything that an archive must bring back.

  tree_diff.py A B [--portable] [--seconds] [--no-owner]

Compared, A being the source: the set of names (bytes); type, mode, owner, size, nanosecond mtime (directories and
symlinks too) and device by lstat; symlink targets; every xattr that can be listed, ACLs among them; SHA-256 of the
content; and which names are links to one inode.  The roots themselves are compared as `.`; they may be single files.

  --portable   A is the source and B came back from a `portable` tape: B must have the modes of docs/format.md §1, no
               xattrs and no devices; owners and nanoseconds are not compared
  --seconds    mtimes by whole seconds (floor)
  --no-owner   B was written by a user who is not root: owners and the xattrs that only root may set are not compared

One line a difference.  Exit codes: 0 no difference, 1 differences, 2 usage.
"""
import argparse
import hashlib
import os
import stat
import sys

PATH_PIECE = 2048               # bytes of a path given to one system call; PATH_MAX is 4096
TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}
DEVICES = ("character device", "block device")
ONLY_ROOT = (b"security.", b"trusted.")
_HIDDEN = {*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def shown(name):
    """A name for people, escaped as docs/cli.md says: `\\xNN` for what would steer a terminal, a backslash doubled."""
    out = []
    for c in name.decode("utf-8", "surrogateescape"):
        if c == "\\":
            out.append("\\\\")
        elif 0xDC80 <= ord(c) <= 0xDCFF or ord(c) in _HIDDEN:
            out.extend("\\x%02x" % b for b in c.encode("utf-8", "surrogateescape"))
        else:
            out.append(c)
    return "".join(out)


def open_folder(root, path):
    """A descriptor of the directory `path` below the descriptor `root`; any depth, no symlink is followed."""
    at = os.dup(root)
    while path:
        piece, path = path, b""
        if len(piece) > PATH_PIECE:
            cut = piece.rindex(b"/", 0, PATH_PIECE)
            piece, path = piece[:cut], piece[cut + 1:]
        below = os.open(piece, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
        os.close(at)
        at = below
    return at


def content_hash(folder, name):
    with open(name, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)) as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def describe(folder, name, known):
    """What is compared of one name.  `known`: (device, inode) → content hash, so that each inode is read once."""
    st = os.stat(name, dir_fd=folder, follow_symlinks=False)
    kind = TYPES[stat.S_IFMT(st.st_mode)]
    entry = {"type": kind, "mode": stat.S_IMODE(st.st_mode), "uid": st.st_uid, "gid": st.st_gid, "mtime": st.st_mtime_ns,
             "inode": (st.st_dev, st.st_ino)}
    if kind == "file":
        entry["size"] = st.st_size
        if entry["inode"] not in known:
            known[entry["inode"]] = content_hash(folder, name)
        entry["content"] = known[entry["inode"]]
    elif kind == "symlink":
        entry["target"] = os.readlink(name, dir_fd=folder)
    elif kind in DEVICES:
        entry["device"] = (os.major(st.st_rdev), os.minor(st.st_rdev))
    place = b"/proc/self/fd/%d/%s" % (folder, name)          # there is no lgetxattrat()
    entry["xattrs"] = {os.fsencode(key): os.getxattr(place, key, follow_symlinks=False)
                       for key in os.listxattr(place, follow_symlinks=False)}
    return entry


def read_tree(root):
    """Path below the root (bytes, `.` for the root itself) → what is compared of it."""
    root = os.fsencode(root)
    entries, known = {}, {}
    parent = os.open(os.path.dirname(os.path.abspath(root)) if not os.path.isdir(root) else root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        entries[b"."] = describe(parent, b"." if os.path.isdir(root) else os.path.basename(root), known)
        folders = [b""] if os.path.isdir(root) else []
        while folders:
            path = folders.pop()
            folder = open_folder(parent, path)
            try:
                for name in map(os.fsencode, os.listdir(folder)):
                    below = path + b"/" + name if path else name
                    entries[below] = describe(folder, name, known)
                    if entries[below]["type"] == "directory":
                        folders.append(below)
            finally:
                os.close(folder)
    finally:
        os.close(parent)
    return entries


def make_portable(entries):
    """Turn a source into what a `portable` tape keeps of it."""
    for path in [p for p, e in entries.items() if e["type"] in DEVICES]:
        del entries[path]
    for entry in entries.values():
        executable = entry["type"] == "file" and entry["mode"] & 0o111
        entry["mode"] = 0o777 if entry["type"] == "symlink" else 0o755 if entry["type"] == "directory" or executable else 0o644
        entry["xattrs"] = {}


def link_groups(entries, paths):
    """Path → the other names of its inode, among `paths`."""
    groups = {}
    for path in paths:
        if entries[path]["type"] != "directory":
            groups.setdefault(entries[path]["inode"], []).append(path)
    return {path: sorted(set(group) - {path}) for group in groups.values() for path in group}


def said(field, value):
    if value is None:
        return "none"
    if field == "mode":
        return "%04o" % value
    if field == "mtime":
        return "%d.%09d" % divmod(value, 10 ** 9)
    if isinstance(value, bytes):
        return '"%s"' % shown(value)
    return str(value)


def tree_diff(a, b, portable=False, seconds=False, owner=True):
    """The differences of the trees `a` and `b`, one line each, sorted by path."""
    source, result = read_tree(a), read_tree(b)
    if portable:
        make_portable(source)
        owner, seconds = False, True
    fields = ["type", "mode", "size", "mtime", "target", "device", "content"] + (["uid", "gid"] if owner else [])
    found = []                                               # (path, text)
    for path in source.keys() - result.keys():
        found.append((path, "missing: %s is only in A" % source[path]["type"]))
    for path in result.keys() - source.keys():
        found.append((path, "added: %s is only in B" % result[path]["type"]))
    common = source.keys() & result.keys()
    for path in common:
        one, two = source[path], result[path]
        for field in fields:
            x, y = one.get(field), two.get(field)
            if field == "mtime" and seconds:
                x, y = x // 10 ** 9 * 10 ** 9, y // 10 ** 9 * 10 ** 9
            if x != y:
                found.append((path, "%s: %s in A, %s in B" % (field, said(field, x), said(field, y))))
        for key in sorted(one["xattrs"].keys() | two["xattrs"].keys()):
            x, y = one["xattrs"].get(key), two["xattrs"].get(key)
            if x != y and (owner or not key.startswith(ONLY_ROOT)):
                found.append((path, "xattr %s: %s in A, %s in B" % (shown(key), said("xattr", x), said("xattr", y))))
    in_a, in_b = link_groups(source, common), link_groups(result, common)
    for path in common:
        x, y = in_a.get(path, []), in_b.get(path, [])
        if x != y:
            found.append((path, "links: one file with [%s] in A, with [%s] in B" % (", ".join(map(shown, x)), ", ".join(map(shown, y)))))
    return ["%s: %s" % (shown(path), text) for path, text in sorted(found)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--portable", action="store_true")
    parser.add_argument("--seconds", action="store_true")
    parser.add_argument("--no-owner", dest="owner", action="store_false")
    args = parser.parse_args()
    for tree in (args.a, args.b):
        if not os.path.lexists(tree):
            parser.error("%s does not exist" % shown(os.fsencode(tree)))
    lines = tree_diff(args.a, args.b, args.portable, args.seconds, args.owner)
    for line in lines:
        print(line.encode("utf-8", "backslashreplace").decode())
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
