#!/usr/bin/env python3
"""ragtape ragzip encode, decode, cat, info and check."""
import gzip
import json
import os
import signal
import stat
import subprocess
import unittest
import zlib

from cli import RAGTAPE, read, write
from ragzip import SMALL, RagzipTest, members

READING = {"requests", "bytes_read"}


class Names(RagzipTest):
    def test_files_and_pipes_hold_the_same(self):
        made = read(self.encoded())
        self.assertEqual(gzip.decompress(made), self.content)
        self.assertEqual(self.ragzip("encode", input=self.content).stdout, made)
        self.assertEqual(self.ragzip("encode", "-", "-o", "-", input=self.content).stdout, made)
        self.assertEqual(self.ragzip("encode", "a", "-o", "/dev/stdout").stdout, made)
        self.ragzip("encode", "-", "-o", "b.gz", input=self.content)
        self.assertEqual(read(self.path("b.gz")), made)
        self.assertEqual(self.ragzip("decode", input=made).stdout, self.content)
        self.assertEqual(self.ragzip("decode", "a.gz", "-o", "/dev/stdout").stdout, self.content)
        self.assertEqual(self.ragzip("decode", "a.gz", "-o", "-").stdout, self.content)

    def test_a_named_pipe_is_read_as_a_pipe(self):
        os.mkfifo(self.path("pipe"))
        process = self.start("ragzip", "encode", "pipe", "-o", "b.gz")
        with open(self.path("pipe"), "wb") as pipe:
            pipe.write(self.content)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(gzip.decompress(read(self.path("b.gz"))), self.content)

    def test_default_names(self):
        self.ragzip("encode", "a")
        made = read(self.path("a.gz"))
        for name, content in (("b.gz", "b"), ("c.rgz", "c"), ("d.tgz", "d.tar"), ("e.taz", "e.tar"), ("f.tar.gz", "f.tar")):
            with self.subTest(name=name):
                write(self.path(name), made)
                self.ragzip("decode", name)
                self.assertEqual(read(self.path(content)), self.content)
                self.assertEqual(read(self.path(name)), made)

    def test_another_suffix_asks_for_a_name(self):
        made = self.encoded()
        for name in ("b", "b.zip", ".gz", "b.gz.old"):
            with self.subTest(name=name):
                os.rename(made, self.path(name))
                made = self.path(name)
                self.fails(2, "ragzip", "decode", name, says=[".rgz", "-o"])
        os.mkdir(self.path("folder"))
        os.rename(made, self.path("folder", ".tgz"))
        self.fails(2, "ragzip", "decode", "folder/.tgz", says=["-o"])
        self.sole("folder")

    def test_what_is_there_stays_without_force(self):
        self.encoded()
        write(self.path("b"), b"mine")
        for args in (["encode", "a"], ["encode", "a", "-o", "b"], ["decode", "a.gz"], ["decode", "a.gz", "-o", "b"]):
            with self.subTest(args=args):
                self.fails(2, "ragzip", *args, says=["is there already", "-f"])
        self.assertEqual(read(self.path("b")), b"mine")
        self.assertEqual(read(self.path("a")), self.content)
        self.sole("a.gz", "b")

    def test_force_replaces_and_keeps_the_mode(self):
        for args in (["encode", "a"], ["decode", "a.gz"]):
            write(self.path("b"), b"mine")
            os.chmod(self.path("b"), 0o640)
            os.symlink("b", self.path("l"))
            self.ragzip(*args, "-o", "l", "-f", "-j", "2")
            self.assertTrue(os.path.islink(self.path("l")))
            self.assertEqual(stat.S_IMODE(os.stat(self.path("b")).st_mode), 0o640)
            os.unlink(self.path("l"))
            os.rename(self.path("b"), self.path("a.gz" if args[0] == "encode" else "c"))
        self.assertEqual(read(self.path("c")), self.content)

    def test_only_a_regular_file_is_replaced(self):
        os.mkdir(self.path("folder"))
        self.fails(2, "ragzip", "encode", "a", "-o", "folder", "-f")
        os.symlink("nowhere/x", self.path("l"))
        self.fails(10, "ragzip", "encode", "a", "-o", "l", "-f")
        self.sole("folder", "l")

    def test_the_input_is_never_written_over(self):
        made = read(self.encoded())
        os.symlink("a", self.path("link"))
        os.link(self.path("a"), self.path("hard"))
        for source, target in (("a", "a"), ("a", "./a"), ("a", "link"), ("a", "hard"), ("link", "a"), ("hard", "link")):
            with self.subTest(source=source, target=target):
                self.fails(2, "ragzip", "encode", source, "-o", target, "-f", says=["is the input"])
        self.fails(2, "ragzip", "decode", "a.gz", "-o", "a.gz", "-f", says=["is the input"])
        self.assertEqual(read(self.path("a")), self.content)
        self.assertEqual(read(self.path("a.gz")), made)


class Encode(RagzipTest):
    def test_any_number_of_jobs_makes_the_same(self):
        made = read(self.small())
        for jobs in ("1", "2", "7"):
            with self.subTest(jobs=jobs):
                self.assertEqual(self.ragzip("encode", "a", "-o", "-", "-j", jobs, *SMALL).stdout, made)
                self.ragzip("encode", "a", "-o", "b", "-f", "-j", jobs, *SMALL)
                self.assertEqual(read(self.path("b")), made)
                self.assertEqual(self.ragzip("decode", "s.gz", "-o", "-", "-j", jobs).stdout, self.content)
                self.assertEqual(self.ragzip("decode", "-j", jobs, input=made).stdout, self.content)

    def test_nothing_is_a_file_too(self):
        made = self.ragzip("encode", input=b"").stdout
        self.assertEqual(len(made), 84)
        write(self.path("e.gz"), made)
        self.assertEqual(self.ragzip("decode", "e.gz", "-o", "-").stdout, b"")
        self.assertEqual(self.ragzip("cat", "e.gz").stdout, b"")
        self.ragzip("check", "e.gz")
        self.assertEqual(self.summary(self.ragzip("info", "e.gz", "--json").stdout)["pages"], 0)

    def test_plain_is_one_member(self):
        made = self.ragzip("encode", "a", "-o", "-", "--plain").stdout
        inflater = zlib.decompressobj(31)
        self.assertEqual(inflater.decompress(made), self.content)
        self.assertEqual((inflater.eof, inflater.unused_data), (True, b""))
        self.assertEqual(self.ragzip("decode", input=made).stdout, self.content)
        dense = self.ragzip("encode", "a", "-o", "-", "--plain", "--level", "9", "--engine", "zlib").stdout
        self.assertEqual(gzip.decompress(dense), self.content)
        self.assertNotEqual(dense, self.ragzip("encode", "a", "-o", "-", "--plain", "--level", "1").stdout)

    def test_the_summary_of_plain_has_the_size_of_the_file(self):
        told = self.summary(self.ragzip("--json", "encode", "a", "-o", "b.gz", "--plain").stdout)
        self.assertEqual(told["bytes_written"], os.path.getsize(self.path("b.gz")))

    def test_what_others_may_not_read_they_may_not_read_afterwards(self):
        os.chmod(self.path("a"), 0o600)
        for args, made in ((["encode", "a"], "a.gz"), (["encode", "a", "-o", "b.gz", "--plain"], "b.gz"), (["decode", "a.gz", "-o", "c"], "c")):
            with self.subTest(args=args):
                self.ragzip(*args)
                self.assertEqual(stat.S_IMODE(os.stat(self.path(made)).st_mode), 0o600)

    def test_plain_refuses_what_it_has_no_place_for(self):
        for option in ("--page-size=4K", "--index-exponent=3", "--compat=on", "--extension=1:a", "--engine=libdeflate", "--level=12"):
            with self.subTest(option=option):
                self.fails(2, "ragzip", "encode", "a", "--plain", option)
        self.sole()

    def test_extensions_are_given_back_as_they_were(self):
        every = bytes(range(256))
        write(self.path("x"), every)
        write(self.path("none"), b"")
        self.encoded("b.gz", "--extension", "7:x", "--extension", "0xFFFFFFFF:none", "--extension", "9:x")
        self.assertEqual(self.ragzip("info", "b.gz", "--extension", "0x7").stdout, every)
        self.assertEqual(self.ragzip("info", "b.gz", "--extension", "4294967295").stdout, b"")
        self.fails(10, "ragzip", "info", "b.gz", "--extension", "8", says=["0x00000008"])
        self.fails(2, "ragzip", "info", "b.gz", "--extension", "x")
        told = self.summary(self.ragzip("--json", "info", "b.gz").stdout)["extensions"]
        self.assertEqual([(e["id"], e["size"], e["flags"]) for e in told], [(7, 256, 0), (4294967295, 0, 0), (9, 256, 0)])
        self.assertEqual(gzip.decompress(read(self.path("b.gz"))), self.content)

    def test_of_two_with_one_id_the_last_counts(self):
        write(self.path("x"), b"first")
        write(self.path("y"), b"last")
        self.encoded("b.gz", "--extension", "7:x", "--extension", "7:y")
        self.assertEqual(self.ragzip("info", "b.gz", "--extension", "7").stdout, b"last")

    def test_extensions_that_cannot_be_are_refused_before_anything_is_made(self):
        sizes = {"least": 16367, "more": 16368, "most": 32768, "over": 32769}
        for name, size in sizes.items():
            write(self.path(name), bytes(size))
        for ids in ("x:a", "7", "7:", ":least", "4294967296:least", "0x100000000:least", "0x:least", "-1:least", "+1:least", " 1:least", "1.5:least"):
            with self.subTest(ids=ids):
                self.fails(2, "ragzip", "encode", "a", "--extension=" + ids)
        self.fails(2, "ragzip", "encode", "a", *["--extension=%d:least" % i for i in range(51)], says=["50"])
        self.fails(10, "ragzip", "encode", "a", "--extension", "7:missing", says=["missing"])
        self.fails(2, "ragzip", "encode", "a", "--extension", "7:more", says=["16367"])
        self.fails(2, "ragzip", "encode", "a", "--compat", "off", "--extension", "7:over", says=["32768"])
        self.sole(*sizes)
        self.encoded("b.gz", *["--extension=%d:least" % i for i in range(50)])
        self.encoded("c.gz", "--compat", "off", "--extension", "7:most")
        self.assertEqual(len(self.ragzip("info", "c.gz", "--extension", "7").stdout), 32768)


class Decode(RagzipTest):
    def test_any_gzip_file(self):
        plain = gzip.compress(self.content)
        for name, data, times in (("one", plain, 1), ("two", plain + plain, 2), ("padded", plain + bytes(100), 1)):
            with self.subTest(name=name):
                write(self.path(name + ".gz"), data)
                self.ragzip("decode", name + ".gz")
                self.assertEqual(read(self.path(name)), self.content * times)
                self.assertEqual(self.ragzip("decode", input=data).stdout, self.content * times)

    def test_volumes_in_a_pipe_are_one_stream(self):
        made = read(self.small())
        self.assertEqual(self.ragzip("decode", input=made + made).stdout, 2 * self.content)

    def test_damage_makes_no_file(self):
        made = self.small()
        for name, data in (("page", read(self.damaged(made, 3000))), ("footer", read(self.damaged(made, -30))), ("cut", read(made)[:-10]),
                           ("junk", gzip.compress(self.content) + b"junk"), ("nothing", b""), ("text", b"text" * 99)):
            with self.subTest(name=name):
                write(self.path("b.gz"), data)
                self.fails(1, "ragzip", "decode", "b.gz", says=["b.gz: "])
                self.assertFalse(os.path.exists(self.path("b")))
                self.assertEqual([n for n in os.listdir(self.work) if n.startswith(".part-")], [])

    def test_a_broken_footer_does_not_matter_to_lenient(self):
        broken = self.damaged(self.small(), -30)
        self.assertEqual(self.ragzip("decode", "--lenient", broken, "-o", "-").stdout, self.content)
        self.fails(1, "ragzip", "decode", broken, "-o", "b")
        self.fails(1, "ragzip", "decode", "--lenient", self.damaged(broken, 3000), "-o", "b")
        self.assertFalse(os.path.exists(self.path("b")))

    def test_joined_files_are_no_ragzip_file_but_one_stream(self):
        made = read(self.small())
        for second in (read(self.encoded("c.gz")), made):
            write(self.path("b.gz"), made + second)
            self.fails(1, "ragzip", "cat", "b.gz")
            self.fails(1, "ragzip", "decode", "b.gz", "-f", says=["hint: --lenient"])
            self.ragzip("decode", "--lenient", "b.gz", "-f")
            self.assertEqual(read(self.path("b")), 2 * self.content)
            with open(self.path("b.gz"), "rb") as joined:
                self.assertEqual(self.ragzip("decode", stdin=joined).stdout, 2 * self.content)

    def test_lenient_says_what_it_goes_past(self):
        broken = self.damaged(self.small(), -30)
        self.assertIn(b"ragtape: warning: ", self.ragzip("decode", "--lenient", broken, "-o", "b").stderr)


class Cat(RagzipTest):
    def test_ranges_are_slices(self):
        self.small()
        size = len(self.content)
        for mode in ("cached", "loaded", "direct"):
            for at, length in ((0, 0), (0, 10), (4095, 2), (4096, 4096), (50000, 20000), (size - 3, 100), (size, 5)):
                with self.subTest(mode=mode, at=at, length=length):
                    done = self.ragzip("cat", "s.gz", "--index-mode", mode, "--offset", str(at), "--length", str(length))
                    self.assertEqual(done.stdout, self.content[at:at + length])
            for tail in (0, 1, 5000, size, size + 1):
                with self.subTest(mode=mode, tail=tail):
                    done = self.ragzip("cat", "s.gz", "--index-mode", mode, "--tail", str(tail))
                    self.assertEqual(done.stdout, self.content[max(0, size - tail):])
            self.assertEqual(self.ragzip("cat", "s.gz", "--index-mode", mode).stdout, self.content)
        self.assertEqual(self.ragzip("cat", "s.gz", "--tail", "1K", "--length", "5").stdout, self.content[-1024:-1019])

    def test_what_is_no_range_is_usage(self):
        self.small()
        for args in (["--offset=%d" % (len(self.content) + 1)], ["--offset=-1"], ["--offset=x"], ["--length=-1"], ["--tail=x"],
                     ["--offset=1", "--tail=1"], ["--index-mode=fast"]):
            with self.subTest(args=args):
                self.assertEqual(self.fails(2, "ragzip", "cat", "s.gz", *args).stdout, b"")

    def test_no_wrong_byte_of_a_damaged_page(self):
        made = self.small()
        starts = members(read(made))
        # Page 1: in its content, its CRC32, its length.
        for place in (starts[1] + 700, starts[2] - 8, starts[2] - 2):
            broken = self.damaged(made, place)
            for mode in ("cached", "loaded", "direct"):
                with self.subTest(place=place, mode=mode):
                    done = self.fails(1, "ragzip", "cat", broken, "--index-mode", mode, says=["damaged.gz: ", str(starts[1])])
                    self.assertTrue(self.content.startswith(done.stdout))
                    self.assertLessEqual(len(done.stdout), 4096)
                    self.assertEqual(self.ragzip("cat", broken, "--index-mode", mode, "--tail", "9").stdout, self.content[-9:])

    def test_lenient_goes_by_the_members_and_says_so(self):
        made = self.small()
        data = read(made)
        starts = members(data)
        for place in (-30, starts[-2] - 12, starts[9] + 25):
            broken = self.damaged(made, place)
            for args in (["cat"], ["info"]):
                with self.subTest(place=place, args=args):
                    self.fails(1, "ragzip", *args, broken, "--index-mode", "loaded")
                    done = self.ragzip(*args, broken, "--index-mode", "loaded", "--lenient")
                    self.assertIn(b"ragtape: warning: ", done.stderr)
                    self.assertIn(b"--lenient", done.stderr)
                    if args == ["cat"]:
                        self.assertEqual(done.stdout, self.content)
        # Nothing to say of a sound file; a damaged page is an error all the same.
        self.assertEqual(self.ragzip("cat", made, "--lenient").stderr, b"")
        self.fails(1, "ragzip", "cat", self.damaged(made, -30, 3000), "--lenient")


class InfoAndCheck(RagzipTest):
    def test_the_picture_has_every_place(self):
        write(self.path("x"), b"x")
        self.small("s.gz", "--extension", "7:x")
        told = self.summary(self.ragzip("--json", "info", "s.gz").stdout)
        text = self.ragzip("info", "s.gz").stdout.decode()
        for word in ("4.0 KiB (2^12)", "8 slots (2^3)", "27 pages", "top index, level 2", "extension 0x00000007, 1 bytes", "footer", "gzip -l"):
            self.assertIn(word, text)
        self.assertEqual(set(told) - {"message_type"}, READING | {
            "size", "logical_size", "page_size", "page_exponent", "index_exponent", "levels", "pages", "indexes", "top_index_offset", "footer_offset",
            "extensions", "broken"})
        starts = members(read(self.path("s.gz")))
        self.assertEqual((told["top_index_offset"], told["extensions"][0]["offset"], told["footer_offset"]), tuple(starts[-4:-1]))
        for place in starts[-4:]:
            self.assertRegex(text, r"(?m)^ +%d  [|+]" % place)
        self.assertEqual((told["size"], told["logical_size"], told["pages"], told["indexes"]), (starts[-1], len(self.content), 27, [4, 1]))
        self.assertEqual((told["page_size"], told["page_exponent"], told["index_exponent"], told["levels"], told["broken"]), (4096, 12, 3, 2, False))

    def test_lenient_draws_no_place_that_nobody_knows(self):
        broken = self.damaged(self.small(), -30)
        told = self.summary(self.ragzip("--json", "info", "--lenient", broken).stdout)
        self.assertEqual((told["broken"], told["top_index_offset"], told["footer_offset"]), (True, None, None))
        self.assertNotIn(b"top index", self.ragzip("info", "--lenient", broken).stdout)

    def test_check_lists_violations_with_offsets(self):
        made = self.small()
        starts = members(read(made))
        self.assertIn(b"no violations", self.ragzip("check", made).stdout)
        broken = self.damaged(made, starts[1] + 700, starts[5] + 700, starts[20] + 700)
        text = self.exits(4, "ragzip", "check", broken).stdout.decode()
        lines = self.json_lines(self.exits(4, "--json", "ragzip", "check", broken).stdout)
        self.assertEqual([line["message_type"] for line in lines], ["violation"] * 3 + ["summary"])
        self.assertEqual([line["offset"] for line in lines[:-1]], [starts[1], starts[5], starts[20]])
        for line in lines[:-1]:
            self.assertIn("%d: %s\n" % (line["offset"], line["message"]), text)
        self.assertEqual((lines[-1]["violations"], lines[-1]["pages_checked"], lines[-1]["pages"]), (3, 24, 27))
        self.assertEqual(set(lines[-1]) - {"message_type"},
                         READING | {"violations", "pages_checked", "bytes_checked", "pages", "logical_size"})

    def test_check_sees_a_broken_slot_and_footer_and_still_looks_at_pages(self):
        made = self.small()
        starts = members(read(made))
        for place, member in ((-30, starts[-2]), (-3, starts[-2]), (starts[-3] + 30, starts[-3]), (starts[9] + 25, starts[9])):
            with self.subTest(place=place):
                lines = self.json_lines(self.exits(4, "--json", "ragzip", "check", self.damaged(made, place, starts[1] + 700)).stdout)
                found = [line["offset"] for line in lines if line["message_type"] == "violation"]
                self.assertIn(member, found)
                self.assertIn(starts[1], found)

    def test_one_page_damaged_does_not_hide_another_where_no_index_leads(self):
        made = self.small()
        starts = members(read(made))
        pages = [starts[1], starts[5], starts[20]]
        for place in (-30, -3, starts[-3] + 30):
            with self.subTest(place=place):
                # Their CRC32: where they end is known all the same.
                broken = self.damaged(made, place, *[starts[starts.index(at) + 1] - 8 for at in pages])
                lines = self.json_lines(self.exits(4, "--json", "ragzip", "check", broken).stdout)
                found = [line["offset"] for line in lines if line["message_type"] == "violation"]
                self.assertEqual([at for at in pages if at not in found], [])

    def test_any_flipped_bit_of_the_metadata_is_found(self):
        made = self.small()
        *_, index, footer, end = members(read(made))
        for place in range(index, end, 3):
            # Time, XFL and OS of a gzip header say nothing, nor do the last six bytes of a footer's payload.
            if 4 <= place - (footer if place >= footer else index) <= 9 or footer + 48 <= place < footer + 54:
                continue
            with self.subTest(place=place):
                self.assertEqual(self.run_ragtape("ragzip", "check", self.damaged(made, place)).returncode, 4)

    def test_what_is_no_ragzip_file_is_told(self):
        write(self.path("p.gz"), gzip.compress(self.content))
        for args, code in ((["cat"], 1), (["info"], 1), (["check"], 4)):
            with self.subTest(args=args):
                done = self.exits(code, "ragzip", *args, "p.gz")
                self.assertRegex(done.stdout + done.stderr, rb"no ragzip (file|footer)|no gzip member with an EXTRA field")
        write(self.path("nothing"), b"")
        for args, code in ((["cat"], 1), (["info"], 1), (["check"], 4)):
            done = self.exits(code, "ragzip", *args, "nothing")
            self.assertIn(b"not a ragzip file", done.stdout + done.stderr)


class Errors(RagzipTest):
    def each_verb(self, name):
        return (["encode", name, "-o", "out"], ["decode", name, "-o", "out"], ["cat", name], ["info", name], ["check", name], ["append", name, "a"],
                ["salvage", name, "-o", "out"])

    def test_no_file_is_ten_and_a_closed_one_twelve(self):
        self.encoded("c.gz")
        os.chmod(self.path("c.gz"), 0)
        for args in self.each_verb("none.gz"):
            with self.subTest(args=args):
                self.fails(10, "ragzip", *args, says=["none.gz"])
        for args in self.each_verb("c.gz"):
            with self.subTest(args=args):
                self.fails(12, "ragzip", *args, as_nobody=True, says=["c.gz"])
        self.sole("c.gz")

    def test_a_directory_is_two(self):
        os.mkdir(self.path("folder"))
        for args in [*self.each_verb("folder"), ["decode", "folder"]]:
            with self.subTest(args=args):
                self.fails(2, "ragzip", *args, says=["folder: a directory"])
        self.sole("folder")

    def test_a_folder_of_another_is_twelve(self):
        os.chmod(self.work, 0o755)
        self.fails(12, "ragzip", "encode", "a", as_nobody=True)
        self.sole()

    def test_a_full_disk_is_one_and_leaves_nothing(self):
        self.small()
        for args in (["encode", "a"], ["encode", "a", "--plain"], ["decode", "s.gz"], ["salvage", "s.gz"]):
            with self.subTest(args=args):
                self.fails(1, "ragzip", *args, "-o", "/dev/full", says=["No space left on device"])
                with open("/dev/full", "wb") as full:
                    self.fails(1, "ragzip", *args, "-o", "-", stdout=full, says=["No space left on device"])
        for args in (["cat", "s.gz"], ["info", "s.gz"], ["check", "s.gz"], ["--json", "check", "s.gz"], ["info", "s.gz", "--json"]):
            with self.subTest(args=args), open("/dev/full", "wb") as full:
                self.fails(1, "ragzip", *args, stdout=full, says=["No space left on device"])
        self.sole("s.gz")

    def test_closed_descriptors_do_not_end_up_in_the_file(self):
        right = read(self.encoded("right"))
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed=closed):
                command = '"$0" ragzip encode a -o out ' + closed
                subprocess.run(["sh", "-c", command, RAGTAPE], env=self.environment, cwd=self.work, capture_output=True)
                self.assertEqual(read(self.path("out")), right)
                os.unlink(self.path("out"))
        closed = subprocess.run(["sh", "-c", '"$0" ragzip cat right >&-', RAGTAPE], env=self.environment, cwd=self.work, capture_output=True)
        self.assertEqual(closed.returncode, 1)

    def test_no_home_is_needed(self):
        bare = {"HOME": None, "RAGTAPE_STATE": None, "TMPDIR": None, "XDG_STATE_HOME": None}
        self.ragzip("encode", "a", env=bare)
        self.ragzip("check", "a.gz", env=bare)

    def test_progress_is_told_and_an_interrupt_leaves_nothing(self):
        with open(self.path("big"), "wb") as f:
            f.truncate(40 << 30)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(signal=number):
                process = self.start("--json", "ragzip", "encode", "big", stdout=subprocess.PIPE)
                self.addCleanup(process.stdout.close)
                status = json.loads(process.stdout.readline())
                self.assertEqual((status["message_type"], status["bytes_total"]), ("status", 40 << 30))
                self.assertGreater(status["bytes_done"], 0)
                process.send_signal(number)
                last = json.loads(process.stdout.readlines()[-1])
                self.assertEqual((last["message_type"], last["exit_code"]), ("error", code))
                self.assertEqual(process.wait(timeout=60), code)
                self.sole("big")

    def test_summaries_have_the_fields_of_the_manual(self):
        write(self.path("p.gz"), gzip.compress(self.content))
        made = {"input", "output", "bytes_read", "bytes_written", "engine", "engine_version", "level"}
        shape = {"page_size", "index_exponent", "pages", "levels"}
        decoded = {"input", "output", "bytes_read", "bytes_written", "ragzip"}
        for args, fields in ((["encode", "a", "-o", "b.gz"], made | shape), (["encode", "a", "-o", "c.gz", "--plain"], made),
                             (["decode", "b.gz", "-o", "b"], decoded), (["decode", "p.gz"], decoded)):
            with self.subTest(args=args):
                self.assertEqual(set(self.summary(self.ragzip("--json", *args).stdout)) - {"message_type"}, fields)
        told = self.summary(self.ragzip("--json", "cat", "b.gz", "--tail", "3").stderr)
        self.assertEqual(set(told) - {"message_type"}, READING | {"offset", "bytes_written"})
        self.assertEqual((told["offset"], told["bytes_written"]), (len(self.content) - 3, 3))
        told = self.summary(self.ragzip("--json", "decode", "b.gz", "-o", "-").stderr)
        self.assertEqual((told["ragzip"], told["bytes_written"], told["output"]), (True, len(self.content), "-"))
        self.assertFalse(self.summary(self.ragzip("--json", "decode", input=read(self.path("p.gz"))).stderr)["ragzip"])
        told = self.summary(self.ragzip("--json", "encode", input=self.content).stderr)
        self.assertEqual((told["bytes_read"], told["bytes_written"]), (len(self.content), os.path.getsize(self.path("b.gz"))))


if __name__ == "__main__":
    unittest.main()
