#!/usr/bin/env python3
"""with_server.py rgw|swift|nginx [--store memstore|bluestore] [--min-part BYTES] [--faultproxy] -- PROGRAM ARGUMENTS…

Runs a program beside a server of its own and exits as it does; with 77 where the server's programs are missing.  Its
environment has what start_SERVER prints: of rgw and swift S3_ENDPOINT, S3_TLS_ENDPOINT, S3_CA, S3_ACCESS_KEY, S3_SECRET_KEY,
S3_REGION, S3_ACCESS_KEY2, S3_SECRET_KEY2 (another user), besides S3_SERVER (rgw or swift) and S3_BUCKET, a new empty one; of
nginx HTTP_URL, HTTPS_URL, HTTP_CA, HTTP_ROOT, HTTP_USER, HTTP_PASSWORD.  With --faultproxy FP_ENDPOINT, to be used like
S3_ENDPOINT or HTTP_URL, and FP_CONTROL, where its rules are put (scripts/servers/faultproxy.py)."""
import argparse
import contextlib
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
import servers

BUCKET = "bucket"


def stop(number, frame):
    sys.exit(128 + number)


def started(options):
    if options.server == "rgw":
        return servers.rgw(options.store, options.min_part)
    return servers.swift(options.min_part) if options.server == "swift" else servers.nginx()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", choices=("rgw", "swift", "nginx"))
    parser.add_argument("--store", default="memstore")
    parser.add_argument("--min-part", type=int, default=5 << 20)
    parser.add_argument("--faultproxy", action="store_true")
    if "--" not in sys.argv:
        parser.error("no -- in front of the program")
    at = sys.argv.index("--")
    options, program = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1:]
    signal.signal(signal.SIGTERM, stop)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(started(options))
        environment = {**os.environ, **server.values}
        if options.server != "nginx":
            server.access.client().make_bucket(BUCKET)
            environment.update(S3_SERVER=options.server, S3_BUCKET=BUCKET)
        if options.faultproxy:
            proxy = stack.enter_context(servers.faultproxy(server.values.get("S3_ENDPOINT") or server.url))
            environment.update(FP_ENDPOINT=proxy.endpoint, FP_CONTROL=proxy.control)
        process = subprocess.Popen(program, env=environment)
        try:
            code = process.wait()
        finally:
            process.kill()
            process.wait()
    sys.exit(code if code >= 0 else 128 - code)


main()
