#!/usr/bin/env python3
"""The servers of servers.py start, are reached, and end with their process however that ends; the client of s3_client.py signs
as AWS documents it and sees what is there."""
import os
import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import s3_client
import servers

SUPPORT = os.path.dirname(os.path.realpath(__file__))
WITH_SERVER = os.path.join(SUPPORT, "with_server.py")
BUCKET = "bucket"
PART = 4096
ODD_KEY = "a b/ü%25&<+=~'\"()#?;"


class Signature(unittest.TestCase):
    def test_it_is_that_of_the_worked_example(self):
        # AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk", GET Object.
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": empty, "x-amz-date": "20130524T000000Z"}
        keys = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        found = s3_client.authorization("GET", "/test.txt", "", headers, keys, "us-east-1")
        self.assertTrue(found.endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"), found)


class Rgw(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Rgw("rgw", settings={"STORE": "memstore", "MIN_PART": str(PART)})
        cls.client = cls.server.access.client()
        cls.client.make_bucket(BUCKET)

    @classmethod
    def tearDownClass(cls):
        folder = cls.server.folder
        cls.server.stop()
        assert not os.path.exists(folder), folder

    def test_objects_come_back_by_every_look_at_them(self):
        client = self.client
        client.put(BUCKET, ODD_KEY, b"0123456789")
        self.assertEqual((client.get(BUCKET, ODD_KEY), client.get(BUCKET, ODD_KEY, 2, 5), client.get(BUCKET, ODD_KEY, 7)), (b"0123456789", b"234", b"789"))
        self.assertEqual(client.head(BUCKET, ODD_KEY).size, 10)
        self.assertIsNone(client.head(BUCKET, "nothing"))
        for number in range(7):
            client.put(BUCKET, "list/%d %d" % (number, number), b"x" * number)
        self.assertEqual([one.size for one in client.objects(BUCKET, "list/", page=3)], list(range(7)))
        self.assertEqual([one.key for one in client.objects(BUCKET, "a b/")], [ODD_KEY])
        client.delete(BUCKET, ODD_KEY)
        self.assertIsNone(client.head(BUCKET, ODD_KEY))

    def test_uploads_and_parts_are_listed_until_they_are_aborted(self):
        client = self.client
        upload = client.begin_upload(BUCKET, "parts/key")
        for number in (1, 2, 3, 5):
            client.put_part(BUCKET, "parts/key", upload, number, bytes(PART))
        self.assertEqual(client.uploads(BUCKET, "parts/"), [("parts/key", upload)])
        self.assertEqual([(part.number, part.size) for part in client.parts(BUCKET, "parts/key", upload, page=3)], [(1, PART), (2, PART), (3, PART), (5, PART)])
        client.empty(BUCKET, "parts/")
        self.assertEqual(client.uploads(BUCKET, "parts/"), [])

    def test_refusals_are_errors_with_their_code(self):
        wrong = s3_client.S3Client(self.server.access.endpoint, self.server.access.access_key, "wrong")
        for client, code in ((wrong, "SignatureDoesNotMatch"), (self.server.other.client(), "AccessDenied")):
            with self.assertRaises(s3_client.S3Error) as caught:
                client.put(BUCKET, "k", b"x")
            self.assertEqual((caught.exception.status, caught.exception.code), (403, code))

    def test_tls_is_trusted_by_its_own_authority_only(self):
        self.assertEqual(self.server.tls.client().objects(BUCKET, "no such/"), [])
        with self.assertRaises(OSError):
            self.server.access.at(self.server.tls.endpoint).client().objects(BUCKET)

    def test_a_gateway_that_was_killed_comes_back_with_its_parts(self):
        upload = self.client.begin_upload(BUCKET, "kept")
        etag = self.client.put_part(BUCKET, "kept", upload, 1, bytes(PART))
        self.server.kill_gateway()
        with self.assertRaises(OSError):
            self.client.parts(BUCKET, "kept", upload)
        self.server.start_gateway()
        self.assertEqual(self.client.parts(BUCKET, "kept", upload), [(1, PART, etag)])

    def test_other_clients_find_their_way(self):
        access = self.server.access
        self.client.put(BUCKET, "theirs", b"abc")
        for command in (access.aws("s3", "cp", "s3://bucket/theirs", "-"), ["rclone", "cat", "s3:bucket/theirs"], access.s3cmd("get", "--no-progress", "s3://bucket/theirs", "-")):
            try:
                self.assertEqual(subprocess.run(command, env=access.env, stdout=subprocess.PIPE, timeout=60).stdout, b"abc", command[0])
            except FileNotFoundError:
                print("%s is not here" % command[0])


class WithServer(unittest.TestCase):
    """A server's life is that of its process."""

    def started(self, *program):
        process = subprocess.Popen([WITH_SERVER, "rgw", "--faultproxy", "--", *program], stdout=subprocess.PIPE)
        return process, process.stdout.readline().decode().strip()

    def gone(self, folder):
        until = time.monotonic() + 20
        while os.path.exists(folder) and time.monotonic() < until:
            time.sleep(0.05)
        return not os.path.exists(folder)

    def test_it_ends_with_its_program_and_passes_its_code_on(self):
        process, folder = self.started("sh", "-c", "echo $S3_DIR; exit 7")
        self.assertEqual(process.wait(), 7)
        process.stdout.close()
        self.assertFalse(os.path.exists(folder))

    def test_it_ends_when_its_process_is_killed(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            process, folder = self.started("sh", "-c", "echo $S3_DIR; exec sleep 30 >/dev/null")
            with open(os.path.join(folder, "run", "rgw.pid")) as f:
                gateway = f.read().split()[0]
            process.send_signal(number)
            process.wait()
            process.stdout.close()
            self.assertTrue(self.gone(folder), number)
            self.assertEqual(subprocess.run(["ps", "-o", "stat=", "-p", gateway], stdout=subprocess.PIPE).stdout.strip(b" \n")[:1].strip(b"Z"), b"", number)


if __name__ == "__main__":
    unittest.main()
