#!/usr/bin/env python3
"""restore: what of an archive, where to, and in which form."""
import io
import os
import resource
import signal
import subprocess
import tarfile
import unittest

from cli import CliTest, read, write


class Restore(CliTest):
    def names(self, folder):
        return sorted(os.path.relpath(os.path.join(where, name), folder) for where, folders, files in os.walk(folder) for name in folders + files)

    def test_patterns_choose_members(self):
        archive = self.make_archive()
        self.done("restore", archive, "--to", self.path("a"), "--include", "fil*")
        self.assertEqual(self.names(self.path("a")), ["tree", "tree/dir", "tree/dir/file"])
        self.done("restore", archive, "--to", self.path("b"), "--exclude", "/dir", "--exclude", "link")
        self.assertEqual(self.names(self.path("b")), ["tree", "tree/empty", "tree/second"])
        self.assertEqual(read(self.path("b/tree/second")), b"hello\n")

    def test_components_are_stripped(self):
        archive = self.make_archive()
        self.done("restore", archive, "dir", "--to", self.path("a"), "--strip-components", "1")
        self.assertEqual(self.names(self.path("a")), ["dir", "dir/file"])
        done = self.done("restore", archive, "-n", "--to", self.path("b"), "--strip-components", "2")
        self.assertIn(b"would restore 1 members", done.stdout)

    def test_nothing_left_is_not_found(self):
        archive = self.make_archive()
        for words in (["--to", self.path("a")], ["--tar"]):
            failed = self.fails(10, "restore", archive, *words, "--include", "nowhere")
            self.assertIn(b"no member is left", failed.stderr)

    def test_a_tar_to_standard_output(self):
        archive = self.make_archive()
        whole = self.done("restore", archive, "--tar").stdout
        self.assertEqual(whole, subprocess.run(["gunzip", "-c", archive], stdout=subprocess.PIPE, check=True).stdout)
        part = self.done("restore", archive, "second", "dir", "--tar", "--strip-components", "1")
        with tarfile.open(fileobj=io.BytesIO(part.stdout)) as tar:
            self.assertEqual([(m.name, m.type, m.linkname) for m in tar], [("dir", b"5", ""), ("dir/file", b"0", ""), ("second", b"1", "dir/file")])
        done = self.done("--json", "restore", archive, "second", "--tar")
        self.assertEqual(self.summary(done.stderr)["members"], 1)
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            self.assertEqual(tar.extractfile("tree/second").read(), b"hello\n")

    def test_words_that_do_not_go_together(self):
        archive = self.make_archive()
        for words in ([], ["--tar", "--to", "x"], ["--tar", "--overwrite", "always"], ["--tar", "-n"], ["--to", ""],
                      ["--to", "x", "--strip-components", "-1"], ["--to", "x", "--include", ""], ["--to", "x", "--exclude", "/"]):
            self.fails(2, "restore", archive, *words)
            self.assertFalse(os.path.exists(self.path("x")))

    def interrupted(self, archive, *words, env=None):
        """Killed by the system in the middle of a file: none may have more than 100 kB."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        failed = self.run_ragtape("restore", archive, "--to", self.path("to"), *words, env=env, preexec_fn=limit)
        self.assertEqual(failed.returncode, -signal.SIGXFSZ, failed.stderr)
        self.assertEqual(len([name for name in self.names(self.path("to")) if ".part-" in name]), 1)

    def test_the_same_command_goes_on_after_an_interruption(self):
        tree = self.make_tree()
        write(os.path.join(tree, "large"), os.urandom(200_000))
        os.chmod(os.path.join(tree, "dir"), 0o755)
        self.done("pack", tree, "-o", self.path("a.tar.gz"), "--metadata", "full")
        self.interrupted(self.path("a.tar.gz"))
        self.assertFalse(os.path.exists(self.path("to/tree/large")))
        done = self.done("restore", self.path("a.tar.gz"), "--to", self.path("to"))
        self.assertIn(b"going on", done.stderr)
        self.assertIn(b"were there as recorded", done.stdout)
        self.assertEqual(subprocess.run(["diff", "-r", "--no-dereference", tree, self.path("to/tree")]).returncode, 0)
        self.assertEqual(os.stat(self.path("to/tree/second")).st_ino, os.stat(self.path("to/tree/dir/file")).st_ino)
        self.assertEqual(os.stat(self.path("to/tree/dir")).st_mtime_ns, os.stat(os.path.join(tree, "dir")).st_mtime_ns)
        self.assertEqual(os.listdir(self.path("state/restores")), [])
        # It came to its end: once more is another restore.
        self.assertIn(b"left alone", self.exits(3, "restore", self.path("a.tar.gz"), "--to", self.path("to")).stderr)

    def test_a_hard_link_never_leads_to_another_member_of_its_stripped_name(self):
        for name, text in (("x/a", b"first"), ("y/a", b"the second"), ("y/c", b"alone")):
            os.makedirs(os.path.dirname(self.path("t", name)), exist_ok=True)
            write(self.path("t", name), text)
        os.mkdir(self.path("t/z"))
        os.link(self.path("t/x/a"), self.path("t/z/l"))
        os.link(self.path("t/y/c"), self.path("t/z/m"))
        self.done("pack", self.path("t"), "-o", self.path("a.tar.gz"))
        self.done("restore", self.path("a.tar.gz"), "--to", self.path("to"), "--strip-components", "2", "--overwrite", "always")
        self.assertEqual((read(self.path("to/a")), read(self.path("to/l"))), (b"the second", b"first"))
        self.assertEqual(os.stat(self.path("to/c")).st_ino, os.stat(self.path("to/m")).st_ino)

    def test_other_words_do_not_go_on_and_without_state_nothing_does(self):
        tree = self.make_tree()
        write(os.path.join(tree, "large"), os.urandom(200_000))
        self.done("pack", tree, "-o", self.path("a.tar.gz"))
        self.interrupted(self.path("a.tar.gz"))
        self.assertIn(b"left alone", self.exits(3, "restore", self.path("a.tar.gz"), "--to", self.path("to"), "--exclude", "x").stderr)
        blocked = {"RAGTAPE_STATE": self.path("a.tar.gz") + "/state"}
        self.done("restore", self.path("a.tar.gz"), "--to", self.path("other"), env=blocked)


if __name__ == "__main__":
    unittest.main()
