#!/usr/bin/env python3
"""verify and diff of tapes, scan --hash, as a user types them."""
import os
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
