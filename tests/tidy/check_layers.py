#!/usr/bin/env python3
"""Who may include whom, and the other rules of docs/architecture.md that a machine can check.

  check_layers.py [ROOT]     ROOT: the checkout, by default the one that this file is in

Prints one line for each violation; exit 0 without, 1 with.  The rules are the tables at the top.
"""
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Room(NamedTuple):
    """What the sources of one folder may include, besides themselves, the public headers and the C++ library."""
    rooms: str = ""         # private folders, by the first part of the include: "base" is "base/x.h"
    third_parties: str = ""
    posix: bool = False


LIBTAPE = "libtape/src"
ROOMS = {
    "libtape/include/tape": Room(),
    "libtape/src/base": Room(posix=True),
    "libtape/src/format": Room("base"),
    "libtape/src/codec": Room("base format", "libdeflate zlib isal xxhash openssl nlohmann"),
    "libtape/src/os": Room("base", posix=True),
    "libtape/src/db": Room("base", "sqlite", posix=True),
    "libtape/src/catalog": Room("base format codec db", posix=True),
    "libtape/src/play": Room("base format codec"),
    "libtape/src/restore": Room("base format codec"),
    "agent/net": Room("", "fmt nlohmann curl openssl", posix=True),
    "agent/store": Room("net", "fmt nlohmann expat openssl", posix=True),
    "agent/backup": Room("net store db", "fmt nlohmann", posix=True),   # db: the journal is a SQLite file too
    "agent/ragzip": Room(),
    "agent/restore": Room("store net", "fmt nlohmann", posix=True),
    "agent/serve": Room("restore", "fmt nlohmann httplib", posix=True),
    "agent/schedule": Room("backup net", "fmt nlohmann", posix=True),
    "agent/cli": Room("net store backup ragzip restore serve schedule", "fmt nlohmann cli11 toml++", posix=True),
}
# A file in one of these includes one third party at most, so that another can take its place.
ONE_THIRD_PARTY_PER_FILE = {"libtape/src/codec"}

# Tests include what they test; but the two versions of Catch2 differ, and only tests/support knows how.
TEST_FOLDERS = {"acceptance", "bench", "cli", "conformance", "fault", "fuzz", "golden", "interop", "support", "tidy", "unit"}
CATCH2_FOLDER = "tests/support"

THIRD_PARTIES = {
    "sqlite": r"sqlite3(ext)?\.h",
    "libdeflate": r"libdeflate\.h",
    "zlib": r"zlib\.h|zconf\.h",
    "isal": r"isa-l/.*|isa-l\.h|igzip_lib\.h",
    "xxhash": r"xxhash\.h|xxh3\.h",
    "openssl": r"openssl/.*",
    "curl": r"curl/.*",
    "expat": r"expat\.h",
    "fmt": r"fmt/.*",
    "nlohmann": r"nlohmann/.*",
    "cli11": r"CLI/.*",
    "toml++": r"toml\+\+/.*",
    "httplib": r"httplib\.h",
    "catch2": r"catch2/.*",
}
CPP_LIBRARY = r"[a-z0-9_]+"     # <vector>, <cstdint>: no dot, no slash
POSIX = (r"(sys|linux|net|netinet|arpa)/.*|(acl|dirent|endian|errno|fcntl|fnmatch|grp|limits|locale|netdb|poll|pthread|pwd|sched"
         r"|signal|spawn|stdint|stdio|stdlib|string|strings|syslog|termios|time|unistd|wchar)\.h")

# `catch` belongs at the top of a thread, in C callbacks, in within(), in the retry decorator and in main.
CATCH_FILES = {
    "agent/cli/main.cc",
    "agent/net/http_client.cc",         # callbacks of libcurl, which is C
    "agent/store/retry_store.cc",
    "agent/store/s3_xml.cc",            # callbacks of expat, which is C
    "libtape/include/tape/error.h",     # within()
    "libtape/include/tape/ordered_workers.h",   # the top of its threads
    "libtape/src/base/read_ahead.h",    # the same
}
REINTERPRET_CAST_FILES = {
    "libtape/include/tape/bytes.h",     # text as bytes and back
    "libtape/src/db/sqlite.cc",         # SQLite's text is unsigned char
}

TOP_LEVEL = {
    "agent", "build", "cmake", "docs", "libtape", "schemas", "scripts", "tests",
    "CHANGELOG.md", "CMakeLists.txt", "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "README.md",
}
SOURCE_SUFFIXES = {".cc", ".h", ".cpp", ".hpp", ".c"}
NOT_LOOKED_INTO = {".git", "build", "__pycache__"}
# Folders that checkouts lie in on many machines: a path that begins so tells nothing of this one.
COMMON_PLACES = {"/", "/home", "/opt", "/srv", "/tmp", "/usr/src", "/usr/local/src", "/var/tmp"}
TEXT_SIZE_MAX = 1 << 20

COMMENT_OR_STRING = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<end>[^(\s]*)\(.*?\)(?P=end)"|"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])*'""", re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]*)[>"]', re.MULTILINE)
BANNED = [      # what, pattern, files where it is allowed, allowed in tests
    ("catch", re.compile(r"\bcatch\s*\("), CATCH_FILES, True),
    ("reinterpret_cast", re.compile(r"\breinterpret_cast\b"), REINTERPRET_CAST_FILES, True),
    ("std::thread (std::jthread joins by itself)", re.compile(r"\bstd\s*::\s*thread\b(?!\s*::)"), set(), False),
]


def without(text, comments_only):
    """The text with comments, and strings too unless comments_only, made blank; lines stay lines."""
    def blank(match):
        if comments_only and match[0][0] != "/":
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])
    return COMMENT_OR_STRING.sub(blank, text)


def third_party(header):
    return next((name for name, pattern in THIRD_PARTIES.items() if re.fullmatch(pattern, header)), None)


def private_include(root, folder, header):
    """Why a source in `folder` may not include "header", or None."""
    first = header.split("/")[0]
    room = ROOMS[folder]
    if ".." in header.split("/") or "/" not in header:
        return "write a header with its folder, from the include root"
    if first == "tape":
        return None
    if folder == "libtape/include/tape":
        return "a public header includes public headers and the C++ library only"
    if first != folder.split("/")[-1] and first not in room.rooms.split():
        return "%s is not among the rooms that %s may include" % (first, folder)
    # Both trees have a room named restore: the agent means its own, libtape's is private.
    in_agent = folder.startswith("agent/") and first != "db"
    if in_agent and (root / LIBTAPE / header).exists() and not (root / "agent" / header).exists():
        return "a private header of libtape"
    return None


def system_include(folder, header):
    """Why a source in `folder` may not include <header>, or None."""
    room = ROOMS[folder]
    if re.fullmatch(CPP_LIBRARY, header):
        return None
    name = third_party(header)
    if name:
        return None if name in room.third_parties.split() else "%s is not for %s" % (name, folder)
    if re.fullmatch(POSIX, header):
        return None if room.posix else "no POSIX headers in %s" % folder
    return "not in the tables of check_layers.py"


def check_source(root, path):
    """The violations of one C++ file, as (line, text)."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    folder = path.rsplit("/", 1)[0]
    parties = {}
    for match in INCLUDE.finditer(without(text, comments_only=True)):
        kind, header = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        if path.startswith("tests/"):
            outside = third_party(header) == "catch2" and folder != CATCH2_FOLDER
            why = "only %s includes Catch2 itself" % CATCH2_FOLDER if outside else None
        else:
            why = private_include(root, folder, header) if kind == '"' else system_include(folder, header)
        if why:
            yield line, "includes %s: %s" % (header, why)
        if third_party(header):
            parties[third_party(header)] = line
    if folder in ONE_THIRD_PARTY_PER_FILE and len(parties) > 1:
        yield max(parties.values()), "includes %s: one third party a file" % " and ".join(sorted(parties))
    code = without(text, comments_only=False)
    for what, pattern, allowed, in_tests in BANNED:
        if path in allowed or (in_tests and path.startswith("tests/")):
            continue
        for match in pattern.finditer(code):
            yield text.count("\n", 0, match.start()) + 1, what + " is not for this file"


def walk(root):
    """All files below root as paths relative to it, but what is built."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in NOT_LOOKED_INTO)
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), root)


def project_files(root):
    """What belongs to the project: in a clone what git tracks, so that an archive packed there is nobody's business; in a copy
    without git, all but what .gitignore says of the top level."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False)
        if listed.returncode == 0:
            return [name for name in os.fsdecode(listed.stdout).split("\0") if name and (root / name).is_file()]
    return [name for name in walk(root) if "/" in name or not name.endswith((".tar.gz", ".tape"))]


def known_folder(path):
    folders = path.split("/")[:-1]
    if folders[0] == "tests":
        return len(folders) > 1 and folders[1] in TEST_FOLDERS
    return "/".join(folders) in ROOMS


def machine_path(root):
    """A pattern for paths of this machine: below the folder that the checkout lies in."""
    parent = str(root.parent)
    return None if parent in COMMON_PLACES or parent.startswith("/home/") else re.compile(r"(?<![\w.$})*/-])" + re.escape(parent) + "/")


def violations(root):
    for path in walk(root):
        if Path(path).suffix not in SOURCE_SUFFIXES or path.split("/")[0] not in ("libtape", "agent", "tests"):
            continue
        if not known_folder(path):
            yield "%s: sources in a folder that check_layers.py does not list" % path
            continue
        for line, text in check_source(root, path):
            yield "%s:%d: %s" % (path, line, text)
    files = project_files(root)
    for name in sorted({path.split("/")[0] for path in files}):
        if name not in TOP_LEVEL and not name.startswith("."):
            yield "%s: not among the names of the top level" % name
    here = machine_path(root)
    for path in files if here else []:
        if (root / path).stat().st_size > TEXT_SIZE_MAX:
            continue
        text = (root / path).read_bytes().decode("utf-8", "replace")
        for match in here.finditer(text):
            yield "%s:%d: a path of this machine" % (path, text.count("\n", 0, match.start()) + 1)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    found = list(violations(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
