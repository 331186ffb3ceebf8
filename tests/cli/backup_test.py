#!/usr/bin/env python3
"""backup and the verbs that read a store, as a user types them."""
import glob
import json
import os
import subprocess
import time
import unittest

from cli import CliTest, read, write


class Backup(CliTest):
    def backed_up(self, *options):
        tree = self.make_tree()
        done = self.done("--json", "backup", tree, "--to", self.path("store"), "--set", "s", *options)
        return self.summary(done.stdout)

    def test_a_backup_comes_back_and_says_how(self):
        tree = self.make_tree()
        done = self.done("backup", tree, "--to", self.path("store"))
        self.assertIn(b"ragtape restore", done.stdout)
        self.assertIn(b"a new store", done.stderr)
        self.done("restore", self.path("store"), "--to", self.path("back"))
        self.assertEqual(read(self.path("back", "tree", "dir", "file")), read(os.path.join(tree, "dir", "file")))
        listed = self.done("ls", self.path("store")).stdout
        self.assertIn(b"tree/dir/file", listed)
        self.assertEqual(self.done("find", self.path("store"), "fil*").stdout, b"tree/dir/file\n")
        self.assertEqual(self.done("cat", "file://" + self.path("store"), "tree/dir/file").stdout, read(os.path.join(tree, "dir", "file")))

    def test_what_is_wrong_with_the_options_is_said_before_anything_is_made(self):
        tree = self.make_tree()
        for options in (["--volume-size", "1000"], ["--volume-size", "100000"], ["--part-size", "1000"], ["--part-size", "128MiB"], ["--part-size", "0"],
                        ["--set", "../x"], ["--set", ".x"], ["--set", "x" * 65], ["--page-size", "32MiB", "--volume-size", "32MiB"], ["--prefix", "../x"], ["--exclude", "/"],
                        ["--exclude-larger-than", "x"], ["--exclude-file", self.path("none")]):
            with self.subTest(options=options):
                self.fails(10 if "--exclude-file" in options else 2, "backup", tree, "--to", self.path("store"), *options)
                self.assertFalse(os.path.exists(self.path("store")))
        # None of them stands in the way of the next.
        self.done("backup", tree, "--to", self.path("store"))
        self.fails(2, "backup", tree, "--to", "")
        self.fails(2, "backup", tree, "--to", "file://relative")

    def test_a_dry_run_makes_nothing(self):
        tree = self.make_tree()
        os.mkdir(self.path("store"))
        done = self.done("backup", "-n", tree, "--to", self.path("store"))
        self.assertIn(b"would make", done.stdout)
        self.assertEqual(os.listdir(self.path("store")), [])
        self.fails(10, "backup", "-n", tree, "--to", self.path("none"))
        self.assertFalse(os.path.exists(self.path("none")))

    def test_another_source_under_the_name_of_a_set_must_be_typed(self):
        self.backed_up()
        os.mkdir(self.path("other"))
        os.mkdir(self.path("other", "tree"))
        write(self.path("other", "tree", "x"), b"x")
        self.done("backup", self.path("tree"), "--to", self.path("two"))
        self.fails(2, "backup", self.path("other", "tree"), "--to", self.path("two"), says=["tree", "--set"])

    def test_forget_wants_an_id_and_deletes_what_it_says(self):
        first = self.backed_up()["snapshot"]
        write(self.path("tree", "more"), b"more")
        second = self.backed_up_again()
        self.fails(2, "forget", self.path("store"), "--snapshot", "")
        self.fails(10, "forget", self.path("store"), "--snapshot", "1999")
        self.assertIn(b"would forget", self.done("forget", "-n", self.path("store"), "--snapshot", first).stdout)
        self.done("forget", self.path("store"), "--snapshot", first)
        listed = self.done("snapshots", self.path("store")).stdout.decode()
        self.assertNotIn(first, listed)
        self.assertIn(second, listed)
        self.assertEqual(os.listdir(self.path("store", "s")), [second])
        self.done("verify", "--full", self.path("store"))

    def backed_up_again(self):
        return self.summary(self.done("--json", "backup", self.path("tree"), "--to", self.path("store"), "--set", "s").stdout)["snapshot"]

    def test_a_damaged_manifest_does_not_stop_the_next_backup(self):
        first = self.backed_up()["snapshot"]
        manifest = self.path("store", "s", first, "manifest.json")
        whole = read(manifest)
        os.unlink(manifest)
        write(manifest, whole[:100] + b"X" + whole[101:])
        done = self.done("--json", "backup", self.path("tree"), "--to", self.path("store"), "--set", "s")
        self.assertEqual(self.summary(done.stdout)["outcome"], "made")
        self.assertIn(b"manifest.json", done.stdout + done.stderr)
        self.done("restore", self.path("store"), "--to", self.path("back"))
        self.fails(4, "verify", self.path("store"), says=[first])

    def test_a_snapshot_from_the_future_is_warned_of(self):
        name = self.backed_up()["snapshot"]
        write(self.path("tree", "more"), b"more")
        self.assertNotIn(b"dated later than now", self.done("backup", self.path("tree"), "--to", self.path("store"), "--set", "s").stderr)
        os.rename(self.path("store", "s", name), self.path("store", "s", "29990101T000000Z-00000000"))
        write(self.path("tree", "most"), b"most")
        self.assertIn(b"dated later than now", self.done("backup", self.path("tree"), "--to", self.path("store"), "--set", "s").stderr)
        # It is not the last one, and what was made behind it is.
        self.assertEqual(self.done("cat", self.path("store"), "most").stdout, b"most")
        time.sleep(3.1)     # nothing is young, by the second of its start
        self.done("backup", self.path("tree"), "--to", self.path("store"), "--set", "s")
        again = self.done("--json", "backup", self.path("tree"), "--to", self.path("store"), "--set", "s")
        self.assertEqual(self.summary(again.stdout)["outcome"], "unchanged")

    def test_a_damaged_tape_in_the_state_is_replaced(self):
        self.backed_up()
        (tape,) = glob.glob(self.path("state", "sets", "*", "catalog.tape"))
        for content in (b"", b"X" * 5000):
            os.unlink(tape)
            write(tape, content)
            write(self.path("tree", "more"), content[:9] + b"more")
            self.assertEqual(self.summary(self.done("--json", "backup", self.path("tree"), "--to", self.path("store"), "--set", "s").stdout)["outcome"], "made")

    def test_what_a_forget_left_is_forgotten_by_its_whole_name(self):
        first = self.backed_up()["snapshot"]
        write(self.path("tree", "more"), b"more")
        second = self.backed_up_again()
        os.unlink(self.path("store", "s", first, "manifest.json"))
        self.fails(10, "forget", self.path("store"), "--snapshot", first[:-1])
        self.assertIn(b"would forget", self.done("forget", "-n", "--snapshot", first, self.path("store")).stdout)
        self.done("forget", "--snapshot", first, self.path("store"))
        self.assertEqual(os.listdir(self.path("store", "s")), [second])

    def test_strangers_in_a_store_hide_nothing(self):
        self.backed_up()
        os.symlink("loop", self.path("store", "loop"))
        os.mkdir(self.path("store", "private"), mode=0)
        for verb in (["snapshots"], ["ls"]):
            self.done(*verb, self.path("store"))
        os.chmod(self.path("store", "private"), 0o700)

    def test_verify_does_not_call_sound_what_it_may_not_read(self):
        self.backed_up()
        store = self.path("store")
        os.mkdir(os.path.join(store, "private"), mode=0o700)
        subprocess.run(["chmod", "-R", "a+rX", os.path.join(store, "s"), store], check=True)
        os.chmod(os.path.join(store, "private"), 0)
        done = self.run_ragtape("verify", store, as_nobody=True)
        self.assertEqual(done.returncode, 12, done.stderr)
        self.assertIn(b"private", done.stderr)
        self.assertIn(b"1 snapshots", done.stdout)
        self.assertEqual(self.run_ragtape("verify", store, "--set", "s", as_nobody=True).returncode, 0)

    def test_what_was_interrupted_is_listed_as_unfinished(self):
        first = self.backed_up()["snapshot"]
        write(self.path("tree", "more"), b"more")
        second = self.backed_up_again()
        os.unlink(self.path("store", "s", first, "manifest.json"))
        done = self.done("snapshots", self.path("store"))
        self.assertRegex(done.stdout, b"(?m)^%s  s  unfinished" % first.encode())
        lines = [json.loads(line) for line in self.done("--json", "snapshots", self.path("store")).stdout.splitlines()]
        self.assertEqual([line["snapshot"] for line in lines if line["message_type"] == "unfinished"], [first])
        self.assertEqual([line["snapshot"] for line in lines if line["message_type"] == "snapshot"], [second])

    def test_what_nobody_continued_is_forgotten_after_a_time_of_grace(self):
        made = self.backed_up()["snapshot"]
        old, sent, young = "20200101T000000Z-0123abcd", "20200102T000000Z-0123abcd", time.strftime("%Y%m%dT%H%M%SZ-0123abcd", time.gmtime())
        for snapshot in (old, sent, young):
            os.mkdir(self.path("store", "s", snapshot))
            write(self.path("store", "s", snapshot, "s.tar.gz"), b"some")
        os.utime(self.path("store", "s", old, "s.tar.gz"), (1, 1))
        os.utime(self.path("store", "s", young, "s.tar.gz"), (1, 1))
        summary = self.summary(self.done("--json", "forget", "-n", "--unfinished", self.path("store")).stdout)
        self.assertEqual((summary["snapshots"], summary["volumes"], summary["bytes"]), ([old], 1, 4))
        self.assertTrue(os.path.exists(self.path("store", "s", old)))
        done = self.done("forget", "--unfinished", "--keep-last", "1", self.path("store"))
        self.assertIn(("forgot " + old).encode(), done.stdout)
        self.assertEqual(set(os.listdir(self.path("store", "s"))), {made, sent, young})
        self.done("forget", "--unfinished", "--older-than", "1h", self.path("store"))
        self.assertEqual(set(os.listdir(self.path("store", "s"))), {made, sent, young})
        os.utime(self.path("store", "s", sent, "s.tar.gz"), (1, 1))
        self.done("forget", "--unfinished", self.path("store"))
        self.assertEqual(set(os.listdir(self.path("store", "s"))), {made, young})
        self.fails(2, "forget", "--unfinished", "--snapshot", made, self.path("store"))

    def test_a_symlink_to_a_snapshot_is_none_and_forgets_none(self):
        first = self.backed_up()["snapshot"]
        other = "20260101T000000Z-deadbeef"
        os.symlink(first, self.path("store", "s", other))
        self.assertNotIn(other.encode(), self.done("snapshots", self.path("store")).stdout)
        self.fails(10, "forget", self.path("store"), "--snapshot", other)
        self.done("verify", "--full", self.path("store"))

    def test_the_folder_of_the_state_is_no_source(self):
        state = self.path("tree")
        self.make_tree()
        self.fails(2, "--state", state, "backup", state, "--to", self.path("store"), says=["--state"])

    def test_somebodys_copy_of_a_snapshot_is_none(self):
        first = self.backed_up()["snapshot"]
        os.symlink(self.path("store", "s", first), self.path("store", "s", "keep"))
        self.assertNotIn(b"keep", self.done("snapshots", self.path("store")).stdout)
        self.done("ls", self.path("store"))

    def test_verify_of_nothing_is_not_a_success(self):
        os.mkdir(self.path("empty"))
        self.fails(10, "verify", self.path("empty"), says=["no snapshots"])

    def test_one_volume_by_itself_is_not_called_damaged(self):
        self.make_tree()
        write(self.path("tree", "large"), os.urandom(3 << 20))
        self.backed_up_into_volumes()
        for volume in glob.glob(self.path("store", "s", "*", "*.tar.gz.*")):
            done = self.run_ragtape("verify", "--full", volume)
            self.assertIn(done.returncode, (0, 1))
            self.done("ls", volume)

    def backed_up_into_volumes(self):
        self.done("backup", self.path("tree"), "--to", self.path("store"), "--set", "s", "--volume-size", "1MiB")


if __name__ == "__main__":
    unittest.main()
