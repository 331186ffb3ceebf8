"""A reader of ragzip files and their member indexes, made from docs/format.md alone: nothing of the program is used.

Numbers in comments are rules of §3.6 and §4.7. XXH3 is not checked: Python has none."""
import struct
import zlib


def require(holds, rule):
    if not holds:
        raise ValueError(rule)


def inflate_member(file, at, limit, most):
    """The gzip member at `at`: its content and its end."""
    require(file[at:at + 3] == b"\x1f\x8b\x08" and file[at + 3] & 0xE0 == 0, "15: header at %d" % at)
    flags, body = file[at + 3], at + 10
    if flags & 4:
        body += 2 + int.from_bytes(file[body:body + 2], "little")
    for _ in range(bool(flags & 8) + bool(flags & 16)):
        body = file.index(b"\0", body) + 1
    body += 2 if flags & 2 else 0
    stream = zlib.decompressobj(-15)
    content = stream.decompress(file[body:limit], most + 1)
    require(stream.eof and len(content) <= most, "14, 15: member at %d" % at)
    end = limit - len(stream.unused_data)
    require(end + 8 <= limit and struct.unpack("<II", file[end:end + 8]) == (zlib.crc32(content), len(content)), "15: trailer at %d" % end)
    return content, end + 8


def metadata(file, at, limit, ident):
    """The payload of the metadata member at `at`, and its end."""
    require(0 <= at and at + 26 <= limit and file[at:at + 4] == b"\x1f\x8b\x08\x04", "1: member at %d" % at)
    extra, first, size = struct.unpack("<H2sH", file[at + 10:at + 16])
    require(first == ident and size + 4 <= extra and at + 12 + extra <= limit, "2: member at %d" % at)
    return file[at + 16:at + 16 + size], inflate_member(file, at, limit, 0)[1]


class Ragzip:
    def __init__(self, file):
        self.file = file
        self.end = len(file) - 64
        require(self.end >= 0, "4: too short")
        payload, end = metadata(file, self.end, len(file), b"RA")
        require(end == len(file) and len(payload) >= 32, "4: footer")
        version, reserved, self.levels, self.index_bits, self.page_bits, self.size, self.top, tail = struct.unpack(">I4BQqq", payload[:32])
        require(version == 0x10000 and reserved == 0 and 9 <= self.page_bits <= 30 and 1 <= self.index_bits <= 12, "5: footer")
        self.pages = (self.size + (1 << self.page_bits) - 1) >> self.page_bits
        levels = 0
        while 1 << (levels * self.index_bits) < self.pages:
            levels += 1
        require(self.size < 1 << 62 and levels == self.levels, "6: levels")
        require(0 <= self.top < self.end if levels else self.top == 0, "7: top")
        self.extensions = []
        limit = self.end
        while tail != -1:
            require(len(self.extensions) < 50, "8: extensions")
            payload, end = metadata(file, tail, limit, b"RA")
            require(13 <= len(payload) <= 32781, "9: extension")
            limit = tail
            tail, flags, ident = struct.unpack(">qBI", payload[:13])
            require(tail >= -1 and flags < 0x80, "8, 9: extension")
            self.extensions.insert(0, (ident, payload[13:]))
        self.offsets = self.load()

    def load(self):
        """Mode loaded of §3.8: the offsets of all pages, and where the last one ends at the latest."""
        indexes, limit = [self.top], self.end
        for level in range(self.levels, 0, -1):
            below, slots = [], ((self.pages - 1) >> (level - 1) * self.index_bits) + 1
            for at, behind in zip(indexes, indexes[1:] + [limit]):
                payload, _ = metadata(self.file, at, behind, b"RA")
                count = min(slots - len(below), 1 << self.index_bits)
                require(len(payload) == 8 * count, "10: index at %d" % at)
                new = struct.unpack(">%dq" % count, payload)
                require(new[-1] < at and all(a < b for a, b in zip((below[-1:] or [-1]) + list(new), new)), "11: index at %d" % at)
                below += new
            limit, indexes = indexes[-1], below
        return (indexes if self.pages else []) + [limit]

    def slot(self, page):
        """Mode direct of §3.8, without its checks: where a page begins."""
        at, pages = self.top, self.pages
        for level in range(self.levels, 0, -1):
            bits = (level - 1) * self.index_bits
            count, slot = ((pages - 1) >> bits) + 1, page >> bits
            require(self.file[at:at + 4] == b"\x1f\x8b\x08\x04" and self.file[at + 12:at + 16] == b"RA" + struct.pack("<H", 8 * count), "direct")
            page, pages = page - (slot << bits), min(1 << bits, pages - (slot << bits))
            at, = struct.unpack(">q", self.file[at + 16 + 8 * slot:at + 24 + 8 * slot])
        return at

    def page(self, number):
        """Its content, and where it ends."""
        at, limit = self.offsets[number:number + 2]
        require(not (self.file[at + 3] & 4 and self.file[at + 12:at + 14] == b"RA"), "13: page at %d" % at)
        missing, content = min(1 << self.page_bits, self.size - (number << self.page_bits)), b""
        while missing > len(content):
            more, at = inflate_member(self.file, at, limit, missing - len(content))
            content += more
        return content, at

    def read(self, offset, length):
        out = b""
        while offset < self.size and len(out) < length:
            content, skip = self.page(offset >> self.page_bits)[0], offset & ((1 << self.page_bits) - 1)
            more = content[skip:skip + length - len(out)]
            out, offset = out + more, offset + len(more)
        return out

    def records(self):
        """All leaf records of the member index, as dicts, in order."""
        content = next(content for ident, content in self.extensions if ident == 0x544D4958)
        version, self.height, self.records_said, root, length, leaves, leaves_length, size, top = struct.unpack(">HHQqIqqqq", content[:56])
        require((version, size, top, len(content)) == (1, self.size, self.top, 80), "TMIX")
        return self.below(root, length, self.height) if self.records_said else []

    def below(self, at, length, height):
        payload, end = metadata(self.file, at, self.end, b"TM")
        version, kind, count, inflated = struct.unpack(">BBHI", payload[:8])
        require((version, kind, end) == (1, int(height > 1), at + length) and inflated <= 16300, "4.7: node at %d" % at)
        fields, path, out = Fields(zlib.decompress(payload[16:], -15)), b"", []
        before = dict.fromkeys(("offset", "page", "child"), 0)
        for _ in range(count):
            shared = fields.varint()
            path = path[:shared] + fields.take(fields.varint())
            if kind:
                before["child"] += fields.varint()
                out += self.below(before["child"], fields.varint(), height - 1)
                continue
            record = {"path": path, "type": fields.take(1), "flags": fields.take(1)[0]}
            record["offset"] = before["offset"] = before["offset"] + fields.zigzag()
            record["header_blocks"], record["size"], record["mode"] = (fields.varint() for _ in range(3))
            record["mtime"], record["nanoseconds"] = fields.zigzag(), fields.varint()
            record["owner"] = (fields.varint(), fields.varint()) if record["flags"] & 1 else None
            record["target"] = fields.take(fields.varint()) if record["flags"] & 2 else None
            record["hash"] = fields.take(16) if record["flags"] & 4 else None
            record["page"] = before["page"] = before["page"] + fields.zigzag()
            record["length"] = fields.varint()
            out.append(record)
        require(fields.at == len(fields.bytes) == inflated, "4.7: node at %d" % at)
        return out

    def body(self, record):
        """Of a record, from its own range of the file and nothing else (§4.7 "Read")."""
        first = max(0, record["offset"]) >> self.page_bits << self.page_bits
        fetched, content, at = self.file[record["page"]:record["page"] + record["length"]], b"", 0
        while at < len(fetched):
            more, at = inflate_member(fetched, at, len(fetched), 1 << self.page_bits)
            content += more
        begin = record["offset"] + 512 * record["header_blocks"] - first
        return content[begin:begin + record["size"]]


class Fields:
    def __init__(self, body):
        self.bytes, self.at = body, 0

    def take(self, size):
        require(self.at + size <= len(self.bytes), "4.7: a record passes the end")
        self.at += size
        return self.bytes[self.at - size:self.at]

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def zigzag(self):
        value = self.varint()
        return -(value >> 1) - 1 if value & 1 else value >> 1
