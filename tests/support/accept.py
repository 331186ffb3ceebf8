"""What the acceptance programs share.  A program ends with `accept.main(program)`; program(work) gets a folder of its own
below $TMPDIR that is removed at the end.  Exit codes: 0 shown, 1 not so, 77 skipped.  `--short` or ACCEPT_SHORT=1 asks for
the variant that takes less than a minute."""
import base64
import concurrent.futures
import importlib.util
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import make_tree
from tree_diff import shown, tree_diff

SUPPORT = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(SUPPORT))
ORACLES = os.path.join(os.path.dirname(ROOT), "shared", "tools")
BINARY = os.path.abspath(os.environ.get("RAGTAPE") or os.path.join(ROOT, "build", "release", "bin", "ragtape"))
SHORT = "--short" in sys.argv[1:] or os.environ.get("ACCEPT_SHORT", "0") not in ("", "0")
AS_ROOT = os.geteuid() == 0
NOBODY = 65534


class NotShown(Exception):
    """The fact that the program is named after does not hold."""


class Skipped(Exception):
    pass


def fail(text):
    raise NotShown(text)


def skip(reason):
    raise Skipped(reason)


def check(condition, text):
    if not condition:
        fail(text)


def figure(text):
    print(text, flush=True)


def equal(found, expected, what):
    check(found == expected, "%s: found %s, expected %s" % (what, found, expected))


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            skip("%s is not installed" % tool)


# ---------------------------------------------------------------- processes

def run(*args, ok=(0,), **options):
    """A finished process with stdout and stderr as bytes; an exit code that is not in `ok` (None: any) fails the program."""
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run(args, stderr=subprocess.PIPE, **options)
    if ok is not None and done.returncode not in ok:
        command = " ".join(shown(os.fsencode(a)) for a in args)
        fail("%s: exit code %d, expected %s; stderr: %s" % (command, done.returncode, " or ".join(map(str, ok)), shown(done.stderr[-2000:])))
    return done


def ragtape(*args, **options):
    return run(BINARY, "--no-progress", *args, **options)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith(b"{")]


def summary(text):
    lines = [line for line in json_lines(text) if line.get("message_type") == "summary"]
    check(len(lines) == 1, "%d JSON summaries instead of one in: %s" % (len(lines), shown(text[-500:])))
    return lines[0]


def name_of(value):
    """The bytes of a name in our JSON: a string, or {"base64": …} when it is not UTF-8."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return value.encode()


def parallel(function, items, workers=2):
    """function(item) for all items, in order; the first exception ends it."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            return list(pool.map(function, items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def peak_memory(*args):
    """(peak resident bytes, seconds) of one successful process.  By GNU time, since a process that Python starts is
    charged with Python's own memory at its exec."""
    need("time")
    with tempfile.NamedTemporaryFile() as f:
        started = time.monotonic()
        run("time", "-q", "-f", "%M", "-o", f.name, *args, stdout=subprocess.DEVNULL)
        return int(f.read()) * 1024, time.monotonic() - started


def failing_calls(work):
    """failing_calls.c as a library for LD_PRELOAD."""
    library = os.path.join(work, "failing_calls.so")
    if not os.path.exists(library):
        run("cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library, os.path.join(SUPPORT, "failing_calls.c"), "-ldl", "-pthread")
    return library


def mebibytes(count):
    return "%.1f MiB" % (count / (1 << 20))


def is_clear_error(stderr, *places):
    """Whether an error text says `ragtape: error: WHAT: WHY` and names one of the places."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if re.match(r"ragtape: error: .+: .+", line)]
    return bool(lines) and any(place in line for line in lines for place in places)


# ---------------------------------------------------------------- oracles

def oracle(name):
    """An independent implementation from ../shared/tools as a module."""
    path = os.path.join(ORACLES, name + ".py")
    if not os.path.exists(path):
        skip("../shared/tools/%s.py is not there" % name)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------- trees

def made_tree(work, name="made"):
    """The made tree of make_tree.py as work/name."""
    path = os.path.join(work, name)
    for text in make_tree.made_tree(path):
        figure("made tree: left out here: " + text)
    return path


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME")
    path = os.path.join(base, "ragtape-tests") if base else os.path.join(tempfile.gettempdir(), "ragtape-tests-%d" % os.geteuid())
    os.makedirs(path, exist_ok=True)
    return path


def linux_source():
    """The unpacked source tree of Debian's package linux-source-6.1, kept in the cache folder; None without a mirror."""
    cache = cache_folder()
    tree = os.path.join(cache, "linux-source-6.1")
    if os.path.isdir(tree):
        return tree
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    partial = tempfile.mkdtemp(prefix="partial-", dir=cache)
    try:
        if subprocess.run(["apt-get", "download", "linux-source-6.1"], cwd=partial, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            return None
        package = [name for name in os.listdir(partial) if name.endswith(".deb")]
        run("dpkg-deb", "-x", package[0], "package", cwd=partial)
        run("tar", "-xJf", "package/usr/src/linux-source-6.1.tar.xz", cwd=partial)
        os.rename(os.path.join(partial, "linux-source-6.1"), tree)       # whole or not at all
        return tree
    finally:
        remove(partial)


def size_of_tree(tree):
    """(entries with the root, bytes of regular files)"""
    entries, size = 1, 0
    for folder, dirs, files in os.walk(os.fsencode(tree)):
        entries += len(dirs) + len(files)
        for name in files:
            st = os.lstat(os.path.join(folder, name))
            size += st.st_size if stat.S_ISREG(st.st_mode) else 0
    return entries, size


def big_tree(work):
    """A tree above 1 GiB; a made one of 40 MiB in the short variant.  Prints which."""
    if SHORT:
        tree, what = os.path.join(work, "big"), "made tree (short variant)"
        make_tree.big_tree(tree, 40 << 20)
    else:
        tree, what = linux_source(), "linux-source-6.1"
        if tree is None:
            tree, what = os.path.join(cache_folder(), "made-1100M"), "made tree (no mirror for linux-source-6.1)"
            if not os.path.isdir(tree):
                remove(tree + ".partial")
                make_tree.big_tree(tree + ".partial", 1100 << 20)
                os.rename(tree + ".partial", tree)
    figure("big tree: %s, %d entries, %d bytes" % (what, *size_of_tree(tree)))
    return tree


def expect_same(a, b, what, **options):
    """tree_diff finds nothing."""
    lines = tree_diff(a, b, **options)
    for line in lines[:20]:
        figure("  " + line)
    check(not lines, "%s: %d differences" % (what, len(lines)))
    figure("%s: tree_diff finds nothing" % what)


def remove(path):
    """Remove a tree with whatever modes it has."""
    if not AS_ROOT and os.path.isdir(path):
        subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL)
    shutil.rmtree(path, ignore_errors=True)


# ---------------------------------------------------------------- the program

def stop(number, frame):
    sys.exit(128 + number)


def main(program):
    signal.signal(signal.SIGTERM, stop)
    for name in ("SOURCE_DATE_EPOCH", "TAR_OPTIONS", "GZIP", "RAGTAPE_STATE"):
        os.environ.pop(name, None)
    os.environ.update(LC_ALL="C.UTF-8", TZ="UTC")
    work = tempfile.mkdtemp(prefix="ragtape-accept-")
    os.environ["XDG_STATE_HOME"] = os.path.join(work, "state-home")
    os.environ["RAGTAPE_CACHE"] = os.path.join(work, "cache-home")
    code = 1
    try:
        if not os.access(BINARY, os.X_OK):
            fail("%s is not there: build the preset release, or set RAGTAPE" % BINARY)
        program(work)
        code = 0
    except Skipped as reason:
        print("SKIP: %s" % reason)
        code = 77
    except NotShown as text:
        print("FAIL: %s" % text)
    finally:
        remove(work)
    sys.exit(code)
