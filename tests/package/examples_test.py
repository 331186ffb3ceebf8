#!/usr/bin/env python3
"""examples_test.py BUILD: what is installed is enough for other programs: docs/examples build against it, by CMake and by
pkg-config, and do what they say."""
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = os.path.abspath(sys.argv.pop(1))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "docs", "examples")


def run(*words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode:
        raise AssertionError("%s: %d\n%s" % (" ".join(words), done.returncode, (done.stdout + done.stderr).decode(errors="replace")[-3000:]))
    return done.stdout


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="ragtape-package-")
        cls.prefix, cls.tree = os.path.join(cls.work, "prefix"), os.path.join(cls.work, "tree")
        os.environ["RAGTAPE_STATE"] = os.path.join(cls.work, "state")
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        # What only libtape's own sources include is nothing that others must have.
        run("cmake", "-G", "Ninja", "-S", EXAMPLES, "-B", os.path.join(cls.work, "build"), "-DCMAKE_PREFIX_PATH=" + cls.prefix, "-DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON")
        run("cmake", "--build", os.path.join(cls.work, "build"))
        os.makedirs(os.path.join(cls.tree, "dir"))
        cls.content = os.urandom(300_000)
        for name, content in (("a", b"abc"), ("dir/large", cls.content), ("z", b"")):
            with open(os.path.join(cls.tree, name), "wb") as f:
                f.write(content)
        cls.tape = os.path.join(cls.work, "t.tape")
        cls.stream = cls.example("stream_a_folder", cls.tree, cls.tape)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    @classmethod
    def example(cls, name, *words):
        return run(os.path.join(cls.work, "build", name), *words)

    def ragtape(self, *words):
        return run(os.path.join(self.prefix, "bin", "ragtape"), *words)

    def test_a_stream_goes_on_from_any_byte(self):
        self.assertEqual(run("tar", "-xO", "tree/dir/large", input=self.stream), self.content)
        for offset in (0, 1, 100_000, len(self.stream) - 1, len(self.stream)):
            self.assertEqual(self.example("stream_a_folder", self.tree, self.tape, str(offset)), self.stream[offset:])

    def test_slices_are_the_stream(self):
        folder = os.path.join(self.work, "slices")
        os.mkdir(folder)
        said = self.example("slices_of_a_tape", self.tape, "100000", folder).decode()
        whole = b"".join(open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder)))
        self.assertEqual(whole, self.stream)
        self.assertEqual(re.findall(r"^  (\w+) tree/dir/large$", said, re.M), ["head", "body", "body", "tail"])

    def test_events_tell_members_and_digests(self):
        lines = self.example("members_as_events", self.tape).decode().splitlines()
        self.assertIn("512 tree/a md5 900150983cd24fb0d6963f7d28e17f72", lines)
        self.assertEqual(lines[-1], "%d completed" % len(self.stream))

    def test_one_file_comes_out_of_an_archive(self):
        archive = os.path.join(self.work, "a.tar.gz")
        self.ragtape("pack", self.tree, "-o", archive, "--page-size", "16KiB")
        self.assertEqual(self.example("one_file_of_an_archive", archive, "tree/dir/large"), self.content)
        begin, end, skip, take = map(int, re.findall(r"\d+", self.example("where_is_it", archive, "tree/dir/large").decode()))
        with open(archive, "rb") as f:
            inflated = gzip.decompress(f.read()[begin:end])
        self.assertEqual(inflated[skip:skip + take], self.content)

    def test_pkg_config_is_enough(self):
        environment = dict(os.environ, PKG_CONFIG_PATH=os.path.join(self.prefix, "lib", "pkgconfig") + ":" + self.debian_place())
        flags = run("pkg-config", "--cflags", "--libs", "tape", env=environment).decode().split()
        program = os.path.join(self.work, "by-pkg-config")
        run(os.environ.get("CXX", "c++"), "-std=c++20", os.path.join(EXAMPLES, "stream_a_folder.cc"), "-o", program, *flags)
        self.assertEqual(run(program, self.tree, self.tape), self.stream)

    def flags_at(self, libdir, includedir):
        """What pkg-config says of an installation with these folders."""
        prefix = os.path.join(self.work, "other")
        folder = os.path.join(libdir if os.path.isabs(libdir) else os.path.join(prefix, libdir), "pkgconfig")
        os.makedirs(folder)
        run("cmake", "-DPROJECT_VERSION=1", "-DCMAKE_INSTALL_PREFIX=" + prefix, "-DCMAKE_INSTALL_LIBDIR=" + libdir, "-DCMAKE_INSTALL_INCLUDEDIR=" + includedir,
            "-Dtape_pc=" + os.path.join(folder, "tape.pc"), "-P", os.path.join(ROOT, "cmake", "pkg_config.cmake"))
        words = run("pkg-config", "--cflags", "--libs", "tape", env=dict(os.environ, PKG_CONFIG_PATH=folder)).decode().split()
        shutil.rmtree(folder)
        return [os.path.normpath(word[2:]) for letter in "IL" for word in words if word.startswith("-" + letter)][:2]

    def test_pkg_config_finds_headers_and_archives_in_every_layout(self):
        prefix, far = os.path.join(self.work, "other"), os.path.join(self.work, "far")
        for libdir, includedir in (("lib", "include"), ("lib/x86_64-linux-gnu", "include"), ("lib64", "include/deep"), (far + "/lib", "include"), ("lib", far + "/include")):
            with self.subTest((libdir, includedir)):
                self.assertEqual(self.flags_at(libdir, includedir), [os.path.join(prefix, includedir), os.path.join(prefix, libdir)])

    def debian_place(self):
        found = [folder for folder, _, names in os.walk(self.prefix) if "tape.pc" in names]
        self.assertEqual(len(found), 1)
        return found[0]


if __name__ == "__main__":
    unittest.main()
