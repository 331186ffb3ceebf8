#!/usr/bin/env python3
"""index, and archives by others, as a user types them."""
import gzip
import json
import os
import subprocess
import tarfile
import unittest
import zlib

from cli import CliTest, read, write


class Index(CliTest):
    def archive(self, name="a.tar.gz", *options):
        tree = self.make_tree()
        write(os.path.join(tree, "large"), os.urandom(200_000))
        write(os.path.join(tree, "again"), b"first")
        os.link(os.path.join(tree, "large"), os.path.join(tree, "linked"))
        subprocess.run(["tar", "-C", self.work, "-czf", self.path(name), *options, "tree"], check=True)
        return self.path(name)

    def test_members_are_listed_found_read_and_restored(self):
        archive = self.archive()
        found = self.summary(self.done("--json", "index", archive).stdout)
        names = [member.name for member in tarfile.open(archive)]
        self.assertEqual(found["members"], len(names))
        self.assertEqual(found["content_size"], len(gzip.decompress(read(archive))))
        listed = [line.rstrip("/") for line in self.done("ls", archive).stdout.decode().splitlines()]
        self.assertEqual(sorted(listed), sorted(names))
        self.assertEqual(self.done("find", archive, "larg*").stdout, b"tree/large\n")
        self.assertEqual(self.done("cat", archive, "tree/large").stdout, read(self.path("tree/large")))
        self.assertEqual(self.done("cat", archive, "linked").stdout, read(self.path("tree/large")))
        self.done("restore", archive, "--to", self.path("to"))
        self.assertEqual(subprocess.run(["diff", "-r", self.path("tree"), self.path("to/tree")]).returncode, 0)
        self.assertEqual(os.stat(self.path("to/tree/linked")).st_ino, os.stat(self.path("to/tree/large")).st_ino)
        self.assertEqual(os.stat(self.path("to/tree")).st_mtime_ns // 10**9, os.stat(self.path("tree")).st_mtime_ns // 10**9)
        self.done("restore", archive, "tree/large", "--to", self.path("one"))
        self.assertEqual(os.listdir(self.path("one/tree")), ["large"])

    def test_what_lies_here_is_kept_nowhere(self):
        archive = self.archive()
        self.done("index", archive)
        self.done("ls", archive)
        self.assertFalse(os.path.exists(self.path("cache")))

    def test_of_members_of_one_name_the_last_counts(self):
        archive = self.archive("a.tar")
        os.rename(archive, self.path("plain.tar"))
        with open(self.path("plain.tar"), "wb") as f:
            subprocess.run(["tar", "-C", self.work, "-cf", "-", "tree"], stdout=f, check=True)
        write(self.path("tree/again"), b"second")
        subprocess.run(["tar", "-C", self.work, "-rf", self.path("plain.tar"), "tree/again"], check=True)
        write(self.path("a.tar.gz"), gzip.compress(read(self.path("plain.tar"))))
        self.done("index", self.path("a.tar.gz"))
        self.assertEqual(self.done("cat", self.path("a.tar.gz"), "again").stdout, b"second")
        self.done("restore", self.path("a.tar.gz"), "--to", self.path("to"))
        self.assertEqual(read(self.path("to/tree/again")), b"second")

    def test_the_two_files_go_where_they_are_told_and_are_looked_for_there(self):
        archive = self.archive()
        os.mkdir(self.path("there"))
        self.done("index", archive, "-o", self.path("there"), "--spacing", "64KiB")
        self.assertEqual(sorted(os.listdir(self.path("there"))), ["a.tar.gz.gzidx", "a.tar.gz.taridx"])
        self.assertFalse(os.path.exists(archive + ".gzidx"))
        for where in ("there", "there/", "there/a.tar.gz.gzidx", "there/a.tar.gz.taridx"):
            self.assertEqual(self.done("cat", archive, "large", "--index", self.path(where)).stdout, read(self.path("tree/large")))
        self.fails(1, "ls", archive, says=["no ragzip footer", "ragtape index"])
        self.fails(10, "ls", archive, "--index", self.path("tree"), says=["a.tar.gz.gzidx", "ragtape index"])
        self.fails(2, "ls", archive, "--index", self.path("tree/large"), says=[".gzidx or .taridx"])
        self.fails(10, "index", archive, "-o", self.path("nowhere"), says=["no such folder"])
        # Made anew, they are replaced.
        self.done("index", archive, "-o", self.path("there"))

    def test_an_index_of_another_archive_is_refused(self):
        archive, other = self.archive(), self.path("b.tar.gz")
        self.done("index", archive)
        write(other, read(archive) + bytes(1))
        self.fails(1, "ls", other, "--index", archive + ".gzidx", says=["the index of a stream of"])
        # Members that stand elsewhere, in a stream of the same size.
        index = json.loads(read(archive + ".taridx"))
        for one in index:
            one["name"] = one["name"].replace("again", "agair")
        write(archive + ".taridx", json.dumps(index).encode())
        self.fails(1, "cat", archive, "tree/agair", says=["another header stands there"])

    def test_what_is_no_tar_gz_has_no_index_and_leaves_none(self):
        archive = self.archive()
        for name, content, says in (("cut.tar.gz", read(archive)[:100_000], "ends in the middle"), ("flipped.tar.gz", read(archive)[:-5] + b"xxxxx", "is wrong"),
                                    ("no.tar.gz", b"hello", "gzip"), ("text.tar.gz", gzip.compress(b"hello" * 1000), "tar member at 0"), ("empty.tar.gz", b"", "nothing there")):
            with self.subTest(name):
                write(self.path(name), content)
                self.fails(1, "index", self.path(name), says=[says])
                self.assertEqual([one for one in os.listdir(self.work) if one.startswith((name + ".", ".part-"))], [])
        self.fails(10, "index", self.path("none.tar.gz"), says=["No such file"])
        self.fails(2, "index", archive, "--spacing", "32KiB", says=["--spacing"])

    def test_its_sizes_and_its_members_places_are_told(self):
        archive = self.archive()
        self.done("index", archive, "--spacing", "64KiB")
        content = gzip.decompress(read(archive))
        info = self.summary(self.done("--json", "info", archive).stdout)
        self.assertEqual((info["archive_size"], info["content_size"], info["spacing"]), (len(read(archive)), len(content), 65536))
        self.assertGreater(info["points"], 2)
        self.assertIn(b"by another program", self.done("info", archive).stdout)
        with tarfile.open(archive) as tar:
            links = {m.name: m.linkname for m in tar if m.islnk()}
            places = {m.name: (m.offset, m.offset_data, m.size) for m in tar}
        for name, (offset, body, size) in places.items():
            found = self.summary(self.done("--json", "locate", archive, name).stdout)
            first = places[links.get(name, name)]
            self.assertEqual((found["tape_begin"], found["body"], found["size"]), (offset, first[1], first[2]), name)
            self.assertEqual(found["tape_end"], (body + size + 511) // 512 * 512)
            for part in found["parts"]:
                self.inflates_to(archive, part, content[first[1]:first[1] + first[2]])
        # From the first byte on any tool can begin.
        line = [line for line in self.done("locate", archive, "dir/file").stdout.decode().splitlines() if "curl" in line][0]
        line = line.replace("content", "").replace("curl -s -r", "cut").replace("URL", archive)
        cut = "cut() { dd if=$2 bs=1 count=$((${1#*-} + 1)) 2>/dev/null; }; "
        done = subprocess.run(["sh", "-c", cut + line], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        self.assertEqual(done.stdout, b"hello\n")

    def inflates_to(self, archive, part, expected):
        """As a program would that knows zlib, what `locate` says is enough."""
        data = read(archive)[part["begin"]:part["end"]]
        if part["window"] is None:
            out = zlib.decompressobj(31).decompress(data)
        else:
            window = read(archive + ".gzidx")[part["window"]:part["window"] + 32768]
            out = self.inflate_raw(data, part["bits"], window)
        self.assertEqual(out[part["skip"]:part["skip"] + part["size"]], expected)

    @staticmethod
    def inflate_raw(data, bits, window):
        if bits == 0:
            return zlib.decompressobj(-15, zdict=window).decompress(data)
        # Python cannot prime: all bits are moved down.
        number = int.from_bytes(data, "little") >> (8 - bits)
        return zlib.decompressobj(-15, zdict=window).decompress(number.to_bytes(len(data), "little"))

    def test_verify_reads_all_of_it_and_its_index(self):
        archive = self.archive()
        self.done("index", archive, "--spacing", "64KiB")
        self.assertIn(b"no damage", self.done("verify", archive).stdout)
        self.assertEqual(self.summary(self.done("--json", "verify", "--full", archive).stdout)["damage"], 0)
        self.fails(2, "verify", archive, "--sample", "5%")
        whole = {name: read(archive + name) for name in ("", ".gzidx", ".taridx")}
        points = int.from_bytes(whole[".gzidx"][31:35], "little")
        self.assertGreater(points, 3)
        window = 35 + 18 * points + 32768 + 32767
        second = 35 + 18 * 2

        def flipped(name, at, bit=1):
            return whole[name][:at] + bytes([whole[name][at] ^ bit]) + whole[name][at + 1:]
        fewer = json.loads(whole[".taridx"])[:-1]
        for name, content, says in (("", flipped("", 100_000), "corrupt"), (".gzidx", flipped(".gzidx", window), "window of the point"), (".gzidx", flipped(".gzidx", second + 16, 4), "from the point"),
                                    (".gzidx", flipped(".gzidx", second + 8), "point"), (".taridx", json.dumps(fewer).encode(), "not in the index"),
                                    (".taridx", whole[".taridx"].replace(b"again", b"agair"), "not in the index")):
            with self.subTest(name + " " + says):
                write(archive + name, content)
                self.fails(4, "verify", archive, says=[says] if says != "corrupt" else [])
                write(archive + name, whole[name])
        # What Python's tarfile lists, and of that some, is enough.
        write(archive + ".taridx", json.dumps([{key: one[key] for key in ("name", "offset", "offset_data", "size")} for one in fewer]).encode())
        self.done("verify", archive)

    def test_times_that_stand_in_front_of_all_members(self):
        archive = self.archive("a.tar.gz", "--format=posix", "--pax-option=globexthdr.name=g,mtime:=77")
        self.done("index", archive)
        self.done("restore", archive, "--to", self.path("to"))
        self.assertEqual(os.stat(self.path("to/tree/large")).st_mtime, 77)

    def test_an_archive_of_ours_is_read_by_sidecars_too(self):
        tree = self.make_tree()
        self.done("pack", tree, "-o", self.path("ours.tar.gz"))
        self.done("index", self.path("ours.tar.gz"))
        self.assertEqual(self.done("ls", self.path("ours.tar.gz"), "--index", self.path("ours.tar.gz.gzidx")).stdout, self.done("ls", self.path("ours.tar.gz")).stdout)


if __name__ == "__main__":
    unittest.main()
