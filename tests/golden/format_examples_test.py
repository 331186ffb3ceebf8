#!/usr/bin/env python3
"""format_examples_test.py [--update]: the examples of docs/format.md are what the program makes; and a reader and a writer
made from that page alone (format_reader.py, format_writer.py) get on with the program's files, both ways.

In the page, <!-- bytes: NAME OFFSET --> and <!-- dump: NAME SIZE --> stand in front of a block of hex. --update writes the
program's bytes into it, line by line as they stand there; where their number differs, it says so and shows the bytes.

What zlib makes of a page differs by its version. Metadata are compared in any case: the example `tiny` is assembled from the
page members that the page shows. That the program makes those members itself, and the volume with its node, is compared where
Python's zlib makes the documented bytes of the same content."""
import gzip
import io
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
from format_reader import Ragzip, inflate_member
from format_writer import NOTHING, Writer, member

ROOT = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(ROOT, "docs", "format.md")
BIN = os.path.join(ROOT, "build", "dev", "bin")
RAGTAPE = os.path.abspath(os.environ.get("RAGTAPE") or os.path.join(BIN, "ragtape"))
PROGRAM = os.path.abspath(os.environ.get("FORMAT_EXAMPLES") or os.path.join(BIN, "format_examples"))

BLOCK = re.compile(r"^<!-- (bytes|dump): (\w+) (\d+) -->\n```\n(.*?)^```$", re.M | re.S)
HEX_LINE = re.compile(r"^((?:[0-9a-f]{2} )*[0-9a-f]{2})(?=  |$)", re.M)
DUMP_LINE = re.compile(r"^([0-9a-f]{8}): ((?:[0-9a-f]{4} ){7}[0-9a-f]{4})  (.{16})", re.M)
TINY = b"a" * 512 + b"b" * 512 + b"c" * 76
TINY_PAGES = [TINY[at:at + 512] for at in range(0, len(TINY), 512)]


def run(*words, given=b"", environment=None):
    done = subprocess.run(words, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    if done.returncode:
        raise AssertionError("%s: %d\n%s" % (" ".join(words), done.returncode, done.stderr.decode(errors="replace")))
    return done.stdout


def refusal(file):
    """What the program's strict decoder says; empty when it takes the file."""
    done = subprocess.run([PROGRAM, "decode"], input=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stderr.decode() if done.returncode == 1 else ""


def deflated(content):
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return stream.compress(content) + stream.flush()


def page_member(content):
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated(content) + struct.pack("<II", zlib.crc32(content), len(content))


def pack(tree, archive, *options):
    state = archive + ".state"
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    run(RAGTAPE, "pack", tree, "-o", archive, *options, environment={**environment, "RAGTAPE_STATE": state})
    with open(archive, "rb") as f:
        return f.read()


def volume(work):
    """The tree of §1.6."""
    tree = os.path.join(work, "r")
    os.mkdir(tree)
    with open(os.path.join(tree, "a"), "wb") as f:
        f.write(b"hello\n")
    for path in (os.path.join(tree, "a"), tree):
        os.utime(path, (1700000000, 1700000000))
    return pack(tree, os.path.join(work, "r.tar.gz"), "--engine", "zlib", "--page-size", "512")


def leaf(file):
    """The inflated records of a volume with one node."""
    root, size = struct.unpack(">qI", Ragzip(file).extensions[-1][1][12:24])
    return zlib.decompress(file[root + 32:root + size - 10], -15)


def make_examples(work):
    made = volume(work)
    return {
        "tape": gzip.decompress(made), "volume": made, "leaf": leaf(made),
        "tiny": run(PROGRAM, "write", "zlib", "9", "1", "1001=hello", given=TINY),
        "empty": run(PROGRAM, "write", "zlib", "9", "10"),
    }


def shown(block):
    return bytes.fromhex("".join(HEX_LINE.findall(block)))


def in_lines(block, made):
    """The block with other bytes in its lines."""
    pieces = io.BytesIO(made)
    return HEX_LINE.sub(lambda line: pieces.read(len(bytes.fromhex(line[1]))).hex(" "), block)


def dump(made, at):
    row = made[at:at + 16]
    words = " ".join(row[i:i + 2].hex() for i in range(0, 16, 2))
    return "%08x: %s  %s" % (at, words, "".join(chr(c) if 32 <= c < 127 else "." for c in row))


def update(examples):
    def renewed(found):
        kind, name, number, block = found.groups()
        if kind == "dump":
            new = DUMP_LINE.sub(lambda line: dump(examples[name], int(line[1], 16)), block)
        else:
            size = len(shown(block))
            made = examples[name][int(number):][:size]
            new = in_lines(block, made)
            if len(made) != size or name in ("tiny", "empty", "leaf") and len(examples[name]) != size:
                print("%s has other places: write its block anew from\n%s" % (name, "\n".join(dump(examples[name], at) for at in range(0, len(examples[name]), 16))))
                new = block
        return found[0].replace(block, new)

    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(BLOCK.sub(renewed, text))


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = os.path.realpath(tempfile.mkdtemp(prefix="ragtape-test-"))
        cls.made = make_examples(cls.work)
        with open(PAGE, encoding="utf-8") as f:
            cls.blocks = [found.groups() for found in BLOCK.finditer(f.read())]
        cls.tiny = shown(next(block for _, name, _, block in cls.blocks if name == "tiny"))
        cls.node = shown(next(block for _, name, at, block in cls.blocks if (name, at) == ("volume", "311")))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    def need_same_zlib(self):
        """That zlib makes here what the page shows."""
        same = [self.tiny[at:].startswith(page_member(page)) for at, page in zip(Ragzip(self.tiny).offsets, TINY_PAGES)]
        records = zlib.decompress(self.node[32:-10], -15)
        if not all(same) or deflated(records) != self.node[32:-10]:
            self.skipTest("zlib %s deflates otherwise than docs/format.md shows" % zlib.ZLIB_RUNTIME_VERSION)

    def check(self, *names):
        checked = 0
        for kind, name, number, block in self.blocks:
            if name not in names:
                continue
            checked += 1
            if kind == "dump":
                lines = {int(at, 16): "%s: %s  %s" % (at, words, text) for at, words, text in DUMP_LINE.findall(block)}
                self.assertEqual(len(lines), block.count("\n"))
                for at in range(0, int(number), 16):
                    expected = dump(self.made[name], at)
                    self.assertEqual(lines.get(at, "%08x: %s  %s" % (at, " ".join(8 * ["0000"]), 16 * ".")), expected)
                continue
            made = self.made[name][int(number):]
            if name == "volume":
                made = made[:len(shown(block))]
            self.assertEqual(block, in_lines(block, made), "%s at %s: expected on the right" % (name, number))
            self.assertEqual(shown(block).hex(" "), made.hex(" "), "%s at %s" % (name, number))
        self.assertGreater(checked, 0)

    def test_the_page_has_all_examples(self):
        self.assertEqual([(kind, name, int(number)) for kind, name, number, _ in self.blocks], [
            ("dump", "tape", 512), ("bytes", "volume", 525), ("bytes", "volume", 245), ("bytes", "tiny", 0), ("bytes", "empty", 0),
            ("bytes", "volume", 311), ("bytes", "leaf", 0), ("bytes", "volume", 406)])

    def test_what_no_engine_changes_is_shown_as_it_is(self):
        self.check("tape", "empty")

    def test_metadata_around_the_pages_shown_are_those_shown(self):
        offsets = Ragzip(self.tiny).offsets
        given = b""
        for number, (page, begin) in enumerate(zip(TINY_PAGES, offsets)):
            content, end = inflate_member(self.tiny, begin, len(self.tiny), len(page))
            self.assertEqual(content, page)
            self.assertEqual(end, [26, 52, 76][number])
            given += struct.pack(">II", len(page), end - begin) + self.tiny[begin:end]
        self.assertEqual(run(PROGRAM, "assemble", "9", "1", "1001=hello", given=given).hex(" "), self.tiny.hex(" "))

    def test_pages_and_what_follows_from_them_are_those_shown(self):
        self.need_same_zlib()
        self.check("tiny", "volume", "leaf")
        self.assertEqual(len(self.made["volume"]), 589)

    def test_the_reader_reads_them(self):
        for name, content in (("tiny", TINY), ("empty", b""), ("volume", self.made["tape"])):
            self.assertEqual(Ragzip(self.made[name]).read(0, 1 << 20), content)
        self.assertEqual(Ragzip(self.tiny).extensions, [(1001, b"hello")])
        self.assertEqual([Ragzip(self.tiny).slot(page) for page in range(3)], [0, 26, 52])
        self.assertEqual(Ragzip(self.made["empty"][20:]).read(0, 1), b"")
        read = Ragzip(self.made["volume"])
        self.assertEqual([(r["path"], read.body(r)) for r in read.records()], [(b"r", b""), (b"r/a", b"hello\n")])

    def test_the_words_of_the_algorithm_give_the_tails_of_the_table(self):
        """§3.3, the table, for I = 2, 4 and 8; sN is an index with N slots."""
        for bits in (1, 2, 3):
            size = 1 << bits
            for pages in range(size * size + 2):
                m, r = divmod(pages - 1, size)
                if pages < 2:
                    tail, levels = [], 0
                elif pages <= size:
                    tail, levels = [pages], 1
                elif pages <= size * size:
                    tail, levels = ([size, 1, m + 1] if r == 0 else [r + 1, m + 1]), 2
                else:
                    tail, levels = [size, 1, size, 1, 2], 3
                file = run(PROGRAM, "write", "libdeflate", "9", str(bits), given=os.urandom(512) * pages)
                read = Ragzip(file)
                at, found = read.page(pages - 1)[1] if pages else 20, []
                while at < len(file) - 64:
                    found.append(struct.unpack("<H", file[at + 14:at + 16])[0] // 8)
                    at += 26 + 8 * found[-1]
                self.assertEqual((found, read.levels), (tail, levels), "%d pages, I = %d" % (pages, size))


class RandomFiles(unittest.TestCase):
    def content_of(self, rng):
        size = rng.choice([0, 1, 511, 512, 513, 1024, rng.randrange(60_000), rng.randrange(60_000)])
        return b"".join(rng.choice([rng.randbytes(1) * 97, rng.randbytes(97)]) for _ in range(size // 97 + 1))[:size]

    def test_what_the_program_writes_the_reader_reads_and_the_writer_writes(self):
        for seed in range(48):
            rng = random.Random(seed)
            content, page_bits, index_bits = self.content_of(rng), rng.choice([9, 9, 10, 12, 18]), rng.choice([1, 1, 2, 3, 10, 12])
            extensions = [(rng.randrange(1 << 32), b"x" * rng.randrange(40)) for _ in range(rng.choice([0, 0, 1, 3]))]
            words = ["%d=%s" % (ident, text.decode()) for ident, text in extensions]
            with self.subTest(seed=seed):
                file = run(PROGRAM, "write", rng.choice(["zlib", "libdeflate"]), str(page_bits), str(index_bits), *words, given=content)
                read = Ragzip(file)
                self.assertEqual(gzip.decompress(file), content)
                self.assertEqual(read.read(0, len(content) + 1), content)
                self.assertEqual(read.extensions, extensions)
                writer = Writer(page_bits, index_bits)
                for number in range(read.pages):
                    page, end = read.page(number)
                    self.assertEqual(read.slot(number), read.offsets[number])
                    writer.page(file[read.offsets[number]:end], len(page))
                self.assertEqual(writer.finish(extensions), file)
                for _ in range(20):
                    at, length = rng.randrange(len(content) + 1), rng.randrange(3000)
                    self.assertEqual(read.read(at, length), content[at:at + length])

    def test_what_other_writers_may_write_the_program_reads(self):
        """§3.7."""
        for seed in range(48):
            rng = random.Random(seed)
            content, page_bits, index_bits = self.content_of(rng), rng.choice([9, 10]), rng.choice([1, 2, 12])
            with self.subTest(seed=seed):
                stored = b"\x01\0\0\xff\xff" + bytes(8)
                writer = Writer(page_bits, index_bits, rng.choice([NOTHING, stored]), rng.choice([b"", b"TM\1\0x"]))
                for at in range(0, len(content), 1 << page_bits):
                    page = content[at:at + (1 << page_bits)]
                    writer.page(self.members(rng, page), len(page))
                    if rng.random() < 0.3:
                        writer.write(self.empty(rng))
                file = writer.finish([(7, b"seven")])
                self.assertEqual(gzip.decompress(file), content)
                self.assertEqual(run(PROGRAM, "decode", given=file), content)
                self.assertEqual(Ragzip(file).read(0, len(content)), content)

    def members(self, rng, page):
        out, begin = b"", 0
        while begin < len(page):
            end = rng.choice([len(page), rng.randrange(begin, len(page)) + 1])
            out += rng.choice([b"", b"", self.empty(rng)]) + self.member(rng, page[begin:end])
            begin = end
        return out

    def member(self, rng, content):
        flags, fields = 0, b""
        for flag, field in ((1, b""), (4, b"\5\0XY\1\0z"), (8, b"name\0"), (16, b"a comment\0")):
            if rng.random() < 0.3:
                flags, fields = flags | flag, fields + field
        stream = zlib.compressobj(rng.choice([0, 1, 9]), zlib.DEFLATED, -15)
        body = stream.compress(content[:9]) + stream.flush(rng.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])) + stream.compress(content[9:]) + stream.flush()
        header = struct.pack("<3BBIBB", 31, 139, 8, flags, rng.randrange(1 << 32), rng.choice([0, 2, 4]), rng.choice([0, 3, 255])) + fields
        if rng.random() < 0.3:
            header = header[:3] + bytes([flags | 2]) + header[4:]
            header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
        return header + body + struct.pack("<II", zlib.crc32(content), len(content))

    def empty(self, rng):
        return rng.choice([self.member(rng, b""), b"\x1f\x8b\x08\4\0\0\0\0\0\xff\5\0TM\1\0x" + NOTHING])

    def test_content_outside_of_pages_is_refused(self):
        """§3.6, rule 17. Empty members hold none."""
        for where in ("in front", "between", "behind", "behind the indexes"):
            for more, says in ((page_member(b""), ""), (page_member(b"more"), "content")):
                with self.subTest(where=where, more=more):
                    writer = Writer(9, 1)
                    if where == "in front":
                        writer.write(more)
                    for page in TINY_PAGES:
                        writer.page(page_member(page), len(page))
                        if where == "between" and page is TINY_PAGES[0]:
                            writer.write(more)
                    if where == "behind":
                        writer.write(more)
                    file = writer.finish([])
                    if where == "behind the indexes":
                        file = file[:-64] + more + file[-64:]
                    said = refusal(file)
                    self.assertIn(says, said)
                    self.assertEqual(said == "", says == "")

    def test_a_slot_that_names_metadata_is_refused(self):
        """§3.6, rule 13: the member is empty, and a page stands behind it."""
        for more, taken in ((member(b"x" * 8), False), (member(b"").replace(b"RA", b"TM"), True)):
            writer = Writer(9, 1)
            for page in TINY_PAGES:
                writer.page(more + page_member(page), len(page))
            self.assertEqual(refusal(writer.finish([])) == "", taken)


def whole_members(file):
    """Of each whole gzip member from offset 0 on: where it begins, its content, the slots it may hold, where it ends."""
    at = 0
    while at < len(file):
        try:
            content, end = inflate_member(file, at, len(file), 1 << 30)
        except (ValueError, IndexError, zlib.error, struct.error):
            return
        slots = file[at + 16:end - 10] if file[at + 3] == 4 and (end - at - 26) % 8 == 0 else b""
        yield at, content, struct.unpack(">%dq" % (len(slots) // 8), slots), end
        at = end


class OtherEnds(unittest.TestCase):
    """§3.9 and §3.10, on files of the program that have no extension."""

    def content(self, rng, pages):
        return rng.randbytes((pages << 9) + rng.choice([0, 0, 1, rng.randrange(512)]))

    def file(self, content, index_bits):
        return run(PROGRAM, "write", "zlib", "9", str(index_bits), given=content)

    def places(self, file):
        """Of pages, of indexes of level 1, and so on, in order."""
        out, level_of = [[]], {}
        for at, content, slots, _ in whole_members(file[:-64]):
            level = 0 if content else level_of[slots[0]] + 1
            level_of[at] = level
            out += [[]] * (level == len(out))
            out[level] = out[level] + [at]
        return out

    def appended(self, file, more):
        """§3.9. The pages of `more` are those of one run, made by the program."""
        read, places = Ragzip(file), self.places(file)
        full = read.size >> 9
        rest = read.read(full << 9, 512) + more
        writer = Writer(9, read.index_bits)
        if full > 0:
            writer.file, writer.size, writer.last_page = file[:read.page(full - 1)[1]], full << 9, places[0][full - 1]
        noted, level = full - 1, 1
        while noted > 0:
            written = (noted - 1) >> read.index_bits
            writer.index[level] = places[level - 1][written << read.index_bits:noted]
            noted, level = written, level + 1
        made = self.file(rest, read.index_bits)
        for number, at in enumerate(Ragzip(made).offsets[:Ragzip(made).pages]):
            page, end = Ragzip(made).page(number)
            writer.page(made[at:end], len(page))
        return writer.finish([])

    def test_a_file_that_was_appended_to_is_the_file_of_one_run(self):
        for seed in range(60):
            rng = random.Random(seed)
            index_bits = rng.choice([1, 1, 2, 3])
            old, more = self.content(rng, rng.randrange(1, 30)), self.content(rng, rng.randrange(1, 9))
            with self.subTest(seed=seed):
                self.assertEqual(self.appended(self.file(old, index_bits), more), self.file(old + more, index_bits))

    def rebuilt(self, cut):
        members = list(whole_members(cut))
        begins, size, pages = set(), 0, []
        for at, content, _, end in members:
            if content:
                begins.add(size)
                pages.append((cut[at:end], len(content)))
                size += len(content)
        page_bits = next(bits for bits in range(9, 31) if all(at in begins for at in range(0, size, 1 << bits)))
        last = max((at for at, content, _, _ in members if content), default=0)
        full = [slots for at, _, slots, _ in members if slots and at < last and slots[0] in [at for at, content, _, _ in members if content]]
        writer = Writer(page_bits, (len(full[0]) - 1).bit_length() if full else 10)
        for page in pages:
            writer.page(*page)
        return writer, writer.finish([])

    def test_a_file_without_its_end_is_known_from_its_members(self):
        for seed in range(40):
            rng = random.Random(seed)
            content, index_bits = self.content(rng, rng.randrange(2, rng.choice([5, 30]))), rng.choice([1, 2, 3])
            file = self.file(content, index_bits)
            cut = rng.choice([rng.randrange(len(file)), len(file) - 1])
            with self.subTest(seed=seed, cut=cut):
                writer, made = self.rebuilt(file[:cut])
                whole = [end for end in (Ragzip(file).page(number)[1] for number in range(Ragzip(file).pages)) if end <= cut]
                self.assertEqual(run(PROGRAM, "decode", given=made), content[:len(whole) << 9])
                if len(whole) > 1:
                    self.assertEqual(writer.page_bits, 9)
                self.assertIn(writer.index_bits, (index_bits, 10))
                if len(whole) > (1 << index_bits) + 1:
                    self.assertEqual(writer.index_bits, index_bits)
                if cut > Ragzip(file).top and len(whole) > (1 << index_bits) + 1:
                    self.assertEqual(made, file)


class Archives(unittest.TestCase):
    def setUp(self):
        self.work = os.path.realpath(tempfile.mkdtemp(prefix="ragtape-test-"))
        self.addCleanup(shutil.rmtree, self.work)

    def tree(self, rng):
        top = os.path.join(self.work, "tree")
        for folder in range(rng.randrange(1, 4)):
            os.makedirs(os.path.join(top, "folder %d" % folder))
            for number in range(rng.choice([0, 3, 40, 700])):
                with open(os.path.join(top, "folder %d" % folder, "%d" % number * rng.randrange(1, 30)), "wb") as f:
                    f.write(rng.randbytes(rng.choice([0, 1, 511, 512, 3000]) if number else 100_000))
        os.symlink("folder 0", os.path.join(top, "link"))
        return top

    def test_the_reader_finds_every_member_in_its_own_range(self):
        heights = set()
        for seed in range(8):
            rng = random.Random(seed)
            top = self.tree(rng)
            options = rng.choice([[], ["--page-size", "512"], ["--page-size", "4096", "--index-exponent", "1"], ["--metadata", "full"]])
            archive = os.path.join(self.work, "a.tar.gz")
            with self.subTest(seed=seed, options=options):
                read = Ragzip(pack(top, archive, *options))
                with tarfile.open(archive) as tar:
                    expected = [(m.name.encode(), m.type, m.size, m.mode, m.mtime, m.linkname.encode(), tar.extractfile(m).read() if m.isreg() else b"") for m in tar]
                found = [(r["path"], r["type"], r["size"], r["mode"], r["mtime"], r["target"] or b"", read.body(r)) for r in read.records()]
                self.assertEqual(len(found), read.records_said)
                self.assertEqual(found, expected)
                heights.add(read.height)
            os.unlink(archive)
            shutil.rmtree(top)
        self.assertEqual(heights, {1, 2})


if __name__ == "__main__":
    if "--update" in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="ragtape-test-") as folder:
            update(make_examples(folder))
    else:
        unittest.main()
