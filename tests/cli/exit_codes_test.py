#!/usr/bin/env python3
"""Exit codes, and that a failed run makes nothing."""
import os
import socket
import unittest

from cli import CliTest, read, write


class ExitCodes(CliTest):
    def test_usage_errors_make_nothing(self):
        tree = self.make_tree()
        out = self.path("out.tar.gz")
        cases = [
            ("no verb", []),
            ("no arguments", ["pack"]),
            ("no output", ["pack", tree]),
            ("no target", ["restore", "x"]),
            ("no path to cat", ["cat", "x"]),
            ("unknown flag", ["pack", tree, "-o", out, "--bogus"]),
            ("two trees", ["pack", tree, tree, "-o", out]),
            ("two trees to scan", ["scan", tree, tree]),
            ("level 0", ["pack", tree, "-o", out, "--level", "0"]),
            ("level 13", ["pack", tree, "-o", out, "--level", "13"]),
            ("level of zlib", ["pack", tree, "-o", out, "--level", "10", "--engine", "zlib"]),
            ("level of isal", ["pack", tree, "-o", out, "--level", "4", "--engine", "isal"]),
            ("negative level of isal", ["pack", tree, "-o", out, "--level", "-1", "--engine", "isal"]),
            ("no number", ["pack", tree, "-o", out, "--level", "six"]),
            ("engine", ["pack", tree, "-o", out, "--engine", "lzma"]),
            ("page below 512", ["pack", tree, "-o", out, "--page-size", "256"]),
            ("page above 1 GiB", ["pack", tree, "-o", out, "--page-size", "2GiB"]),
            ("page no power of two", ["pack", tree, "-o", out, "--page-size", "100KB"]),
            ("page of another unit", ["pack", tree, "-o", out, "--page-size", "1XiB"]),
            ("negative page", ["pack", tree, "-o", out, "--page-size", "-512"]),
            ("index exponent 0", ["pack", tree, "-o", out, "--index-exponent", "0"]),
            ("index exponent 11", ["pack", tree, "-o", out, "--index-exponent", "11"]),
            ("index exponent 13", ["pack", tree, "-o", out, "--index-exponent", "13", "--compat", "off"]),
            ("absolute prefix", ["pack", tree, "-o", out, "--prefix", "/abs"]),
            ("prefix with ..", ["scan", tree, "--prefix", "a/../b"]),
            ("long prefix", ["scan", tree, "--prefix", "p" * 100]),
            ("metadata", ["scan", tree, "--metadata", "some"]),
            ("overwrite", ["restore", out, "--to", self.path("to"), "--overwrite", "sometimes"]),
        ]
        for name, args in cases:
            with self.subTest(name=name):
                done = self.fails(2, *args)
                self.assertIn(b"hint: ", done.stderr) if name == "two trees" else None
                self.assertEqual(done.stdout, b"")
                self.assertFalse(os.path.lexists(out))
        self.assertEqual(sorted(os.listdir(self.work)), ["tmp", "tree"])

    def test_sizes_have_binary_and_decimal_units(self):
        tree = self.make_tree()
        sizes = (("1024", 1024), ("1K", 1024), ("1KiB", 1024), ("1M", 1 << 20), ("1MiB", 1 << 20))
        for i, (text, size) in enumerate(sizes):
            out = self.path("%d.tar.gz" % i)
            self.done("pack", tree, "-o", out, "--page-size", text)
            self.assertEqual(self.summary(self.done("--json", "info", out).stdout)["page_size"], size)
        self.fails(2, "pack", tree, "-o", self.path("x"), "--page-size", "1KB", says=["power of two"])

    def test_a_flag_of_exponents_above_ten_needs_compat_off(self):
        out = self.path("out.tar.gz")
        self.done("pack", self.make_tree(), "-o", out, "--index-exponent", "12", "--compat", "off")
        self.done("verify", "--full", out)

    def test_source_date_epoch_must_be_whole_seconds(self):
        tree = self.make_tree()
        for value in ("abc", "1.5", "12x", "99999999999999999999"):
            with self.subTest(value=value):
                self.fails(2, "scan", tree, env={"SOURCE_DATE_EPOCH": value}, says=["SOURCE_DATE_EPOCH"])
        self.done("scan", tree, env={"SOURCE_DATE_EPOCH": ""})
        self.done("scan", tree, env={"SOURCE_DATE_EPOCH": "-5"})

    def test_an_output_that_exists_is_not_touched(self):
        tree = self.make_tree()
        out = self.path("out.tar.gz")
        write(out, b"precious")
        self.fails(2, "pack", tree, "-o", out, says=["is there already"])
        self.assertEqual(read(out), b"precious")
        os.unlink(out)
        os.symlink("nowhere", out)
        self.fails(2, "pack", tree, "-o", out)
        self.assertFalse(os.path.exists(self.path("nowhere")))

    def test_an_archive_or_tape_inside_the_source_is_refused(self):
        tree = self.make_tree()
        os.symlink(tree, self.path("way"))
        for out in (os.path.join(tree, "out"), os.path.join(tree, "dir", "out"), os.path.join(tree, "dir", "..", "out"), self.path("way", "out")):
            for verb in ("pack", "scan"):
                with self.subTest(verb=verb, out=out):
                    self.fails(2, verb, tree, "-o", out, says=["would lie in the source"])
        self.fails(2, "pack", ".", "-o", "out", cwd=tree)
        self.assertEqual(sorted(os.listdir(tree)), ["dir", "empty", "link", "second"])
        # A folder whose name begins with that of the source is not inside.
        os.mkdir(tree + "2")
        self.done("pack", tree, "-o", os.path.join(tree + "2", "out"))

    def test_a_scan_does_not_write_over_what_is_no_tape(self):
        tree = self.make_tree()
        write(self.path("thesis.txt"), b"precious")
        self.fails(2, "scan", tree, "-o", self.path("thesis.txt"))
        self.assertEqual(read(self.path("thesis.txt")), b"precious")

    def test_a_scan_replaces_its_own_older_tape(self):
        tree = self.make_tree()
        self.done("scan", tree, "-o", self.path("a.tape"))
        write(os.path.join(tree, "more"))
        self.done("scan", tree, "-o", self.path("a.tape"))
        self.assertEqual(self.summary(self.done("--json", "info", self.path("a.tape")).stdout)["entries"], 7)

    def test_a_damaged_tape_is_named_and_a_scan_replaces_it(self):
        tree = self.make_tree()
        self.done("scan", tree, "-o", self.path("a.tape"))
        whole = read(self.path("a.tape"))
        for name, damaged in (("cut", whole[:4096]), ("another name", whole.replace(b"dir/file", b"dir/fila"))):
            with self.subTest(name=name):
                write(self.path("a.tape"), damaged)
                self.fails(1, "info", self.path("a.tape"), says=["a.tape"])
                self.done("scan", tree, "-o", self.path("a.tape"))
                self.done("info", self.path("a.tape"))

    def test_what_is_not_there_is_ten(self):
        archive = self.make_archive()
        none = self.path("none")
        for args in (["pack", none, "-o", self.path("x")], ["scan", none], ["info", none], ["play", none], ["ls", none],
                     ["cat", none, "x"], ["restore", none, "--to", self.path("to")], ["verify", none],
                     ["cat", archive, "tree/none"], ["ls", archive, "tree/none"], ["restore", archive, "tree/none", "--to", self.path("to")],
                     ["pack", self.path("tree"), "-o", self.path("no", "folder", "x")]):
            with self.subTest(args=args):
                self.fails(10, *args, says=["none" if none in args or "tree/none" in args else "no"])
        self.assertFalse(os.path.exists(self.path("to")))
        done = self.fails(10, "cat", archive, "tree/dir/fil")
        self.assertIn(b"hint: nearest: ", done.stderr)
        self.assertIn(b"tree/dir/file", done.stderr)

    def test_garbage_as_archive_is_one_and_names_it(self):
        archive = self.make_archive()
        whole = read(archive)
        write(self.path("text"), b"hello world, this is no archive at all " * 10)
        write(self.path("nothing"), b"")
        write(self.path("cut"), whole[:-30])
        write(self.path("plain.gz"), b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0" + bytes(8))
        os.mkdir(self.path("folder"))
        os.mkfifo(self.path("fifo"))
        for name in ("text", "nothing", "cut", "plain.gz", "fifo"):
            for args in (["ls", name], ["info", name], ["cat", name, "x"], ["restore", name, "--to", "to"]):
                with self.subTest(name=name, verb=args[0]):
                    self.fails(1, *args, says=[name])
        # A folder is a store, and this one holds nothing.
        self.fails(10, "ls", self.path("folder"), says=["folder", "no snapshots"])
        self.assertFalse(os.path.exists(self.path("to")))

    def test_garbage_as_tape_is_one(self):
        self.done("scan", self.make_tree(), "-o", self.path("a.tape"))
        whole = read(self.path("a.tape"))
        write(self.path("cut.tape"), whole[:5000])
        write(self.path("text.tape"), b"text")
        write(self.path("other.tape"), b"SQLite format 3\0" + bytes(200))
        for name in ("cut.tape", "text.tape", "other.tape"):
            with self.subTest(name=name):
                self.fails(1, "play", name, says=[name])
                self.fails(1, "info", name)

    def test_damage_is_four_for_verify_and_one_elsewhere(self):
        archive = self.make_archive("--page-size", "512")
        flipped = bytearray(read(archive))
        flipped[20] ^= 1
        write(archive, bytes(flipped))
        self.fails(4, "verify", "--full", archive, says=["a.tar.gz", "page"])
        self.fails(4, "verify", "--sample", "100%", archive)
        # Without pages decoded the indexes are sound.
        self.done("verify", archive)
        self.exits(1, "restore", archive, "--to", self.path("to"))
        write(self.path("text"), b"no archive")
        self.fails(4, "verify", self.path("text"))

    def test_a_sample_is_a_share(self):
        archive = self.make_archive()
        for share in ("0%", "100%", "5%", "0.5%", "50"):
            self.done("verify", "--sample", share, archive)
        for share in ("101%", "-1%", "x", "", "5%%", "nan"):
            with self.subTest(share=share):
                self.fails(2, "verify", "--sample=" + share, archive)
        self.fails(2, "verify", "--sample", "5%", "--full", archive)
        decoded = self.summary(self.done("--json", "verify", "--sample", "0%", archive).stdout)["pages_decoded"]
        self.assertEqual(decoded, 0)

    def test_a_changed_source_is_six(self):
        tree = self.make_tree()
        self.done("scan", tree)
        write(os.path.join(tree, "empty"), b"no longer")
        done = self.fails(6, "play", tree, says=["empty", "hint: "])
        self.assertLess(len(done.stdout), 10240)
        # What was given out is the beginning of the tape.
        self.assertEqual(len(done.stdout) % 512, 0)

    def test_unreadable_entries_are_three_and_the_rest_is_there(self):
        tree = self.make_tree()
        os.chmod(os.path.join(tree, "dir", "file"), 0)
        os.mkdir(os.path.join(tree, "closed"))
        os.chmod(os.path.join(tree, "closed"), 0)
        self.give_to_nobody(tree)
        out = self.path("tmp", "out.tar.gz")
        done = self.exits(3, "pack", tree, "-o", out, as_nobody=True)
        for name in (b"closed", b"dir/file", b"second"):
            self.assertIn(b"ragtape: warning: " + name + b": ", done.stderr)
        names = self.done("ls", out).stdout
        self.assertEqual(names, b"tree/\ntree/closed/\ntree/dir/\ntree/empty\ntree/link\n")
        os.chmod(self.work, 0o777)
        self.exits(3, "scan", tree, "-o", self.path("tmp", "a.tape"), as_nobody=True)
        self.exits(3, "play", self.path("tmp", "a.tape"), as_nobody=True)

    def give_to_nobody(self, tree):
        """As root only; nobody else can give files away, and nobody else needs to."""
        if os.geteuid() != 0:
            return
        for folder, folders, files in os.walk(tree):
            for name in [".", *folders, *files]:
                os.lchown(os.path.join(folder, name), 65534, 65534)

    def test_a_source_or_output_that_is_closed_is_twelve(self):
        tree = self.make_tree()
        out = self.path("tmp", "out.tar.gz")
        os.chmod(tree, 0)
        self.give_to_nobody(self.path("tree"))
        self.fails(12, "pack", tree, "-o", out, as_nobody=True, says=["tree"])
        self.fails(12, "scan", tree, "-o", self.path("tmp", "x.tape"), as_nobody=True)
        os.chmod(tree, 0o755)
        os.mkdir(self.path("closed"))
        os.chmod(self.path("closed"), 0o500)
        if os.geteuid() == 0:
            os.chown(self.path("closed"), 0, 0)
        self.fails(12, "pack", tree, "-o", self.path("closed", "x"), as_nobody=True)
        archive = self.path("tmp", "a.tar.gz")
        self.done("pack", tree, "-o", archive)
        os.chmod(archive, 0)
        self.fails(12, "ls", archive, as_nobody=True)

    def test_a_single_file_that_cannot_be_read_is_twelve_and_makes_nothing(self):
        write(self.path("secret"))
        os.chmod(self.path("secret"), 0)
        out = self.path("tmp", "out.tar.gz")
        self.fails(12, "pack", self.path("secret"), "-o", out, as_nobody=True, says=["secret"])
        self.assertEqual(os.listdir(self.tmp), [])

    def test_files_left_alone_are_three(self):
        archive = self.make_archive()
        self.done("restore", archive, "--to", self.path("to"))
        write(self.path("to", "tree", "dir", "file"), b"mine")
        self.exits(3, "restore", archive, "--to", self.path("to"))
        self.assertEqual(read(self.path("to", "tree", "dir", "file")), b"mine")
        self.done("restore", archive, "--to", self.path("to"), "--overwrite", "always")
        self.assertEqual(read(self.path("to", "tree", "dir", "file")), b"hello\n")

    def test_sockets_are_counted_and_no_failure(self):
        tree = self.make_tree()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(os.path.join(tree, "socket"))
        done = self.done("pack", tree, "-o", self.path("out.tar.gz"))
        self.assertIn(b"1 socket", done.stderr)
        self.assertNotIn(b"socket\n", self.done("ls", self.path("out.tar.gz")).stdout)

    def test_play_seeks_and_refuses_what_is_behind_the_end(self):
        tree = self.make_tree()
        self.done("scan", tree)
        whole = self.done("play", tree).stdout
        self.assertEqual(self.done("play", tree, "--offset", "700").stdout, whole[700:])
        self.assertEqual(self.done("play", tree, "--offset", "700", "--length", "3").stdout, whole[700:703])
        self.assertEqual(self.done("play", tree, "--offset", str(len(whole))).stdout, b"")
        self.assertEqual(self.done("play", tree, "--length", "0").stdout, b"")
        self.assertEqual(self.done("play", tree, "--length", str(10 * len(whole))).stdout, whole)
        for offset in (str(len(whole) + 1), "18446744073709551615", "-1", "x", "1.5", "18446744073709551616"):
            with self.subTest(offset=offset):
                self.fails(2, "play", tree, "--offset=" + offset)

    def test_leading_zeros_of_a_number_are_decimal(self):
        tree = self.make_tree()
        self.done("scan", tree)
        whole = self.done("play", tree).stdout
        self.assertEqual(self.done("play", tree, "--offset", "0512").stdout, whole[512:])


if __name__ == "__main__":
    unittest.main()
