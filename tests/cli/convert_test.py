#!/usr/bin/env python3
"""convert: any tar.gz becomes an archive of ours."""
import gzip
import io
import os
import subprocess
import tarfile
import unittest

from cli import CliTest, read, write


def member(name, kind=tarfile.REGTYPE, content=b"", target="", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mtime = kind, target, len(content), 1_500_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


class Convert(CliTest):
    def make(self, *members, format=tarfile.PAX_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=format, encoding="utf-8", errors="surrogateescape") as tar:
            for info, content in members:
                tar.addfile(info, io.BytesIO(content))
        write(self.path("x.tar.gz"), gzip.compress(out.getvalue()))
        return self.path("x.tar.gz")

    def converted(self, archive, code=0):
        """What the converted archive holds: name -> (type, what it leads to or holds)."""
        out = self.path("out.rgz")
        if os.path.exists(out):
            os.unlink(out)
        done = self.exits(code, "convert", archive, "-o", out)
        self.done("verify", "--full", out)
        with tarfile.open(out, "r:gz") as tar:
            names = [m.name for m in tar]
            self.assertEqual(names, sorted(names, key=lambda name: os.fsencode(name).replace(b"/", b"\0")))
            found = {m.name: (m.type, m.linkname or (tar.extractfile(m).read() if m.isreg() else b"")) for m in tar}
        self.warnings = done.stderr.decode()
        return found

    def test_of_a_tree_by_tar_it_is_what_pack_makes(self):
        tree = self.make_tree()
        write(os.path.join(tree, "n" * 120), os.urandom(300_000))
        os.symlink("x" * 150, os.path.join(tree, "far"))
        os.utime(os.path.join(tree, "empty"), ns=(0, -1))
        os.mkfifo(os.path.join(tree, "pipe"))
        write(os.path.join(os.fsencode(tree), b"\xff\xfe"), b"no UTF-8")
        subprocess.run(["tar", "-C", self.work, "--format=posix", "-czf", self.path("x.tar.gz"), "tree"], check=True)
        self.done("pack", "--metadata", "full", tree, "-o", self.path("packed.gz"))
        self.done("convert", self.path("x.tar.gz"), "-o", self.path("converted.gz"))
        self.assertEqual(read(self.path("packed.gz")), read(self.path("converted.gz")))
        done = self.done("convert", self.path("x.tar.gz"), "-o", "-", "--level", "6")
        self.assertEqual(done.stdout, read(self.path("packed.gz")))

    def test_members_are_sorted_and_of_one_name_the_last_counts(self):
        archive = self.make(member("b", content=b"old"), member("a/x", content=b"x"), member("a-b", content=b"-"), member("b", content=b"new"),
                            member("./a/", tarfile.DIRTYPE), member("/abs//olute", content=b"/"))
        self.assertEqual(self.converted(archive), {"a": (b"5", b""), "a/x": (b"0", b"x"), "a-b": (b"0", b"-"), "abs/olute": (b"0", b"/"), "b": (b"0", b"new")})

    def test_the_first_name_in_order_has_the_content_of_its_links(self):
        archive = self.make(member("m", content=b"content"), member("z", tarfile.LNKTYPE, target="m"), member("./a", tarfile.LNKTYPE, target="./z"))
        self.assertEqual(self.converted(archive), {"a": (b"0", b"content"), "m": (b"1", "a"), "z": (b"1", "a")})

    def test_a_link_keeps_the_content_that_its_target_had_then(self):
        archive = self.make(member("a", content=b"then"), member("b", tarfile.LNKTYPE, target="a"), member("a", content=b"later"),
                            member("c", tarfile.LNKTYPE, target="b"), member("s", tarfile.SYMTYPE, target="nowhere"), member("r", tarfile.LNKTYPE, target="s"))
        self.assertEqual(self.converted(archive), {"a": (b"0", b"later"), "b": (b"0", b"then"), "c": (b"1", "b"), "r": (b"2", "nowhere"), "s": (b"1", "r")})

    def test_what_no_tape_holds_is_left_out_and_said(self):
        archive = self.make(member("ok", content=b"ok"), member("../up", content=b"x"), member("a/../b", content=b"x"), member("cont", b"9"),
                            member("lost", tarfile.LNKTYPE, target="nowhere"), member("before", tarfile.LNKTYPE, target="ok2"), member("ok2", content=b"2"),
                            member("dir", tarfile.DIRTYPE), member("linked", tarfile.LNKTYPE, target="dir"), member("to-up", tarfile.LNKTYPE, target="../up"))
        self.assertEqual(set(self.converted(archive, 3)), {"ok", "ok2", "dir"})
        for text in ("../up: left out", "a/../b: left out", "cont: left out: a member of type `9`", "lost: left out: a hard link to nowhere",
                     "before: left out", "linked: left out", "to-up: left out: a hard link to ../up, which is left out"):
            self.assertIn(text, self.warnings)

    def test_metadata_of_every_kind_comes_along(self):
        archive = self.make(member("d/dev", tarfile.CHRTYPE, devmajor=1, devminor=3, uid=5, gid=6, uname="me", gname="us", mode=0o640),
                            member("d/set", content=b"x", mode=0o6755, uid=3_000_000_000, mtime=1.25, pax_headers={"SCHILY.xattr.user.key": "value"}))
        self.converted(archive)
        with tarfile.open(self.path("out.rgz")) as tar:
            device, file = tar.getmember("d/dev"), tar.getmember("d/set")
        self.assertEqual((device.type, device.devmajor, device.devminor, device.uid, device.gname, device.mode), (b"3", 1, 3, 5, "us", 0o640))
        self.assertEqual((file.mode, file.uid, file.mtime, file.pax_headers["SCHILY.xattr.user.key"]), (0o6755, 3_000_000_000, 1, "value"))
        listed = self.json_lines(self.done("--json", "ls", self.path("out.rgz")).stdout)
        self.assertIn("250000000", str(listed))

    def test_values_for_all_members_behind_them(self):
        tree = self.make_tree()
        subprocess.run(["tar", "-C", self.work, "--format=posix", "--pax-option=globexthdr.name=g,gname=everyone,mtime=77", "-czf", self.path("x.tar.gz"), "tree"], check=True)
        self.converted(self.path("x.tar.gz"))
        with tarfile.open(self.path("x.tar.gz")) as before, tarfile.open(self.path("out.rgz")) as after:
            self.assertEqual({m.name: (int(m.mtime), m.gname) for m in before}, {m.name: (m.mtime, m.gname) for m in after})
            self.assertEqual(after.getmember("tree/empty").gname, "everyone")

    def test_an_empty_one_and_one_without_an_end(self):
        self.assertEqual(self.converted(self.make()), {})
        write(self.path("y.tar.gz"), gzip.compress(b""))
        self.assertEqual(self.converted(self.path("y.tar.gz")), {})

    def test_what_cannot_be_converted_leaves_nothing(self):
        archive = self.make(member("a", content=os.urandom(100_000)))
        whole = read(archive)
        write(self.path("cut.tar.gz"), whole[:-20])
        write(self.path("flipped.tar.gz"), whole[:50_000] + bytes([whole[50_000] ^ 1]) + whole[50_001:])
        write(self.path("text.gz"), gzip.compress(b"no tar" * 1000))
        for name in ("cut.tar.gz", "flipped.tar.gz", "text.gz"):
            self.fails(1, "convert", self.path(name), "-o", self.path("out"))
        self.fails(10, "convert", self.path("none"), "-o", self.path("out"))
        self.fails(2, "convert", archive, "-o", archive)
        self.assertEqual(sorted(os.listdir(self.work)), ["cut.tar.gz", "flipped.tar.gz", "text.gz", "tmp", "x.tar.gz"])
        self.assertEqual(read(archive), whole)

    def test_an_archive_of_ours_stays_as_it_is(self):
        archive = self.make_archive("--metadata", "full")
        self.done("convert", archive, "-o", self.path("b.tar.gz"))
        with gzip.open(archive) as a, gzip.open(self.path("b.tar.gz")) as b:
            self.assertEqual(a.read(), b.read())

    def test_two_archives_are_compared(self):
        tree = self.make_tree()
        self.done("pack", tree, "-o", self.path("a.gz"))
        write(os.path.join(tree, "empty"), b"no more")
        os.unlink(os.path.join(tree, "link"))
        self.done("pack", tree, "-o", self.path("b.gz"))
        lines = self.done("diff", self.path("a.gz"), self.path("b.gz")).stdout.decode()
        self.assertIn("- tree/link\n", lines)
        self.assertRegex(lines, "M tree/empty .*size")
        self.assertEqual(self.done("diff", self.path("a.gz"), self.path("a.gz")).stdout, b"")
        self.assertEqual(self.summary(self.done("--json", "diff", self.path("a.gz"), self.path("b.gz")).stdout)["removed"], 1)
        self.fails(2, "diff", self.path("a.gz"))
        self.fails(2, "diff", self.path("a.gz"), self.work)

    def test_the_summary(self):
        summary = self.summary(self.done("--json", "convert", self.make(member("a", content=b"x" * 1000)), "-o", self.path("out")).stdout)
        self.assertEqual((summary["members"], summary["left_out"], summary["tape_size"], summary["archive_size"]), (1, 0, 2560, os.stat(self.path("out")).st_size))


if __name__ == "__main__":
    unittest.main()
