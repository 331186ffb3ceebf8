#!/usr/bin/env python3
"""--json: every line parses, the summary is last, and says what the manual says."""
import base64
import os
import unittest

from cli import CliTest, read, write

SCAN = {"root", "prefix", "metadata", "profile", "hashed", "fingerprint", "state", "entries", "tape_size", "problems", "skipped"}
READING = {"requests", "bytes_read"}


class Json(CliTest):
    def fields(self, output):
        return set(self.summary(output)) - {"message_type"}

    def test_summaries_have_the_fields_of_the_manual(self):
        archive = self.make_archive()
        tape = self.path("a.tape")
        scan = self.done("--json", "scan", self.path("tree"), "-o", tape)
        self.assertEqual(self.fields(scan.stdout), SCAN | {"path"})
        pack = self.done("--json", "pack", self.path("tree"), "-o", self.path("b.tar.gz"))
        self.assertEqual(self.fields(pack.stdout), SCAN | {"archive", "archive_size", "pages", "records", "height", "levels", "tape_xxh3"})
        self.assertEqual(self.fields(self.done("--json", "play", tape).stderr), {"fingerprint", "tape_size", "offset", "bytes_done"})
        self.assertEqual(self.fields(self.done("--json", "ls", archive).stdout), READING)
        self.assertEqual(self.fields(self.done("--json", "ls", tape).stdout), SCAN)
        self.assertEqual(self.fields(self.done("--json", "info", tape).stdout), SCAN)
        self.assertEqual(self.fields(self.done("--json", "cat", archive, "empty").stderr), READING)
        restore = self.done("--json", "restore", archive, "--to", self.path("to"))
        self.assertEqual(self.fields(restore.stdout), READING | {"restored", "left_alone", "unchanged", "torn", "failed", "damaged", "needs_root", "bytes"})
        verify = self.done("--json", "verify", archive)
        self.assertEqual(self.fields(verify.stdout), READING | {"damage", "members", "pages", "pages_decoded", "full"})
        of_tape = {"added", "missing", "changed", "retyped", "unreadable", "not_compared", "same", "problems"}
        self.assertEqual(self.fields(self.done("--json", "verify", tape).stdout), of_tape | {"entries", "deep"})
        self.assertEqual(self.fields(self.done("--json", "verify", "--quick", tape).stdout), of_tape | {"entries", "looked_at", "chance_1_in_100"})
        self.assertEqual(self.fields(self.done("--json", "diff", tape, self.path("tree")).stdout), of_tape)
        located = {"name", "size", "tape_begin", "tape_end", "body", "parts"}
        self.assertEqual(self.fields(self.done("--json", "locate", tape, "dir/file").stdout), located)
        self.assertEqual(self.fields(self.done("--json", "locate", tape, "link").stdout), located | {"target"})
        self.assertEqual(self.fields(self.done("--json", "locate", archive, "second").stdout), READING | located | {"target", "outcome"})

    def test_figures_are_those_of_the_files(self):
        archive = self.make_archive("--page-size", "512", "--index-exponent", "2")
        pack = self.summary(self.done("--json", "pack", self.path("tree"), "-o", self.path("b.tar.gz"), "--page-size", "512").stdout)
        self.assertEqual(pack["entries"], 6)
        self.assertEqual(pack["records"], 6)
        self.assertEqual(pack["tape_size"], 512 * (6 + 1 + 2))
        self.assertEqual(pack["pages"], 9)
        self.assertEqual(pack["archive_size"], os.path.getsize(self.path("b.tar.gz")))
        self.assertEqual(pack["archive"], self.path("b.tar.gz"))
        self.assertEqual(pack["prefix"], "tree")
        self.assertEqual(pack["root"], self.path("tree"))
        self.assertEqual(pack["problems"], 0)
        self.assertEqual(pack["skipped"], {"sockets": 0, "devices": 0, "own_files": 0, "excluded": 0})
        info = self.summary(self.done("--json", "info", archive).stdout)
        self.assertEqual((info["pages"], info["page_size"], info["index_exponent"], info["records"]), (9, 512, 2, 6))
        self.assertEqual(info["archive_size"], os.path.getsize(archive))
        self.assertEqual(info["tape_xxh3"], pack["tape_xxh3"])
        verify = self.summary(self.done("--json", "verify", "--full", archive).stdout)
        self.assertEqual((verify["damage"], verify["members"], verify["pages"], verify["pages_decoded"]), (0, 6, 9, 9))
        self.assertGreater(verify["bytes_read"], 0)
        restore = self.summary(self.done("--json", "restore", archive, "--to", self.path("to")).stdout)
        self.assertEqual((restore["restored"], restore["bytes"]), (6, 6))

    def test_content_on_stdout_leaves_json_on_stderr(self):
        archive = self.make_archive()
        cat = self.done("--json", "cat", archive, "dir/file")
        self.assertEqual(cat.stdout, b"hello\n")
        self.assertGreater(self.summary(cat.stderr)["bytes_read"], 0)
        pack = self.done("--json", "pack", self.path("tree"), "-o", "-")
        self.assertEqual(pack.stdout, read(archive))
        self.assertEqual(self.summary(pack.stderr)["archive_size"], len(pack.stdout))
        self.done("scan", self.path("tree"))
        play = self.done("--json", "play", self.path("tree"), "--offset", "100", "--length", "50")
        self.assertEqual(len(play.stdout), 50)
        self.assertEqual(self.summary(play.stderr)["bytes_done"], 50)
        self.assertEqual(self.summary(play.stderr)["offset"], 100)

    def test_members_lie_where_they_are_said_to(self):
        self.make_archive()
        self.done("scan", self.path("tree"))
        tape = self.done("play", self.path("tree")).stdout
        end = 0
        for line in self.json_lines(self.done("--json", "ls", self.path("a.tar.gz")).stdout)[:-1]:
            with self.subTest(name=line["name"]):
                self.assertEqual(line["message_type"], "member")
                self.assertEqual(line["offset"], end)
                header = tape[end + 512 * (line["header_blocks"] - 1):][:512]
                self.assertEqual(header[:100].rstrip(b"\0").decode(), line["name"])
                self.assertEqual(header[156:157].decode(), line["type"])
                self.assertEqual(int(header[124:135], 8), line["size"])
                self.assertEqual(int(header[136:147], 8), line["mtime"])
                self.assertEqual(int(header[100:107], 8), int(line["mode"], 8))
                self.assertEqual("xxh3" in line, line["type"] == "0")
                self.assertEqual("target" in line, line["type"] in "12")
                self.assertNotIn("uid", line)
                end += 512 * line["header_blocks"] + (line["size"] + 511) // 512 * 512
        self.assertEqual(end + 1024, len(tape))

    def test_full_has_owners_and_nanoseconds(self):
        tree = self.make_tree()
        os.utime(os.path.join(tree, "empty"), ns=(0, 1_500_000_000_123_456_789))
        self.done("pack", tree, "-o", self.path("f.tar.gz"), "--metadata", "full")
        members = {line["name"]: line for line in self.json_lines(self.done("--json", "ls", self.path("f.tar.gz")).stdout)[:-1]}
        empty = members["tree/empty"]
        self.assertEqual((empty["uid"], empty["gid"]), (os.geteuid(), os.stat(os.path.join(tree, "empty")).st_gid))
        self.assertEqual((empty["mtime"], empty["mtime_ns"]), (1_500_000_000, 123_456_789))

    def test_a_name_that_is_not_utf8_is_base64(self):
        tree = self.make_tree()
        name = b"caf\xe9\n"
        write(os.path.join(os.fsencode(tree), name))
        os.symlink(b"\xff", os.path.join(os.fsencode(tree), b"to"))
        self.done("pack", tree, "-o", self.path("out.tar.gz"))
        lines = self.json_lines(self.done("--json", "ls", self.path("out.tar.gz")).stdout)[:-1]
        coded = [line["name"] for line in lines if isinstance(line["name"], dict)]
        self.assertEqual([base64.b64decode(c["base64"], validate=True) for c in coded], [b"tree/" + name])
        target = [line["target"] for line in lines if line["name"] == "tree/to"]
        self.assertEqual(base64.b64decode(target[0]["base64"], validate=True), b"\xff")

    def test_an_error_line_says_how_the_program_exits(self):
        archive = self.make_archive("--page-size", "512")
        flipped = bytearray(read(archive))
        flipped[20] ^= 1
        write(self.path("bad"), bytes(flipped))
        write(self.path("text"), b"text")
        for code, args in ((10, ["ls", "none"]), (10, ["cat", archive, "none"]), (1, ["info", "text"]), (2, ["pack", self.path("tree"), "-o", archive]),
                           (4, ["verify", "--full", "bad"])):
            with self.subTest(args=args):
                done = self.exits(code, "--json", *args)
                lines = self.json_lines(done.stderr.split(b"ragtape: ")[0] if args[0] == "cat" else done.stdout)
                errors = [line for line in lines if line["message_type"] == "error"]
                self.assertEqual(len(errors), 1)
                self.assertEqual(set(errors[0]), {"message_type", "message", "hint", "exit_code"})
                self.assertEqual(errors[0]["exit_code"], code)
                self.assertIn(errors[0]["message"].encode(), done.stderr)

    def test_verify_of_a_damaged_archive_ends_in_a_summary_that_says_so(self):
        archive = self.make_archive("--page-size", "512")
        flipped = bytearray(read(archive))
        flipped[20] ^= 1
        write(archive, bytes(flipped))
        self.assertGreater(self.summary(self.exits(4, "--json", "verify", "--full", archive).stdout)["damage"], 0)

    def test_usage_errors_are_json_lines_too(self):
        done = self.fails(2, "--json", "pack", "x")
        self.assertEqual([line["message_type"] for line in self.json_lines(done.stdout)], ["error"])

    def test_warnings_are_lines_too(self):
        archive = self.make_archive()
        self.done("restore", archive, "--to", self.path("to"))
        lines = self.json_lines(self.exits(3, "--json", "restore", archive, "--to", self.path("to")).stdout)
        self.assertEqual([line["message_type"] for line in lines], ["warning", "warning", "warning", "warning", "summary"])
        self.assertIn("left alone", lines[0]["message"])
        self.assertEqual(lines[-1]["left_alone"], 4)

    def test_global_flags_stand_before_or_behind_the_verb(self):
        archive = self.make_archive()
        self.assertEqual(self.done("--json", "ls", archive).stdout, self.done("ls", archive, "--json").stdout)
        self.assertEqual(self.done("ls", "-q", archive, "--no-progress", "-v").stdout, self.done("ls", archive).stdout)


if __name__ == "__main__":
    unittest.main()
