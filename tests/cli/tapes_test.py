#!/usr/bin/env python3
"""verify and diff of tapes, scan --hash, as a user types them."""
import os
import socket
import subprocess
import threading
import unittest

from cli import CliTest, write


class Tapes(CliTest):
    def setUp(self):
        super().setUp()
        self.tree, self.tape = self.make_tree(), self.path("t.tape")
        for number in range(5):
            write(os.path.join(self.tree, "dir", "n%d" % number), b"content %d" % number)
        os.symlink("n0", os.path.join(self.tree, "dir", "s"))
        os.link(os.path.join(self.tree, "dir", "n1"), os.path.join(self.tree, "dir", "z"))
        self.at = os.stat(os.path.join(self.tree, "dir")).st_mtime_ns
        os.utime(os.path.join(self.tree, "dir"), ns=(self.at, self.at))

    def keep_time(self):
        os.utime(os.path.join(self.tree, "dir"), ns=(self.at, self.at))

    def below(self, name):
        return os.path.join(self.tree, "dir", name)

    def differences(self, *words, code=4):
        done = self.run_ragtape("--json", *words)
        self.assertEqual(done.returncode, code, done.stderr)
        lines = [line for line in self.json_lines(done.stdout) if line["message_type"] == "difference"]
        return sorted((line["difference"], line["name"], line["fields"]) for line in lines)

    def test_an_untouched_tree_is_as_its_tape_says(self):
        self.done("scan", self.tree, "--hash", "--metadata", "full", "-o", self.tape)
        for options in ([], ["--quick"], ["--deep"]):
            self.assertEqual(self.differences("verify", self.tape, *options, code=0), [])
        said = self.done("verify", "--quick", self.tape).stdout
        self.assertIn(b"would be noticed", said)

    def test_every_kind_of_difference_is_found_all_of_them(self):
        self.done("scan", self.tree, "--metadata", "full", "-o", self.tape)
        write(self.below("added"), b"x")
        os.unlink(self.below("n0"))
        os.unlink(self.below("n2"))
        os.mkdir(self.below("n2"))
        os.utime(self.below("n3"), ns=(5, 1_000_000_007))
        os.chmod(self.below("n4"), 0o604)
        os.unlink(self.below("s"))
        os.symlink("n3", self.below("s"))
        os.unlink(self.below("z"))
        write(self.below("z"), b"content 1")
        self.keep_time()
        found = self.differences("verify", self.tape)
        self.assertEqual([line[:2] for line in found], [("added", "dir/added"), ("changed", "dir/n3"), ("changed", "dir/n4"), ("changed", "dir/s"), ("changed", "dir/z"),
                                                       ("missing", "dir/n0"), ("retyped", "dir/n2")])
        fields = {name: what for _, name, what in found}
        self.assertEqual(fields["dir/n3"], "mtime")
        self.assertEqual(fields["dir/n4"], "mode")
        self.assertEqual(fields["dir/s"], "mtime, target")
        self.assertIn("hard link", fields["dir/z"])
        # A sample of more entries than there are is all of them, but for what came.
        quick = self.differences("verify", "--quick", self.tape)
        self.assertEqual([line[1] for line in quick], ["dir/n3", "dir/n4", "dir/s", "dir/z", "dir/n0", "dir/n2"])
        self.assertEqual(self.differences("diff", self.tape, self.tree, code=0), found)
        again = self.path("u.tape")
        self.done("scan", self.tree, "--metadata", "full", "-o", again)
        self.assertEqual(self.differences("diff", self.tape, again, code=0), found)
        self.assertEqual(self.differences("diff", again, again, code=0), [])

    def test_an_equal_size_rewrite_with_its_time_restored_is_found_by_deep(self):
        self.done("scan", self.tree, "--hash", "-o", self.tape)
        before = os.stat(self.below("n3"))
        with open(self.below("n3"), "r+b") as f:
            f.write(b"CONTENT 3")
        os.utime(self.below("n3"), ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(self.differences("verify", self.tape, code=0), [])
        self.assertEqual(self.differences("verify", "--deep", self.tape), [("changed", "dir/n3", "content")])

    def test_a_file_that_is_written_to_while_it_is_hashed_is_not_called_the_same(self):
        busy = self.below("n3")
        os.truncate(busy, 1 << 28)
        at = os.stat(busy).st_mtime_ns
        stop = threading.Event()

        def touch():
            while not stop.is_set():
                os.utime(busy, ns=(at, at))     # a new ctime

        def while_it_is_touched(step):
            stop.clear()
            thread = threading.Thread(target=touch)
            thread.start()
            try:
                return step()
            finally:
                stop.set()
                thread.join()
        self.done("scan", self.tree, "--hash", "-o", self.tape)
        self.assertEqual(while_it_is_touched(lambda: self.differences("verify", "--deep", self.tape)), [("changed", "dir/n3", "content")])
        while_it_is_touched(lambda: self.done("scan", self.tree, "--hash", "-o", self.path("u.tape")))
        done = self.done("--json", "verify", "--deep", self.path("u.tape"))
        self.assertEqual(self.summary(done.stdout)["not_compared"], 1)
        self.assertIn(b"not compared: the content of 1 files", done.stderr)
        self.assertEqual(self.summary(done.stdout)["same"], self.summary(done.stdout)["entries"] - 1)

    def test_what_was_left_out_now_is_not_called_missing(self):
        self.done("scan", self.tree, "--exclude-larger-than", "100", "--metadata", "full", "-o", self.tape)
        write(self.below("n0"), bytes(200))
        os.unlink(self.below("n2"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.below("n2"))
        self.keep_time()
        self.assertEqual(self.differences("verify", self.tape), [("changed", "dir/n0", "size, mtime"), ("retyped", "dir/n2", "type")])

    def test_what_cannot_be_looked_at_is_no_success(self):
        tape = os.path.join(self.tmp, "t.tape")
        self.exits(0, "scan", self.tree, "-o", tape, as_nobody=True)
        write(self.below("shut"))
        os.chmod(self.below("shut"), 0)
        self.keep_time()
        done = self.exits(3, "--json", "verify", tape, as_nobody=True)
        self.assertEqual((self.summary(done.stdout)["problems"], self.summary(done.stdout)["added"]), (1, 0))
        # What the tape does not have either is no news; a difference is.
        self.exits(3, "scan", self.tree, "-o", tape, as_nobody=True)
        self.exits(0, "verify", tape, as_nobody=True)
        os.unlink(self.below("n0"))
        write(self.below("shut2"))
        os.chmod(self.below("shut2"), 0)
        self.exits(4, "verify", tape, as_nobody=True)

    def test_an_unreadable_folder_is_not_called_empty(self):
        tape = os.path.join(self.tmp, "t.tape")
        os.makedirs(self.path("out", "tree", "dir"))
        write(self.path("out", "tree", "dir", "file"))
        os.chmod(self.path("out", "tree", "dir"), 0o755)
        self.exits(0, "scan", self.path("out", "tree"), "-o", tape, as_nobody=True)
        os.chmod(self.path("out", "tree", "dir"), 0o600)
        for options in ([], ["--quick"]):
            done = self.run_ragtape("--json", "verify", tape, *options, as_nobody=True)
            lines = [line for line in self.json_lines(done.stdout) if line["message_type"] == "difference"]
            self.assertEqual([(line["difference"], line["name"]) for line in lines if line["name"] == "dir/file"], [("unreadable", "dir/file")])
            self.assertIn("denied", lines[-1]["fields"])
            self.assertEqual((self.summary(done.stdout)["missing"], self.summary(done.stdout)["unreadable"]), (0, 1))

    def test_a_root_of_another_kind_is_one_difference(self):
        single = self.path("single")
        write(single)
        self.done("scan", self.tree, "-o", self.tape)
        self.done("scan", single, "-o", self.path("s.tape"))
        os.rename(self.tree, self.path("away"))
        os.unlink(single)
        write(self.tree)
        os.rename(self.path("away"), single)
        for tape in (self.tape, self.path("s.tape")):
            for options in ([], ["--quick"]):
                self.assertEqual(self.differences("verify", tape, *options), [("retyped", ".", "type")])
        self.assertEqual(self.differences("diff", self.tape, self.tree, code=0), [("retyped", ".", "type")])

    def test_nothing_is_written_in_the_tree_that_is_looked_at(self):
        self.done("scan", self.tree, "--metadata", "full", "-o", self.tape)
        os.chmod(self.below(""), 0o777)
        # ThreadSanitizer itself makes a file in $TMPDIR.
        inside = {"TMPDIR": self.tmp if "TSAN_OPTIONS" in self.environment else self.below(""), "RAGTAPE_STATE": self.below("state")}
        self.done("scan", self.tree, "--metadata", "full", "-o", os.path.join(self.tmp, "u.tape"), as_nobody=True)
        for words in (["verify", os.path.join(self.tmp, "u.tape")], ["diff", os.path.join(self.tmp, "u.tape"), self.tree]):
            for changes in (inside, {**inside, "RAGTAPE_STATE": None}):
                done = self.exits(0, "--json", *words, env=changes, as_nobody=True)
                self.assertEqual([line for line in self.json_lines(done.stdout) if line["message_type"] == "difference"], [])
        self.assertEqual(os.stat(self.below("")).st_mtime_ns, self.at)

    def test_where_the_tree_holds_everything_the_state_is_passed_over(self):
        self.done("scan", "/", "--exclude", "/*")
        (own,) = os.listdir(self.path("state", "tapes"))
        self.assertEqual(self.differences("verify", self.path("state", "tapes", own), code=0), [])

    def test_a_tape_with_hashes_lists_them(self):
        self.done("scan", self.tree, "--hash", "-o", self.tape)
        self.done("pack", self.tree, "-o", self.path("a.tar.gz"))
        hashes = [{line["name"]: line["xxh3"] for line in self.json_lines(self.done("--json", "ls", what).stdout) if "xxh3" in line and line["type"] == "0"}
                  for what in (self.tape, self.path("a.tar.gz"))]
        self.assertEqual(len(hashes[0]), 7)
        self.assertEqual(*hashes)

    def test_an_exclude_file_may_be_a_pipe_and_hold_lines_that_fit_nothing(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        writer = subprocess.Popen(["sh", "-c", "printf '!\\n/\\n# comment\\nn*\\n' > \"$1\"", "sh", pipe])
        found = self.json_lines(self.done("--json", "scan", self.tree, "--exclude-file", pipe, "-o", self.tape).stdout)[-1]
        self.assertEqual(writer.wait(timeout=60), 0)
        self.assertEqual(found["skipped"]["excluded"], 5)
        self.fails(2, "scan", self.tree, "--exclude-file", "/dev/zero", "-o", self.tape)
        self.fails(1, "scan", self.tree, "--exclude-file", self.tree, "-o", self.tape)

    def test_excluded_entries_are_neither_missing_nor_added(self):
        self.done("scan", self.tree, "--exclude", "n*", "-o", self.tape)
        os.unlink(self.below("n0"))
        write(self.below("new"), b"x")
        self.keep_time()
        self.assertEqual(self.differences("verify", self.tape, code=0), [])

    def test_the_folder_of_the_state_in_the_tree_is_no_difference(self):
        state = os.path.join(self.tree, "state")
        self.done("--state", state, "scan", self.tree, "-o", self.tape)
        self.assertEqual(self.differences("--state", state, "verify", self.tape, code=0), [])
        self.assertFalse(os.path.exists(state))     # nothing is written in the source
        self.done("--state", state, "scan", self.tree)
        self.done("--state", state, "scan", self.tree, "-o", self.tape)
        self.assertEqual(self.differences("--state", state, "verify", self.tape, code=0), [])
        (own,) = [os.path.join(state, "tapes", name) for name in os.listdir(os.path.join(state, "tapes"))]
        self.done("--state", state, "scan", self.tree)
        self.assertEqual(self.differences("--state", state, "verify", own, code=0), [])

    def test_what_fits_no_tape_is_a_usage_error(self):
        self.done("scan", self.tree, "-o", self.tape)
        self.fails(2, "verify", "--deep", self.tape, says=["--hash"])
        self.fails(2, "verify", "--full", self.tape, says=["--quick"])
        self.fails(2, "verify", "--quick", "--deep", self.tape)
        self.done("pack", self.tree, "-o", self.path("a.tar.gz"))
        self.fails(2, "verify", "--quick", self.path("a.tar.gz"), says=["of a tape"])
        self.fails(2, "diff", self.tape)
        self.fails(10, "diff", self.tape, self.path("none"))


if __name__ == "__main__":
    unittest.main()
