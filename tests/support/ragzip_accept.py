"""What the acceptance programs about ragzip files share: vectors, made content, runs of `ragtape ragzip`."""
import json
import os
import threading

from accept import BINARY, ORACLES, check, fail, run, shown, skip, summary

VECTORS = os.path.join(os.path.dirname(ORACLES), "vectors", "ragzip")
INDEX_MODES = ("cached", "loaded", "direct")
ANY_CODE = range(-64, 256)
MOST_EXTENSIONS = 50


def ragzip(*args, **options):
    return run(BINARY, "--no-progress", "-j", "1", "ragzip", *map(str, args), **options)


def json_of(verb, path, *args):
    """The summary that a verb gives as JSON."""
    return summary(run(BINARY, "--no-progress", "--json", "-j", "1", "ragzip", verb, path, *map(str, args)).stdout)


def vectors(folder=""):
    """(the folder, its manifest); skips without."""
    path = os.path.join(VECTORS, folder)
    try:
        with open(os.path.join(path, "manifest.json")) as f:
            return path, json.load(f)
    except FileNotFoundError:
        skip("../shared/vectors/ragzip is not there")


def vector_stream():
    """stream(n): the first n bytes of what the vectors were made from."""
    path = os.path.join(VECTORS, "make_inputs.py")
    if not os.path.exists(path):
        skip("../shared/vectors/ragzip is not there")
    names = {"__name__": "make_inputs", "__file__": path}
    with open(path) as f:
        exec(compile(f.read(), path, "exec"), names)
    whole = names["stream"](max(names["SIZES"]))
    return lambda n: whole[:n]


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def write_bytes(path, content):
    with open(path, "wb") as f:
        f.write(content)
    return path


def thread_folder(work):
    """A folder of the calling thread's own."""
    path = os.path.join(work, "thread-%d" % threading.get_ident())
    os.makedirs(path, exist_ok=True)
    return path


def made_content(r, size):
    """Bytes of some kind: zeros, text, noise, or runs of each."""
    kind = r.choice(("zeros", "text", "noise", "mixed"))
    if kind == "zeros":
        return bytes(size)
    if kind == "noise":
        return r.randbytes(size)
    words = [bytes(r.choices(b"abcdefghij \n", k=r.randint(1, 9))) for _ in range(20)]
    out = bytearray()
    while len(out) < size:
        if kind == "mixed" and r.random() < 0.3:
            out += r.choice((bytes(r.randint(1, 3000)), r.randbytes(r.randint(1, 3000))))
        else:
            out += b" ".join(r.choices(words, k=50))
    return bytes(out[:size])


def made_ranges(r, size, page_size, count):
    """(offset, length) of `count` ranges, many of which begin or end at a page or at the end of the content."""
    out = []
    for _ in range(count):
        begin = r.choice((0, r.randint(0, size), r.randint(0, size) // page_size * page_size, max(0, size - 1), size))
        length = r.choice((0, 1, page_size, page_size + 1, r.randint(0, size), size - begin, size + 7))
        out.append((begin, length))
    return out


def cat(path, offset, length, mode, **options):
    return ragzip("cat", path, "--offset", offset, "--length", length, "--index-mode", mode, **options)


def check_ranges(path, content, ranges, modes, what):
    """Each range gives its bytes, by one of the modes in turn."""
    for k, (offset, length) in enumerate(ranges):
        mode = modes[k % len(modes)]
        found = cat(path, offset, length, mode).stdout
        check(found == content[offset:offset + length], "%s: %d bytes at %d by mode %s are others" % (what, length, offset, mode))


def check_words(path, ok=(0, 4)):
    """(exit code, what `check` says)"""
    done = ragzip("check", path, ok=ok)
    says_none = b": no violations; " in done.stdout
    if says_none != (done.returncode == 0):
        fail("check: exit code %d, but it says: %s" % (done.returncode, shown(done.stdout)))
    return done.returncode, done.stdout


def extension_arguments(folder, extensions):
    """--extension words for (id, payload) pairs, whose payloads become files in the folder."""
    out = []
    for k, (number, payload) in enumerate(extensions):
        path = write_bytes(os.path.join(folder, "extension-%d" % k), payload)
        out += ["--extension", "%d:%s" % (number, path)]
    return out


def extensions_in(content, parsed):
    """(flags, id, payload) of each extension that rgz.parse found."""
    out = []
    for extension in parsed["extensions"]:
        begin = extension["off"] + 16 + 13
        out.append((extension["flags"], extension["id"], content[begin:begin + extension["len"]]))
    return out


def content_of(rgz, file_content):
    """What a file of ragzip or any gzip members holds."""
    return b"".join(member["data"] for member in rgz.members(file_content))


def made_extensions(r, most=4):
    """(id, payload) pairs; none is of the member index of a tape."""
    count = r.choice((0, 0, 1, r.randint(0, most)))
    return [(r.choice((0, 1, r.getrandbits(31), 0xFFFFFFFF)), r.randbytes(r.choice((0, 1, 100, r.randint(0, 3000))))) for _ in range(count)]


def levels_of(page_count, index_exponent):
    levels = 0
    while page_count > 1:
        page_count = -(-page_count >> index_exponent)
        levels += 1
    return levels
