"""Real servers for tests and acceptance programs, each in a fresh folder, by the scripts of scripts/servers:

  with servers.rgw() as server:
      server.access.client().make_bucket("b")
      run([ragtape, "backup", tree, "--to", "s3://b/p"], env=server.access.env)
      with servers.faultproxy(server.access.endpoint, [{"op": "UploadPart", "times": 1, "action": "lost_reply"}]) as proxy:
          … env=server.access.at(proxy.endpoint).env …

A server ends with its `with`, and with the process in any other way, SIGKILL too.  Where its programs are missing the
process prints why and exits with 77."""
import contextlib
import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import s3_client

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))), "scripts", "servers")
SKIPPED = 77
LONGEST_PARENT = 40         # bytes of a folder's parent: Ceph puts sockets into it, whose paths have 107 bytes
# Waits for the end of this process, which its stdin tells, then does what it is for.  It has left the process's tree, so
# that who kills that does not kill it.
GUARD = 'trap "" HUP INT TERM; cat >/dev/null; "$0" "$1"; rm -rf -- "$1"'
GUARDED = 'trap "" HUP INT TERM; "$@" </dev/null & cat >/dev/null; kill -KILL $!; rm -rf -- "$0"'


def skip(reason):
    print("SKIP: %s" % reason, flush=True)
    sys.exit(SKIPPED)


def guard(*words):
    """A shell that runs `words` and does its work when its stdin ends; dismiss() lets it, and waits."""
    return subprocess.Popen(["setsid", "-f", "sh", "-c", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def dismiss(waiting):
    waiting.stdin.close()
    waiting.stdout.read()           # its end is the guard's end
    waiting.stdout.close()
    waiting.wait()


def has_user_xattrs(folder):
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        try:
            os.setxattr(probe.name, "user.probe", b"x" * 255)
            return True
        except OSError:
            return False


def parent_folder(xattrs):
    """A temporary one that is short, and on a file system with user xattrs where they are wanted."""
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if len(folder) <= LONGEST_PARENT and os.access(folder, os.W_OK) and (not xattrs or has_user_xattrs(folder)):
            return folder
    skip("no temporary folder has a short name" + (" and user xattrs" if xattrs else ""))


@dataclasses.dataclass(frozen=True)
class Access:
    """An S3 endpoint with a user's keys, and how other clients are called for it."""
    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    ca: str = ""                    # the authority of its certificate

    def at(self, endpoint, ca=""):
        return dataclasses.replace(self, endpoint=endpoint, ca=ca)

    @property
    def variables(self):
        """What is set for ragtape, aws and rclone (whose remote is then s3:BUCKET/KEY)."""
        out = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key, "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": self.region,
               "AWS_DEFAULT_REGION": self.region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
               # Checksums in trailers, the default since aws 2.23, are not understood by Ceph 16 and Swift.
               "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
               "RCLONE_CONFIG": os.devnull, "RCLONE_CONFIG_S3_TYPE": "s3", "RCLONE_CONFIG_S3_PROVIDER": "Other", "RCLONE_CONFIG_S3_ACCESS_KEY_ID": self.access_key,
               "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": self.secret_key, "RCLONE_CONFIG_S3_ENDPOINT": self.endpoint, "RCLONE_CONFIG_S3_REGION": self.region}
        if self.ca:
            out.update(AWS_CA_BUNDLE=self.ca, RCLONE_CA_CERT=self.ca)
        return out

    @property
    def env(self):
        """The environment of this process, with that and nothing else of AWS and rclone."""
        return {**{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}, **self.variables}

    def client(self):
        return s3_client.S3Client(self.endpoint, self.access_key, self.secret_key, self.region, self.ca or None)

    def aws(self, *words):
        """A command; versions before 2.13 know no AWS_ENDPOINT_URL."""
        program = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else "aws"
        return [program, "--endpoint-url", self.endpoint, *words]

    def s3cmd(self, *words):
        url = urllib.parse.urlsplit(self.endpoint)
        tls = ["--ssl", "--ca-certs=" + self.ca] if url.scheme == "https" else ["--no-ssl"]
        return ["s3cmd", "--config=/dev/null", "--host=" + url.netloc, "--host-bucket=" + url.netloc, "--region=" + self.region, "--access_key=" + self.access_key,
                "--secret_key=" + self.secret_key, *tls, *words]


class Server:
    """A server of one of the start scripts; `values` is what that printed."""

    def __init__(self, kind, arguments=(), settings=(), xattrs=False):
        self.kind, self.settings = kind, {**os.environ, **dict(settings)}
        for tries_left in (1, 0):
            self.folder = tempfile.mkdtemp(prefix="rt-", dir=parent_folder(xattrs))
            self.guard = guard(GUARD, os.path.join(SCRIPTS, "stop_" + kind), self.folder)
            done = self.start_script(arguments)
            if done.returncode == 0:
                self.values = dict(word.partition("=")[::2] for word in shlex.split(done.stdout.decode()))
                return
            self.stop()
            if done.returncode == SKIPPED:
                skip(done.stderr.decode().strip())
            if not tries_left:          # once more: two servers that start at a time may draw one port
                raise RuntimeError("start_%s: %d: %s" % (kind, done.returncode, done.stderr.decode(errors="replace")))

    def start_script(self, arguments=()):
        return subprocess.run([os.path.join(SCRIPTS, "start_" + self.kind), self.folder, *arguments], env=self.settings, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def stop(self):
        if self.guard:
            dismiss(self.guard)
            self.guard = None

    def pid(self, name):
        with open(os.path.join(self.folder, "run", name + ".pid")) as f:
            return int(f.read().split()[0])


class S3Server(Server):
    """`access`: of its first user; `other`: of a second one, who may do nothing in the first one's buckets; `tls`: by HTTPS."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        values = self.values
        self.access = Access(values["S3_ENDPOINT"], values["S3_ACCESS_KEY"], values["S3_SECRET_KEY"], values["S3_REGION"])
        self.other = dataclasses.replace(self.access, access_key=values["S3_ACCESS_KEY2"], secret_key=values["S3_SECRET_KEY2"])
        self.tls = self.access.at(values["S3_TLS_ENDPOINT"], values["S3_CA"]) if "S3_CA" in values else None


class Rgw(S3Server):
    def kill_gateway(self):
        """kill -9 of radosgw; what it has acknowledged is in the OSD."""
        os.kill(self.pid("rgw"), signal.SIGKILL)

    def start_gateway(self):
        done = self.start_script()
        if done.returncode:
            raise RuntimeError("start_rgw again: %d: %s" % (done.returncode, done.stderr.decode(errors="replace")))


class Nginx(Server):
    """`url`, `https_url`, `ca`; `root`: the folder that is served; `user` and `password` of /private/ and /dav/."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        values = self.values
        self.url, self.https_url, self.ca, self.root = values["HTTP_URL"], values["HTTPS_URL"], values["HTTP_CA"], values["HTTP_ROOT"]
        self.user, self.password = values["HTTP_USER"], values["HTTP_PASSWORD"]


class FaultProxy:
    """scripts/servers/faultproxy.py in front of a server; `endpoint` takes the place of the server's."""

    def __init__(self, upstream, rules, seed):
        self.folder = tempfile.mkdtemp(prefix="rt-")
        port_file, rules_file = os.path.join(self.folder, "ports"), os.path.join(self.folder, "rules")
        with open(rules_file, "w") as f:
            json.dump(list(rules), f)
        # Not this process's child but its guard's, which ends it.
        self.guard = guard(GUARDED, self.folder, sys.executable, os.path.join(SCRIPTS, "faultproxy.py"), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
                           "--upstream", urllib.parse.urlsplit(upstream).netloc, "--rules", rules_file, "--seed", str(seed), "--portfile", port_file)
        ports, until = {}, time.monotonic() + 20
        while "FP_CONTROL" not in ports:
            if time.monotonic() > until:
                self.stop()
                raise RuntimeError("the fault proxy did not start: are its rules right?")
            time.sleep(0.01)
            with contextlib.suppress(FileNotFoundError), open(port_file) as f:
                ports = dict(line.split("=") for line in f.read().split())
        self.endpoint, self.control = "http://127.0.0.1:" + ports["FP_PORT"], "http://127.0.0.1:" + ports["FP_CONTROL"]

    def ask(self, path, given=None):
        body = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(self.control + path, data=body, method="GET" if body is None else "PUT")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from None

    def set_rules(self, *rules):
        self.ask("/rules", rules)

    def hits(self):
        """How often each rule has acted."""
        return [rule["hits"] for rule in self.ask("/stats")]

    def log(self):
        """[time, method, target, action, operation, status] of the last requests."""
        return self.ask("/log")

    def counts(self):
        """{operation: {"requests", "request_bytes", "response_bytes"}} since it was started."""
        return self.ask("/counts")

    def stop(self):
        dismiss(self.guard)


@contextlib.contextmanager
def stopped(server):
    try:
        yield server
    finally:
        server.stop()


def rgw(store="memstore", min_part=5 << 20):
    """Ceph's RADOS Gateway; `store` may be bluestore, which survives the death of every process."""
    return stopped(Rgw("rgw", settings={"STORE": store, "MIN_PART": str(min_part)}))


def swift(min_part=5 << 20):
    """OpenStack Swift with its S3 interface."""
    return stopped(S3Server("swift", settings={"MIN_PART": str(min_part)}, xattrs=True))


def nginx(root=None):
    """A plain web server of the files below `root`."""
    return stopped(Nginx("nginx", arguments=() if root is None else (root,)))


def faultproxy(upstream, rules=(), seed=1):
    """A proxy in front of the endpoint `upstream` that hurts what `rules` say."""
    return stopped(FaultProxy(upstream, rules, seed))
