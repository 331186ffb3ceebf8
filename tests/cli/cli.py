"""What the tests of the command line share: a folder of their own, a small tree, and the program as a user calls it.

The program is $RAGTAPE.  Each file is a plain unittest program; ctest runs it as cli.<name>."""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
RAGTAPE = os.path.abspath(os.environ.get("RAGTAPE") or os.path.join(ROOT, "build", "dev", "bin", "ragtape"))
NOBODY = 65534
TIME_LIMIT_S = 60


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, content=b"content\n"):
    with open(path, "wb") as f:
        f.write(content)


class CliTest(unittest.TestCase):
    def setUp(self):
        self.work = os.path.realpath(tempfile.mkdtemp(prefix="ragtape-test-"))
        self.addCleanup(self.remove_work)
        self.tmp = self.path("tmp")
        os.mkdir(self.tmp)
        os.chmod(self.work, 0o755)
        os.chmod(self.tmp, 0o777)
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TMPDIR": self.tmp, "RAGTAPE_STATE": self.path("state"), "RAGTAPE_CACHE": self.path("cache")}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def remove_work(self):
        subprocess.run(["chmod", "-R", "u+rwX", self.work], check=False)
        shutil.rmtree(self.work)

    def path(self, *names):
        return os.path.join(self.work, *names)

    def make_tree(self, name="tree"):
        """A directory with a file in a folder, a hard link, a symlink and an empty file."""
        top = self.path(name)
        os.makedirs(os.path.join(top, "dir"))
        write(os.path.join(top, "dir", "file"), b"hello\n")
        os.link(os.path.join(top, "dir", "file"), os.path.join(top, "second"))
        os.symlink("dir/file", os.path.join(top, "link"))
        write(os.path.join(top, "empty"), b"")
        return top

    def make_archive(self, *options):
        self.done("pack", self.make_tree(), "-o", self.path("a.tar.gz"), *options)
        return self.path("a.tar.gz")

    def environment_with(self, changes):
        """None removes a variable."""
        merged = {**self.environment, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def run_ragtape(self, *args, env=None, as_nobody=False, **options):
        """A finished run; stdout and stderr as bytes."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("cwd", self.work)
        program = RAGTAPE
        if as_nobody and os.geteuid() == 0:
            program = self.program_for_nobody()
            options.update(user=NOBODY, group=NOBODY, extra_groups=[])
        return subprocess.run([program, *args], env=self.environment_with(env), timeout=TIME_LIMIT_S, **options)

    def program_for_nobody(self):
        """The build may lie where only root can go."""
        copy = self.path("ragtape")
        if not os.path.exists(copy):
            shutil.copy(RAGTAPE, copy)
            os.chmod(copy, 0o755)
        return copy

    def exits(self, code, *args, **options):
        done = self.run_ragtape(*args, **options)
        self.assertEqual(done.returncode, code, "%s\nstderr: %s" % (args, (done.stderr or b"").decode(errors="replace")))
        return done

    def done(self, *args, **options):
        return self.exits(0, *args, **options)

    def fails(self, code, *args, says=(), **options):
        """A run that ends with `code` and an error on stderr that holds each of `says`."""
        done = self.exits(code, *args, **options)
        self.assertIn(b"ragtape: error: ", done.stderr)
        for text in says:
            self.assertIn(text.encode(), done.stderr)
        return done

    def json_lines(self, output):
        return [json.loads(line) for line in output.decode().splitlines()]

    def summary(self, output):
        """The last line; there is no other summary."""
        lines = self.json_lines(output)
        self.assertEqual([line["message_type"] for line in lines].count("summary"), 1, lines)
        self.assertEqual(lines[-1]["message_type"], "summary")
        return lines[-1]

    def start(self, *args, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen([RAGTAPE, *args], stderr=subprocess.PIPE, cwd=self.work, env=self.environment, **options)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait(), process.stderr.close()))
        return process

    def wait_until(self, holds, what):
        end = time.monotonic() + TIME_LIMIT_S
        while not holds():
            self.assertLess(time.monotonic(), end, "never: " + what)
            time.sleep(0.002)
