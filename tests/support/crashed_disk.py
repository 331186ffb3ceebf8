"""What a disk can hold after a power failure: of the log that disk_log.c writes.

A Disk takes the log's records one by one. At any moment image() says what is left of it when the power fails there:

  kill    everything that was done (a killed process: the system goes on)
  unsynced  nothing that was not synced: a file has the bytes it had at its last fsync, a folder the names it had at its last
  names   names survive at once, bytes only when they were synced: a file can have its name and not one byte
  random  of everything that was not synced, each step survives or does not
"""
import os
import struct

HEAD = struct.Struct("=cQQII")
MODELS = ("kill", "unsynced", "names", "random")


def records(path):
    with open(path, "rb") as f:
        log = f.read()
    at = 0
    while at < len(log):
        op, inode, offset, name, data = HEAD.unpack_from(log, at)
        at += HEAD.size
        yield op.decode(), inode, offset, log[at:at + name].decode(), log[at + name:at + name + data]
        at += name + data


class File:
    def __init__(self):
        self.bytes = bytearray()
        self.synced = bytearray()
        self.unsynced = []      # (offset, bytes) or a size, since the last sync

    def write(self, offset, data):
        self._apply(self.bytes, (offset, data))
        self.unsynced.append((offset, data))

    def truncate(self, size):
        self._apply(self.bytes, size)
        self.unsynced.append(size)

    def sync(self):
        self.synced = bytearray(self.bytes)
        self.unsynced = []

    def some(self, random):
        out = bytearray(self.synced)
        for step in self.unsynced:
            if random.random() < 0.5:
                self._apply(out, step)
        return out

    @staticmethod
    def _apply(out, step):
        if isinstance(step, int):
            del out[step:]
            out.extend(bytes(step - len(out)))
        else:
            offset, data = step
            if len(out) < offset + len(data):
                out.extend(bytes(offset + len(data) - len(out)))
            out[offset:offset + len(data)] = data


class Disk:
    """Of the folder `root`, which is there from the beginning."""
    def __init__(self, root):
        self.root = root
        self.names = {}         # path: File
        self.synced = {}        # what folder syncs made durable
        self.unsynced = []      # changes of names since their folder's last sync: ((path, File or None), ...)
        self.inodes = {}
        self.folder = File()    # every folder is this one: only names matter

    def _do(self, *changes):
        """Changes of names that a crash leaves all done or all undone."""
        for path, file in changes:
            self._apply(self.names, path, file)
        self.unsynced.append(changes)

    @staticmethod
    def _apply(names, path, file):
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file

    def take(self, op, inode, offset, path, data):
        if op == "o":
            if path not in self.names:
                self._do((path, File()))
                self.inodes[inode] = self.names[path]
            elif offset:
                self.names[path].truncate(0)
        elif op == "w" and inode in self.inodes:
            self.inodes[inode].write(offset, data)
        elif op == "t" and inode in self.inodes:
            self.inodes[inode].truncate(offset)
        elif op == "s" and inode in self.inodes:
            self.inodes[inode].sync()
        elif op == "S":
            self._sync_folder(path)
        elif op in "rl":
            added = (data.decode(), self.names[path])
            self._do(added, (path, None)) if op == "r" else self._do(added)
        elif op == "u":
            self._do((path, None))
        elif op == "m":
            self._do((path, self.folder))
        elif op == "d":
            self._do((path, None))

    def find_inodes(self):
        """After write_image("kill"): the files have other inodes now."""
        self.inodes = {os.lstat(path).st_ino: file for path, file in self.names.items() if file is not self.folder and os.path.exists(path)}

    def _sync_folder(self, folder):
        left = []
        for changes in self.unsynced:
            if os.path.dirname(changes[0][0]) != folder:
                left.append(changes)
                continue
            for path, file in changes:
                self._apply(self.synced, path, file)
        self.unsynced = left

    def image(self, model, random=None):
        """{path: bytes, or None of a folder}; a file whose folder did not survive is none."""
        names = dict(self.synced)
        if model in ("kill", "names"):
            names = self.names
        elif model == "random":
            for changes in self.unsynced:
                if random.random() < 0.5:
                    for path, file in changes:
                        self._apply(names, path, file)
        content = {"kill": lambda file: file.bytes, "random": lambda file: file.some(random)}.get(model, lambda file: file.synced)
        out = {}
        for path, file in sorted(names.items()):
            folder = os.path.dirname(path)
            if folder in out or folder == self.root:
                out[path] = None if file is self.folder else content(file)
        return out

    def write_image(self, image):
        """Files of an image, where they were; SQLite's shared memory does not survive."""
        for path, data in image.items():
            if data is None:
                os.mkdir(path, mode=0o700)
            elif not path.endswith("-shm"):
                with open(path, "wb") as f:
                    f.write(data)
