#!/usr/bin/env python3
"""A proxy that hurts chosen requests on their way to a real S3 server.  Loopback only, HTTP/1.1, Python alone.

  faultproxy.py --listen 127.0.0.1:0 --upstream 127.0.0.1:PORT [--control 127.0.0.1:0] [--rules FILE.json] [--seed N]
                [--log FILE] [--portfile FILE]

It prints FP_PORT=… and, with --control, FP_CONTROL=….  Bytes pass untouched, Host and Authorization too, so that signatures
stay valid.  Rules are a JSON list; the first that matches a request and is due acts on it:

  which      "method": "PUT"; "path", "query": regular expressions, searched in the whole target and in what is behind "?";
             "op": an S3 operation or a list of them (CreateMultipartUpload, UploadPart, …: operation() has them all)
  when       "skip": N      leave the first N matches alone
             "times": N     act N times at the most
             "prob": P      act with probability P
             "window": N    act once in every N matches, at a place that the seed chooses
  "action"   status      answer "code" (503) with "s3code" and maybe "retry_after" seconds; the server is not asked.  The
                         request's body is read first, unless "early": true
             ok_error    answer 200 with an <Error> document, "s3code" (InternalError); the server is not asked
             refuse      close without an answer, at once or after "sec" seconds
             reset_req   reset both sides after "after" bytes of the request's body
             reset_resp  reset after "after" bytes of the response's body
             trunc_resp  an orderly end after "after" bytes of the response's body
             lost_reply  the server does what it was asked, its answer is thrown away, reset, at once or after "sec" seconds
             corrupt_req, corrupt_resp   flip a bit of the body's byte "at"
             stall_req, stall_resp       after "after" bytes of the body nothing moves for "sec" seconds, then reset
             latency     wait "ms" before the request is passed on
             bandwidth   at most "kbps" KiB/s of body, each way

A number of an action may be [LOW, HIGH]: one between them, chosen by the seed.  Choices depend on the seed, the rule's
place in the list and how many requests matched it, on nothing else.  A rule that is misspelt is refused.

The control port: GET, PUT /rules; GET /stats (the rules with "seen" and "hits"); GET /log (the last requests: [time, method,
target, action, operation, status]); GET /counts ({operation: {"requests", "request_bytes", "response_bytes"}}, of bodies)."""
import argparse
import json
import os
import random
import re
import socket
import struct
import sys
import threading
import time

READ_SIZE = 65536
IDLE_SECONDS = 300
LOG_ENTRIES = 5000
SETTLE_SECONDS = 0.05       # for the bytes in front of a cut to arrive: a reset overtakes them

NUMBERS = {"status": {"code", "retry_after"}, "ok_error": set(), "refuse": {"sec"}, "reset_req": {"after"}, "reset_resp": {"after"},
           "trunc_resp": {"after"}, "lost_reply": {"sec"}, "corrupt_req": {"at"}, "corrupt_resp": {"at"}, "stall_req": {"after", "sec"},
           "stall_resp": {"after", "sec"}, "latency": {"ms"}, "bandwidth": {"kbps"}}
WORDS = {"status": {"s3code", "early"}, "ok_error": {"s3code"}}
CONDITIONS = {"method", "path", "query", "op", "skip", "times", "prob", "window", "action", "seen", "hits"}

# The first whose method and sub-resources fit.  A path is /BUCKET or /BUCKET/KEY.
OF_OBJECT = [("POST", {"uploads"}, "CreateMultipartUpload"), ("POST", {"uploadId"}, "CompleteMultipartUpload"), ("PUT", {"uploadId", "partNumber"}, "UploadPart"),
             ("DELETE", {"uploadId"}, "AbortMultipartUpload"), ("GET", {"uploadId"}, "ListParts"), ("GET", set(), "GetObject"),
             ("HEAD", set(), "HeadObject"), ("PUT", set(), "PutObject"), ("DELETE", set(), "DeleteObject")]
OF_BUCKET = [("POST", {"delete"}, "DeleteObjects"), ("GET", {"uploads"}, "ListMultipartUploads"), ("GET", {"list-type"}, "ListObjectsV2"),
             ("GET", {"location"}, "GetBucketLocation"), ("GET", {"lifecycle"}, "GetBucketLifecycle"), ("GET", {"policy"}, "GetBucketPolicy"),
             ("GET", {"policyStatus"}, "GetBucketPolicyStatus"), ("GET", {"acl"}, "GetBucketAcl"), ("GET", {"versioning"}, "GetBucketVersioning"),
             ("GET", {"object-lock"}, "GetObjectLockConfiguration"), ("GET", set(), "ListObjects"), ("HEAD", set(), "HeadBucket"),
             ("PUT", {"lifecycle"}, "PutBucketLifecycle"), ("PUT", {"policy"}, "PutBucketPolicy"), ("PUT", set(), "CreateBucket"), ("DELETE", set(), "DeleteBucket")]
OPERATIONS = {name for _, _, name in OF_OBJECT + OF_BUCKET} | {"ListBuckets", "UploadPartCopy", "CopyObject"}


def operation(method, target, head=b""):
    """The S3 operation of a path-style request, or "" when it is none."""
    path, _, query = target.partition("?")
    names = {pair.partition("=")[0] for pair in query.split("&")}
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return "ListBuckets" if method == "GET" else ""
    for verb, needed, name in OF_OBJECT if key else OF_BUCKET:
        if verb == method and needed <= names:
            copies = header(head, b"x-amz-copy-source") is not None
            return {"UploadPart": "UploadPartCopy", "PutObject": "CopyObject"}.get(name, name) if copies else name
    return ""


def header(head, name):
    found = re.search(rb"\r\n" + name + rb":[ \t]*([^\r]*)", head, re.I)
    return found[1].strip() if found else None


def reset(*sockets):
    for one in sockets:
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        except OSError:
            pass


class Cut(Exception):
    """The connection ends here, because a rule says so."""


class Rule:
    def __init__(self, given, seed):
        unknown = set(given) - CONDITIONS - NUMBERS.get(given.get("action"), set()) - WORDS.get(given.get("action"), set())
        operations = [given["op"]] if isinstance(given.get("op"), str) else given.get("op", [])
        if given.get("action") not in NUMBERS:
            raise ValueError("no such action: %r" % given.get("action"))
        if unknown or not OPERATIONS.issuperset(operations):
            raise ValueError("not known in %r: %s" % (given, ", ".join(sorted(unknown) or sorted(set(operations) - OPERATIONS))))
        self.given, self.operations = given, operations
        self.path, self.query = re.compile(given.get("path", "")), re.compile(given.get("query", ""))
        self.seen, self.hits = given.get("seen", 0), given.get("hits", 0)
        self.random = random.Random(seed)
        self.place = 0

    def matches(self, method, target, op):
        given = self.given
        return (given.get("method", method) == method and self.path.search(target) is not None
                and self.query.search(target.partition("?")[2]) is not None and (not self.operations or op in self.operations))

    def is_due(self):
        """Of a match, which it counts."""
        given = self.given
        self.seen += 1
        number = self.seen - given.get("skip", 0) - 1       # of the matches that are not left alone, from 0
        if number < 0 or self.hits >= given.get("times", 1 << 60):
            return False
        if "window" in given:
            if number % given["window"] == 0:
                self.place = self.random.randrange(given["window"])
            if number % given["window"] != self.place:
                return False
        if self.random.random() >= given.get("prob", 1.0):
            return False
        self.hits += 1
        return True

    def fault(self):
        """The action, with each number chosen."""
        out = dict(self.given)
        for name in sorted(NUMBERS[out["action"]] & set(out)):
            if isinstance(out[name], list):
                low, high = out[name]
                out[name] = self.random.randint(low, high) if isinstance(low, int) and isinstance(high, int) else self.random.uniform(low, high)
        return out

    def state(self):
        return dict(self.given, seen=self.seen, hits=self.hits)


class State:
    """What the threads of all connections share."""

    def __init__(self, seed, log_file):
        self.lock = threading.Lock()
        self.seed, self.rules, self.log, self.counts = seed, [], [], {}
        self.log_file = open(log_file, "a") if log_file else None

    def set_rules(self, given):
        rules = [Rule(one, self.seed * 1_000_003 + number) for number, one in enumerate(given)]
        with self.lock:
            self.rules = rules

    def request(self, method, target, head):
        """(fault or {}, the entry of the log, the counts of its operation)"""
        op = operation(method, target, head)
        with self.lock:
            rule = next((one for one in self.rules if one.matches(method, target, op) and one.is_due()), None)
            fault = rule.fault() if rule else {}
            entry = [round(time.time(), 3), method, target, fault.get("action", ""), op, 0]
            self.log.append(entry)
            del self.log[:-LOG_ENTRIES]
            if self.log_file:
                print("%.3f %s %s %s %s" % tuple(entry[:5]), file=self.log_file, flush=True)
            counts = self.counts.setdefault(op, {"requests": 0, "request_bytes": 0, "response_bytes": 0})
            counts["requests"] += 1
            return fault, entry, counts

    def count(self, counts, name, size):
        with self.lock:
            counts[name] += size

    def answer(self, path):
        with self.lock:
            if path in (b"/rules", b"/stats"):
                return [rule.state() for rule in self.rules]
            if path == b"/log":
                return self.log
            return self.counts if path == b"/counts" else None


class Connection:
    """A socket that is read by lines, heads and counted bytes."""

    def __init__(self, plain):
        self.socket, self.buffer = plain, b""
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(IDLE_SECONDS)

    def fill(self):
        more = self.socket.recv(READ_SIZE)
        if not more:
            raise EOFError
        self.buffer += more

    def until(self, end):
        while end not in self.buffer:
            self.fill()
        found, self.buffer = self.buffer.split(end, 1)
        return found + end

    def head(self):
        return self.until(b"\r\n\r\n")

    def take(self, limit):
        if not self.buffer:
            self.fill()
        taken, self.buffer = self.buffer[:limit], self.buffer[limit:]
        return taken

    def send(self, piece):
        self.socket.sendall(piece)


def chunked(source):
    while True:
        line = source.until(b"\r\n")
        yield line, False
        left = int(line.split(b";")[0], 16)
        if left == 0:
            break
        while left:
            piece = source.take(left)
            left -= len(piece)
            yield piece, True
        yield source.until(b"\r\n"), False
    while line != b"\r\n":          # trailers
        line = source.until(b"\r\n")
        yield line, False


def body(source, head, to_the_end):
    """Pieces as they come, each with whether it is payload (the rest is framing)."""
    if (header(head, b"transfer-encoding") or b"").lower() == b"chunked":
        yield from chunked(source)
        return
    length = header(head, b"content-length")
    if length is not None:
        left = int(length)
        while left:
            piece = source.take(left)
            left -= len(piece)
            yield piece, True
    elif to_the_end:
        try:
            while True:
                yield source.take(READ_SIZE), True
        except EOFError:
            pass


class Exchange:
    """One request of a client and its answer."""

    def __init__(self, state, client, head):
        self.state, self.client, self.upstream, self.head = state, client, None, head
        method, target = head.split(b" ", 2)[:2]
        self.method, target = method.decode("latin1"), target.decode("latin1")
        self.fault, self.entry, self.counts = state.request(self.method, target, head)
        self.action = self.fault.get("action", "")
        self.expects = (header(head, b"expect") or b"").lower() == b"100-continue"

    def pump(self, side, head, to, fault):
        """Moves the body of one side, "req" or "resp", to `to` (None: nowhere) and does what the fault says."""
        source = self.client if side == "req" else self.upstream
        action, limit, position, begin = fault.get("action", ""), fault.get("after", 0), 0, time.monotonic()
        rate = fault.get("kbps", 0) * 1024 if action == "bandwidth" else 0
        for piece, payload in body(source, head, side == "resp"):
            if payload:
                if action in ("reset_" + side, "trunc_" + side, "stall_" + side) and position + len(piece) >= limit:
                    self.cut(piece[:max(0, limit - position)], to)
                if action == "corrupt_" + side:
                    piece = flipped(piece, fault.get("at", 0) - position)
                position += len(piece)
                self.state.count(self.counts, "request_bytes" if side == "req" else "response_bytes", len(piece))
                if rate:
                    time.sleep(max(0, begin + position / rate - time.monotonic()))
            if to:
                to.send(piece)

    def cut(self, last, to):
        if to:
            to.send(last)
        time.sleep(SETTLE_SECONDS)
        if self.action.startswith("stall"):
            time.sleep(self.fault.get("sec", 30))
        raise Cut(self.action)

    def answer(self):
        """Of the proxy itself; whether the connection goes on."""
        code = self.fault.get("code", 503) if self.action == "status" else 200
        s3_code = self.fault.get("s3code", "InternalError" if code in (200, 500) else "SlowDown")
        text = b""
        if self.method != "HEAD":
            text = ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>injected</Message>'
                    '<RequestId>fp</RequestId></Error>' % s3_code).encode()
        early = self.fault.get("early", False)
        if not early:
            if self.expects:
                self.client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.pump("req", self.head, None, {})
        lines = ["HTTP/1.1 %d Injected" % code, "Content-Type: application/xml", "Content-Length: %d" % len(text)]
        if "retry_after" in self.fault:
            lines.append("Retry-After: %s" % self.fault["retry_after"])
        if early:
            lines.append("Connection: close")
        self.entry[5] = code
        self.client.send("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
        return not early

    def response(self):
        """(head, has no body) of the answer proper; those in front of it have gone to the client."""
        while True:
            head = self.upstream.head()
            status = int(head.split(b" ", 2)[1])
            if status != 100:
                self.entry[5] = status
                return head, self.method == "HEAD" or status in (204, 304)
            self.client.send(head)

    def forward(self):
        """Whether the connection goes on."""
        self.upstream.send(self.head)
        if self.expects:
            head = self.upstream.head()
            self.client.send(head)
            if head.split(b" ", 2)[1] != b"100":        # refused before the body
                self.entry[5] = int(head.split(b" ", 2)[1])
                self.pump("resp", head, self.client, self.fault)
                return False
        self.pump("req", self.head, self.upstream, self.fault)
        head, empty = self.response()
        if self.action == "lost_reply":
            if not empty:
                self.pump("resp", head, None, {})
            time.sleep(self.fault.get("sec", 0))
            raise Cut(self.action)
        self.client.send(head)
        if not empty:
            self.pump("resp", head, self.client, self.fault)
        return not any(b"close" in (header(one, b"connection") or b"").lower() for one in (self.head, head))


def flipped(piece, at):
    if not 0 <= at < len(piece):
        return piece
    return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1:]


def serve(state, address, plain):
    """All requests of one client's connection.  Each has one to the server of its own: a server that ends one between two
    requests is no fault that a rule asked for."""
    client, upstream = Connection(plain), None
    try:
        going = True
        while going:
            try:
                head = client.head()
            except EOFError:
                break
            exchange = Exchange(state, client, head)
            if exchange.action == "refuse":
                time.sleep(exchange.fault.get("sec", 0))
                raise Cut(exchange.action)
            if exchange.action == "latency":
                time.sleep(exchange.fault.get("ms", 100) / 1e3)
            if exchange.action in ("status", "ok_error"):
                going = exchange.answer()
                continue
            upstream = exchange.upstream = Connection(socket.create_connection(address))
            going = exchange.forward()
            upstream.socket.close()
        plain.close()
    except Cut as cut:
        if str(cut).startswith("trunc"):
            plain.shutdown(socket.SHUT_RDWR)
            plain.close()
        reset(plain, *([upstream.socket] if upstream else []))
    except (EOFError, OSError):
        reset(plain, *([upstream.socket] if upstream else []))


def control(state, plain):
    """One request to the control port."""
    connection, code = Connection(plain), 200
    try:
        head = connection.head()
        method, path = head.split(b" ", 2)[:2]
        given = b"".join(piece for piece, payload in body(connection, head, False) if payload)
        out = {"ok": True}
        if (method, path) == (b"PUT", b"/rules"):
            state.set_rules(json.loads(given))
        else:
            out = state.answer(path)
        if out is None:
            raise ValueError("no such path: %r" % path)
    except (ValueError, TypeError, AttributeError, re.error) as error:
        code, out = 400, {"error": str(error)}
    except (EOFError, OSError):
        plain.close()
        return
    with state.lock:
        text = json.dumps(out).encode()
    connection.send(b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (code, len(text)) + text)
    plain.close()


def listen(address, function, *arguments):
    """Calls function(…, socket) in a thread for each connection; the port."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(address)
    server.listen(256)

    def loop():
        while True:
            threading.Thread(target=function, args=(*arguments, server.accept()[0]), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return server.getsockname()[1]


def address(text):
    host, _, port = text.rpartition(":")
    if not host.startswith("127."):
        raise argparse.ArgumentTypeError("not an address of this machine, 127.x.y.z:PORT: " + text)
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=address, required=True)
    parser.add_argument("--upstream", type=address, required=True)
    parser.add_argument("--control", type=address)
    parser.add_argument("--rules", help="a file with the rules to begin with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", help="a file that each request is a line of")
    parser.add_argument("--portfile", help="a file for what is printed")
    options = parser.parse_args()
    state = State(options.seed, options.log)
    if options.rules:
        with open(options.rules) as f:
            try:
                state.set_rules(json.load(f))
            except (ValueError, TypeError, AttributeError, re.error) as error:
                parser.error("%s: %s" % (options.rules, error))
    ports = "FP_PORT=%d\n" % listen(options.listen, serve, state, options.upstream)
    if options.control:
        ports += "FP_CONTROL=%d\n" % listen(options.control, control, state)
    if options.portfile:
        with open(options.portfile + ".new", "w") as f:
            f.write(ports)
        os.replace(options.portfile + ".new", options.portfile)
    sys.stdout.write(ports)
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
