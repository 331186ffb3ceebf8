"""What the acceptance programs of S3 share: a store in a bucket of a real gateway, as ragtape uses it and as another client
sees it."""
import hashlib
import os
import random
import subprocess

import accept
from accept import BINARY, check, equal, run, summary

BUCKET = "bucket"
MIB = 1 << 20
PART = 5 * MIB              # the least that S3 takes of a part in the middle
IN_FLIGHT = 4               # parts that are sent at a time, by default
MANIFEST = "manifest.json"


def random_tree(path, sizes, seed=1):
    """Files that do not compress: of `sizes`, and a few small ones."""
    noise = random.Random(seed)
    os.makedirs(os.path.join(path, "small"))
    for number, size in enumerate(sizes):
        with open(os.path.join(path, "file-%03d" % number), "wb") as f:
            for at in range(0, size, MIB):
                f.write(noise.randbytes(min(MIB, size - at)))
    for number in range(20):
        with open(os.path.join(path, "small", "%02d" % number), "wb") as f:
            f.write(noise.randbytes(noise.randrange(3000)))
    os.symlink("small/00", os.path.join(path, "link"))
    os.link(os.path.join(path, "small", "01"), os.path.join(path, "second name"))


class Store:
    """s3://bucket/PREFIX with a state folder of its own.  `access` is what ragtape is given; `direct`, without a proxy, what
    it is looked into by."""

    def __init__(self, work, direct, prefix, access=None, options=()):
        self.direct, self.access, self.prefix, self.options = direct, access or direct, prefix, list(options)
        self.url = "s3://%s/%s" % (BUCKET, prefix)
        self.state = os.path.join(work, "state-" + hashlib.sha256(prefix.encode()).hexdigest()[:8])
        self.client = direct.client()
        self.client.make_bucket(BUCKET)

    def command(self, verb, *words):
        return [BINARY, "--json", "--no-progress", "--no-cache", "--state", self.state, verb, *words]

    def backup_command(self, tree, *options):
        return self.command("backup", tree, "--to", self.url, "--set", "s", *self.options, *options)

    def environment(self, **variables):
        return {**self.access.env, **variables}

    def run(self, *words, ok=(0,), **variables):
        """A verb, finished; `variables` are added to its environment."""
        return run(*self.command(*words), ok=ok, env=self.environment(**variables))

    def backup(self, tree, *options, ok=(0,), **variables):
        return run(*self.backup_command(tree, *options), ok=ok, env=self.environment(**variables))

    def started(self, tree, **variables):
        return subprocess.Popen(self.backup_command(tree), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(**variables))

    def manifests(self):
        return [one.key for one in self.client.objects(BUCKET, self.prefix + "/s/") if one.key.endswith("/" + MANIFEST)]

    def volumes(self):
        """The objects of the one snapshot, in their order."""
        found = self.manifests()
        equal(len(found), 1, "snapshots")
        return [one for one in self.client.objects(BUCKET, found[0][:-len(MANIFEST)]) if one.key != found[0]]

    def digests(self):
        return [hashlib.sha256(self.client.get(BUCKET, one.key)).hexdigest() for one in self.volumes()]

    def remove(self):
        self.client.empty(BUCKET, self.prefix + "/")
        accept.remove(self.state)


def extracted(client, volumes, folder):
    """What GNU tar makes of the volumes as `client` has them, in a new folder."""
    os.mkdir(folder)
    with subprocess.Popen(["tar", "-xpzf", "-", "-C", folder], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as tar:
        for one in volumes:
            tar.stdin.write(client.get(BUCKET, one.key))
        tar.stdin.close()
        text = tar.stderr.read()
    check(tar.returncode == 0, "tar: %r" % text[-500:])


class Watched:
    """What a proxy saw meanwhile:  with Watched(proxy) as seen: …;  then seen.requests, seen.log, seen.sent, seen.received."""

    def __init__(self, proxy):
        self.proxy = proxy

    def __enter__(self):
        self.before = self.proxy.counts()
        return self

    def __exit__(self, *error):
        after = self.proxy.counts()

        def grown(name):
            return sum(one[name] for one in after.values()) - sum(one[name] for one in self.before.values())

        self.requests, self.sent, self.received = grown("requests"), grown("request_bytes"), grown("response_bytes")
        log = self.proxy.log()
        self.log = log[max(0, len(log) - self.requests):]

    def of(self, operation):
        return sum(1 for entry in self.log if entry[4] == operation)


def summary_of(done):
    return summary(done.stdout if b"message_type" in done.stdout else done.stderr)
