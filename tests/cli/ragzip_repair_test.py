#!/usr/bin/env python3
"""ragtape ragzip append and salvage: files that grow, and files that lost their end."""
import fcntl
import os
import signal
import stat
import subprocess
import time
import unittest

from cli import read, write
from ragzip import FOOTER_SIZE, SMALL, RagzipTest, members


class Append(RagzipTest):
    def in_one_go(self, content, *options):
        return self.ragzip("encode", "-", "-o", "-", *SMALL, *options, input=content).stdout

    def test_what_is_behind_the_content_is_not_lost(self):
        made = self.small()
        joined = read(made) + read(made)
        write(self.path("joined.gz"), joined)
        self.fails(1, "ragzip", "append", "joined.gz", input=b"more")
        self.assertEqual(read(self.path("joined.gz")), joined)

    def test_it_equals_one_run_over_everything(self):
        write(self.path("x"), b"of mine")
        for before in (0, 1, 4095, 4096, 4097, 8 * 4096, 8 * 4096 + 1):
            for more in (1, 4095, 4096, 40000):
                with self.subTest(before=before, more=more):
                    old, new = self.content[:before], self.content[before:before + more]
                    write(self.path("b.gz"), self.in_one_go(old, "--extension", "7:x"))
                    self.ragzip("append", "b.gz", input=new)
                    self.assertEqual(read(self.path("b.gz")), self.in_one_go(old + new, "--extension", "7:x"))
        self.ragzip("check", "b.gz")

    def test_from_a_file_and_into_another(self):
        old = read(self.small("b.gz"))
        self.ragzip("append", "b.gz", "a", "-o", "c.gz")
        self.assertEqual(read(self.path("b.gz")), old)
        self.assertEqual(read(self.path("c.gz")), self.in_one_go(2 * self.content))
        self.fails(2, "ragzip", "append", "b.gz", "a", "-o", "c.gz", says=["is there already"])
        self.ragzip("append", "b.gz", "-", "-o", "c.gz", "-f", input=b"x")
        self.assertEqual(self.ragzip("cat", "c.gz", "--tail", "3").stdout, b"9\nx")
        self.ragzip("append", "b.gz", "-", "-o", "./b.gz", input=b"y")
        self.assertEqual(self.ragzip("cat", "b.gz", "--tail", "3").stdout, b"9\ny")

    def test_nothing_to_append_leaves_the_file_as_it_is(self):
        made = self.small("b.gz")
        before = os.stat(made)
        self.ragzip("append", "b.gz", input=b"")
        write(self.path("none"), b"")
        self.ragzip("append", "b.gz", "none")
        after = os.stat(made)
        self.assertEqual((before.st_ino, before.st_mtime_ns, before.st_ctime_ns), (after.st_ino, after.st_mtime_ns, after.st_ctime_ns))

    def test_mode_and_symlink_stay(self):
        made = self.small("b.gz")
        os.chmod(made, 0o640)
        os.symlink("b.gz", self.path("link.gz"))
        self.ragzip("append", "link.gz", input=b"x")
        self.assertTrue(os.path.islink(self.path("link.gz")))
        self.assertEqual(stat.S_IMODE(os.stat(made).st_mode), 0o640)
        self.assertEqual(self.ragzip("cat", "b.gz", "--tail", "1").stdout, b"x")

    def test_a_file_is_not_appended_to_itself(self):
        old = read(self.small("b.gz"))
        os.symlink("b.gz", self.path("link"))
        os.link(self.path("b.gz"), self.path("hard"))
        for name in ("b.gz", "link", "hard"):
            self.fails(2, "ragzip", "append", "b.gz", name, says=["itself"])
        for args in (["-", "a"], ["b.gz", "a", "-o", "-"]):
            self.fails(2, "ragzip", "append", *args)
        self.assertEqual(read(self.path("b.gz")), old)

    def test_what_is_added_is_not_written_over(self):
        self.small("b.gz")
        self.fails(2, "ragzip", "append", "b.gz", "a", "-o", "a", "-f", says=["is the input"])
        self.assertEqual(read(self.path("a")), self.content)

    def test_while_another_holds_it_it_is_usage(self):
        old = read(self.small("b.gz"))
        with open(self.path("b.gz"), "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.fails(2, "ragzip", "append", "b.gz", "a", says=["another program holds it"])
        self.assertEqual(read(self.path("b.gz")), old)
        self.sole("b.gz")
        # A run that is under way holds it from its first bytes on.
        process = self.start("ragzip", "append", "b.gz", stdin=subprocess.PIPE)
        process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        self.wait_until(lambda: any(n.startswith(".part-") for n in os.listdir(self.work)), "a working file")
        self.fails(2, "ragzip", "append", "b.gz", "a", says=["another program holds it"])
        process.stdin.close()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(self.ragzip("cat", "b.gz").stdout, self.content + bytes(1 << 20))

    def test_a_run_that_waits_for_its_input_does_not_undo_another(self):
        self.small("b.gz")
        process = self.start("ragzip", "append", "b.gz", stdin=subprocess.PIPE)
        time.sleep(0.5)
        other = self.run_ragtape("ragzip", "append", "b.gz", input=b"theirs")
        process.stdin.write(b"mine")
        process.stdin.close()
        code = process.wait(timeout=60)
        # Either is refused, or both are there.
        added = (b"theirs" if other.returncode == 0 else b"") + (b"mine" if code == 0 else b"")
        self.assertEqual(self.ragzip("cat", "b.gz").stdout, self.content + added)

    def test_written_to_meanwhile_is_five_and_stays(self):
        self.small("b.gz")
        process = self.start("ragzip", "append", "b.gz", stdin=subprocess.PIPE)
        process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        self.wait_until(lambda: any(n.startswith(".part-") for n in os.listdir(self.work)), "a working file")
        write(self.path("b.gz"), b"another's")
        process.stdin.close()
        self.assertEqual(process.wait(timeout=60), 5)
        self.assertEqual(read(self.path("b.gz")), b"another's")
        self.sole("b.gz")

    def test_an_interrupt_leaves_the_old_file(self):
        old = read(self.small("b.gz"))
        with open(self.path("big"), "wb") as f:
            f.truncate(40 << 30)
        process = self.start("ragzip", "append", "b.gz", "big")
        self.wait_until(lambda: any(n.startswith(".part-") for n in os.listdir(self.work)), "a working file")
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertEqual(read(self.path("b.gz")), old)
        self.sole("b.gz", "big")

    def test_what_is_damaged_is_not_built_upon(self):
        made = self.small("b.gz")
        # The last page, a slot, the footer.
        for place in (members(read(made))[-5] + 200, members(read(made))[-3] + 30, -30):
            broken = self.damaged(made, place)
            old = read(broken)
            with self.subTest(place=place):
                self.fails(1, "ragzip", "append", broken, "a", says=["damaged.gz"])
                self.assertEqual(read(broken), old)

    def test_a_volume_of_a_tape_loses_its_member_index(self):
        archive = self.make_archive(*SMALL)
        done = self.ragzip("append", archive, input=b"x")
        self.assertIn(b"member index", done.stderr)
        self.ragzip("check", archive)
        self.assertEqual(self.summary(self.ragzip("--json", "info", archive).stdout)["extensions"], [])

    def test_the_summary_has_the_fields_of_the_manual(self):
        self.small("b.gz")
        told = self.summary(self.ragzip("--json", "append", "b.gz", input=b"xy").stdout)
        self.assertEqual(set(told) - {"message_type"}, {"output", "logical_size", "bytes_read", "bytes_written", "bytes_kept", "member_index_dropped"})
        self.assertEqual((told["bytes_read"], told["logical_size"], told["bytes_written"]),
                         (2, len(self.content) + 2, os.path.getsize(self.path("b.gz"))))


class Salvage(RagzipTest):
    def make_pack(self):
        tree = self.make_tree()
        write(os.path.join(tree, "numbers"), self.content)
        self.done("pack", tree, "-o", self.path("p.tar.gz"), *SMALL)
        return self.path("p.tar.gz")

    def salvaged(self, code, data, *options):
        """A run over a file of these bytes; its summary. The file made is `out`."""
        write(self.path("cut"), data)
        done = self.exits(code, "--json", "ragzip", "salvage", "cut", "-o", "out", "-f", *options)
        self.assertEqual(read(self.path("cut")), data)
        return self.summary(done.stdout)

    def test_a_lost_or_overwritten_footer_gives_the_original(self):
        write(self.path("x"), b"x")
        for made in (self.small("s.gz", "--extension", "7:x"), self.make_pack()):
            data = read(made)
            for what, left in (("cut", data[:-FOOTER_SIZE]), ("zeros", data[:-FOOTER_SIZE] + bytes(FOOTER_SIZE)), ("whole", data)):
                with self.subTest(made=made, what=what):
                    told = self.salvaged(0, left)
                    self.assertEqual(read(self.path("out")), data)
                    self.assertTrue(told["complete"])

    def test_the_member_index_is_made_again(self):
        archive = self.make_pack()
        data = read(archive)
        info = self.summary(self.ragzip("--json", "info", archive).stdout)
        # In front of the indexes of pages, and of the member index itself.
        for cut in (info["top_index_offset"], info["top_index_offset"] + 5, info["extensions"][0]["offset"]):
            with self.subTest(cut=cut):
                write(self.path("cut"), data[:cut])
                done = self.run_ragtape("--json", "ragzip", "salvage", "cut", "-o", "out", "-f")
                self.assertIn(done.returncode, (0, 3), done.stderr)
                told = self.summary(done.stdout)
                self.assertEqual((told["member_index"], told["logical_size"]), ("rebuilt", info["logical_size"]))
                self.assertEqual(self.done("ls", "out").stdout, self.done("ls", archive).stdout)
                self.done("verify", "--full", "out")
                self.done("restore", "out", "--to", self.path("to%d" % cut))
                self.assertEqual(read(self.path("to%d" % cut, "tree", "numbers")), self.content)
                self.ragzip("check", "out")

    def test_what_is_in_front_of_a_cut_is_saved_and_the_loss_is_three(self):
        data = read(self.small())
        starts = members(data)
        for cut in range(starts[1] + 1, len(data) - FOOTER_SIZE, 3001):
            if cut in starts:
                continue
            with self.subTest(cut=cut):
                told = self.salvaged(3, data[:cut], "--page-size", "4K")
                self.assertTrue(told["complete"] is False and told["bytes_lost"] is None)
                self.assertEqual(told["damage_offset"], max(at for at in starts if at < cut))
                got = self.ragzip("cat", "out").stdout
                self.assertEqual(got, self.content[:told["logical_size"]])
                self.assertEqual(told["pages"], -(-len(got) // 4096))
                self.ragzip("check", "out")

    def test_a_cut_between_two_members_is_no_success(self):
        data = read(self.small())
        for cut in members(data)[1:-4]:
            with self.subTest(cut=cut):
                write(self.path("cut"), data[:cut])
                done = self.exits(3, "--json", "ragzip", "salvage", "cut", "-o", "out", "-f", "--page-size", "4K")
                self.assertFalse(self.summary(done.stdout)["complete"])
                self.assertIn(b"nobody knows", done.stderr)

    def test_a_footer_that_is_cut_or_claims_less_loses_nothing(self):
        data = read(self.make_pack())
        for left in (data[:-10], data[:-34] + b"XX" + data[-32:], data[:-63]):
            with self.subTest(left=len(left)):
                self.salvaged(0, left)
                self.assertEqual(read(self.path("out")), data)

    def test_nothing_is_nothing_to_salvage(self):
        write(self.path("none"), b"")
        self.fails(1, "ragzip", "salvage", "none", "-o", "out")

    def test_a_damaged_page_loses_what_is_behind_it_and_the_size_is_known(self):
        made = self.small()
        start = members(read(made))[10]
        broken = read(self.damaged(made, start + 700))
        told = self.salvaged(3, broken)
        self.assertEqual(told["damage_offset"], start)
        # One member in front is an index.
        self.assertEqual((told["pages"], told["logical_size"]), (9, 9 * 4096))
        text = self.exits(3, "ragzip", "salvage", "cut", "-o", "-").stderr.decode()
        self.assertIn("lost: content from byte %d on" % (9 * 4096), text)

    def test_half_an_archive_gives_its_whole_members(self):
        data = read(self.make_pack())
        told = self.salvaged(3, data[:len(data) // 2])
        self.assertEqual(told["member_index"], "rebuilt")
        self.assertIn(b"tree/dir/file\n", self.done("ls", "out").stdout)
        self.assertEqual(self.done("cat", "out", "tree/dir/file").stdout, b"hello\n")

    def test_nothing_to_salvage_is_one_and_makes_nothing(self):
        data = read(self.small())
        for what, left in (("head", data[:10]), ("text", b"text" * 99), ("page", data[:1000])):
            with self.subTest(what=what):
                write(self.path("cut"), left)
                self.fails(1, "ragzip", "salvage", "cut", "-o", "out", says=["cut: "])
                self.sole("s.gz", "cut")

    def test_it_is_never_in_place(self):
        made = self.small()
        old = read(made)
        self.fails(2, "ragzip", "salvage", "s.gz", "-o", "s.gz", "-f", says=["is the input"])
        self.fails(2, "ragzip", "salvage", "s.gz", says=["--output"])
        write(self.path("out"), b"mine")
        self.fails(2, "ragzip", "salvage", "s.gz", "-o", "out")
        self.assertEqual((read(made), read(self.path("out"))), (old, b"mine"))

    def test_to_stdout_it_is_the_same(self):
        made = self.small()
        write(self.path("cut"), read(made)[:-FOOTER_SIZE])
        self.assertEqual(self.ragzip("salvage", "cut", "-o", "-").stdout, read(made))
        self.assertEqual(self.ragzip("salvage", "cut", "-o", "/dev/stdout").stdout, read(made))

    def test_the_caller_may_know_better(self):
        data = read(self.small())
        for option in ("--page-size=4097", "--page-size=256", "--index-exponent=13", "--page-size=x"):
            with self.subTest(option=option):
                write(self.path("cut"), data)
                self.fails(2, "ragzip", "salvage", "cut", "-o", "out", option)
        told = self.salvaged(0, data, "--index-exponent", "3")
        self.assertEqual((told["index_exponent"], told["index_exponent_known"]), (3, True))

    def test_the_summary_has_the_fields_of_the_manual(self):
        told = self.salvaged(0, read(self.make_pack()))
        self.assertEqual(set(told) - {"message_type"}, {
            "output", "logical_size", "pages", "page_size", "index_exponent", "index_exponent_known", "extensions", "bytes_written", "bytes_behind",
            "complete", "member_index", "members", "damage", "damage_offset", "bytes_lost"})
        self.assertEqual((told["member_index"], told["members"], told["damage"], told["bytes_lost"]), ("kept", 7, None, 0))
        self.assertEqual(told["bytes_written"], os.path.getsize(self.path("out")))


if __name__ == "__main__":
    unittest.main()
