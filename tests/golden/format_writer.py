"""A writer of ragzip files, made from docs/format.md alone: nothing of the program is used."""
import struct

NOTHING = bytes([3] + 9 * [0])


def member(payload, more=b"", nothing=NOTHING):
    """A metadata member (§3.2)."""
    return b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H2sH", len(payload) + 4 + len(more), b"RA", len(payload)) + payload + more + nothing


class Writer:
    """§3.3, word by word. Pages come as gzip members."""

    def __init__(self, page_bits, index_bits, nothing=NOTHING, more=b""):
        """`nothing`: the end of indexes and extensions; `more`: subfields behind theirs."""
        self.page_bits, self.slots, self.nothing, self.more = page_bits, 1 << index_bits, nothing, more
        self.index_bits, self.index, self.file, self.size, self.last_page = index_bits, {}, b"", 0, None

    def write(self, member):
        self.file += member
        return len(self.file) - len(member)

    def metadata(self, payload):
        return member(payload, self.more, self.nothing)

    def write_index(self, level):
        return self.write(self.metadata(b"".join(struct.pack(">q", offset) for offset in self.index[level])))

    def page(self, members, length):
        if self.last_page is not None:
            self.note(self.last_page, 1)
        self.last_page = self.write(members)
        self.size += length

    def note(self, offset, level):
        self.index.setdefault(level, [])
        if len(self.index[level]) == self.slots:
            full = self.write_index(level)
            self.index[level] = []
            self.note(full, level + 1)
        self.index[level].append(offset)

    def finish(self, extensions):
        if self.last_page is None:
            self.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + NOTHING)
        if 1 in self.index:
            self.note(self.last_page, 1)
        top, level, tail = 0, 1, -1
        while level in self.index:
            top = self.write_index(level)
            if level + 1 in self.index:
                self.note(top, level + 1)
            level += 1
        for ident, content in extensions:
            tail = self.write(self.metadata(struct.pack(">qBI", tail, 0, ident) + content))
        self.write(member(struct.pack(">I4BQqq", 0x10000, 0, level - 1, self.index_bits, self.page_bits, self.size, top, tail) + bytes(6)))
        return self.file
