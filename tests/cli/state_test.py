#!/usr/bin/env python3
"""The state folder: where it is, what is in it, and a tree that holds it."""
import os
import shutil
import stat
import unittest

from cli import CliTest, read, write


class State(CliTest):
    def tapes_in(self, state):
        return os.listdir(os.path.join(state, "tapes"))

    def test_the_folder_is_chosen_in_the_order_of_the_manual(self):
        tree = self.make_tree()
        places = {name: self.path(name) for name in ("flag", "variable", "xdg", "home")}
        everything = {"RAGTAPE_STATE": places["variable"], "XDG_STATE_HOME": places["xdg"], "HOME": places["home"]}
        os.mkdir(places["home"])
        self.done("scan", tree, "--state", places["flag"], env=everything)
        self.done("scan", tree, env=everything)
        self.done("scan", tree, env={**everything, "RAGTAPE_STATE": None})
        for place in (places["flag"], places["variable"], os.path.join(places["xdg"], "ragtape")):
            with self.subTest(place=place):
                self.assertEqual(len(self.tapes_in(place)), 1)
                self.assertEqual(stat.S_IMODE(os.stat(place).st_mode), 0o700)
        self.assertEqual(os.listdir(places["home"]), [])
        home = {**everything, "RAGTAPE_STATE": None, "XDG_STATE_HOME": None, "HOME": self.path("tmp")}
        if os.geteuid() == 0:
            os.chown(tree, 65534, 65534)
        self.done("scan", tree, env=home, as_nobody=True)
        self.assertEqual(len(self.tapes_in(self.path("tmp", ".local", "state", "ragtape"))), 1)

    def test_without_home_and_not_root_the_error_names_the_flag(self):
        tree = self.make_tree()
        none = {"RAGTAPE_STATE": None, "XDG_STATE_HOME": None, "HOME": None}
        for verb in ("scan", "play"):
            with self.subTest(verb=verb):
                self.fails(2, verb, tree, env=none, as_nobody=True, says=["HOME", "--state DIR"])
        # Nothing else needs a state folder.
        self.done("pack", tree, "-o", self.path("tmp", "a.tar.gz"), env=none, as_nobody=True)
        self.done("scan", tree, "-o", self.path("tmp", "a.tape"), env=none, as_nobody=True)
        self.done("play", self.path("tmp", "a.tape"), env=none, as_nobody=True)
        self.done("ls", self.path("tmp", "a.tar.gz"), env=none, as_nobody=True)

    def test_a_relative_xdg_folder_is_not_taken(self):
        tree = self.make_tree()
        self.done("scan", tree, env={"RAGTAPE_STATE": None, "XDG_STATE_HOME": "relative", "HOME": self.path("tmp")}, as_nobody=True)
        self.assertFalse(os.path.exists(self.path("relative")))

    def test_a_scanned_tree_is_played_by_its_tape_under_every_name(self):
        tree = self.make_tree()
        os.symlink("tree", self.path("link"))
        self.done("scan", tree, "--prefix", "scanned")
        whole = self.done("play", tree).stdout
        self.assertTrue(whole.startswith(b"scanned/\0"))
        for name in ("tree/", "link", "./tree/../tree"):
            with self.subTest(name=name):
                done = self.done("play", name)
                self.assertEqual(done.stdout, whole)
                self.assertEqual(done.stderr, b"")
        # Two trees have two tapes.
        other = self.make_tree("other")
        self.done("scan", other)
        self.assertTrue(self.done("play", other).stdout.startswith(b"other/\0"))
        self.assertEqual(self.done("play", tree).stdout, whole)

    def test_an_unscanned_tree_is_scanned_for_play_and_nothing_is_kept(self):
        tree = self.make_tree()
        done = self.done("play", tree)
        self.assertTrue(done.stdout.startswith(b"tree/\0"))
        self.assertIn(b"ragtape: warning: ", done.stderr)
        self.assertIn(b"no tape is recorded", done.stderr)
        self.assertEqual(self.tapes_in(self.path("state")), [])
        self.done("scan", tree)
        self.assertEqual(self.done("play", tree).stdout, done.stdout)

    def test_a_tape_that_lies_under_the_name_of_another_tree_is_not_taken(self):
        tree = self.make_tree()
        other = self.make_tree("other")
        self.done("scan", tree)
        self.done("scan", other, "-o", self.path("other.tape"))
        place = os.path.join(self.path("state", "tapes"), self.tapes_in(self.path("state"))[0])
        shutil.copy(self.path("other.tape"), place)
        self.assertTrue(self.done("play", tree).stdout.startswith(b"tree/\0"))

    def test_a_tape_in_a_file_needs_no_state(self):
        tree = self.make_tree()
        self.done("scan", tree, "-o", self.path("a.tape"))
        self.done("play", self.path("a.tape"))
        self.assertFalse(os.path.exists(self.path("state")))

    def test_a_tree_that_holds_the_state_does_not_hold_it_on_the_tape(self):
        tree = self.make_tree()
        inside = {"RAGTAPE_STATE": os.path.join(tree, "dir", "state")}
        first = self.summary(self.done("--json", "scan", tree, env=inside).stdout)
        self.assertEqual(first["skipped"]["own_files"], 1)
        self.assertEqual(first["entries"], 6)
        second = self.summary(self.done("--json", "scan", tree, env=inside).stdout)
        self.assertEqual(second["fingerprint"], first["fingerprint"])
        self.assertEqual(second["state"], first["state"])
        self.assertNotIn(b"state", self.done("play", tree, env=inside).stdout)
        # Also when it has another name there, and when it is played without a tape.
        os.rename(os.path.join(tree, "dir", "state"), os.path.join(tree, "dir", "renamed"))
        os.symlink(os.path.join(tree, "dir", "renamed"), self.path("way"))
        shutil.rmtree(os.path.join(tree, "dir", "renamed", "tapes"))
        played = self.done("play", tree, env={"RAGTAPE_STATE": self.path("way")})
        self.assertNotIn(b"renamed", played.stdout)

    def test_scanning_twice_is_one_and_writes_nothing_in_the_source(self):
        tree = self.make_tree()
        before = {name: os.lstat(os.path.join(folder, name)) for folder, folders, files in os.walk(tree) for name in [*folders, *files]}
        first = self.summary(self.done("--json", "scan", tree).stdout)
        second = self.summary(self.done("--json", "scan", tree).stdout)
        self.assertEqual((second["fingerprint"], second["state"]), (first["fingerprint"], first["state"]))
        self.assertEqual(self.done("play", tree).stdout, self.done("play", tree).stdout)
        after = {name: os.lstat(os.path.join(folder, name)) for folder, folders, files in os.walk(tree) for name in [*folders, *files]}
        for name, was in before.items():
            now = after[name]
            self.assertEqual((now.st_mtime_ns, now.st_ctime_ns), (was.st_mtime_ns, was.st_ctime_ns), name)
        self.assertEqual(set(after), set(before))

    def test_a_copy_with_the_times_kept_gives_the_same_bytes(self):
        tree = self.make_tree()
        os.mkdir(self.path("copies"))
        shutil.copytree(tree, self.path("copies", "tree"), symlinks=True)
        os.unlink(self.path("copies", "tree", "second"))
        os.link(self.path("copies", "tree", "dir", "file"), self.path("copies", "tree", "second"))
        for path in ("", "dir", "link"):
            times = os.lstat(os.path.join(tree, path))
            os.utime(os.path.join(self.path("copies", "tree"), path), ns=(times.st_atime_ns, times.st_mtime_ns), follow_symlinks=False)
        self.done("pack", tree, "-o", self.path("a.tar.gz"))
        self.done("pack", self.path("copies", "tree"), "-o", self.path("b.tar.gz"))
        self.assertEqual(read(self.path("a.tar.gz")), read(self.path("b.tar.gz")))

    def test_a_later_scan_replaces_the_tape(self):
        tree = self.make_tree()
        self.done("scan", tree)
        write(os.path.join(tree, "more"))
        self.fails(6, "play", tree) if self.run_ragtape("play", tree).returncode == 6 else None
        self.done("scan", tree)
        self.assertIn(b"tree/more\0", self.done("play", tree).stdout)
        self.assertEqual(len(self.tapes_in(self.path("state"))), 1)


if __name__ == "__main__":
    unittest.main()
