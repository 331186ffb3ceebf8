"""What the tests of `ragtape ragzip` share: content, files of it, and where their gzip members lie."""
import os
import zlib

from cli import CliTest, read, write

FOOTER_SIZE = 64
# 27 pages and two levels of indexes.
SMALL = ["--page-size", "4K", "--index-exponent", "3"]


def members(data):
    """The offsets at which gzip members begin, and the end."""
    at, found = 0, [0]
    while at < len(data):
        inflater = zlib.decompressobj(31)
        inflater.decompress(data[at:])
        at = len(data) - len(inflater.unused_data)
        found.append(at)
    return found


class RagzipTest(CliTest):
    def setUp(self):
        super().setUp()
        self.content = b"".join(b"%d\n" % i for i in range(20000))
        write(self.path("a"), self.content)

    def ragzip(self, *args, **options):
        return self.done("ragzip", *args, **options)

    def encoded(self, name="a.gz", *options):
        self.ragzip("encode", self.path("a"), "-o", self.path(name), *options)
        return self.path(name)

    def small(self, name="s.gz", *options):
        return self.encoded(name, *SMALL, *options)

    def damaged(self, path, *places):
        """A copy of a file with a bit of each place flipped; a negative one counts from the end."""
        data = bytearray(read(path))
        for place in places:
            data[place] ^= 0x40
        write(self.path("damaged.gz"), bytes(data))
        return self.path("damaged.gz")

    def sole(self, *names):
        """The folder holds these files and no others."""
        there = [name for name in os.listdir(self.work) if name not in ("tmp", "a", "state", "ragtape")]
        self.assertEqual(sorted(there), sorted(names))
