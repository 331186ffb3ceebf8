#!/usr/bin/env python3
"""The fault proxy does what its rules say, and nothing else, in front of a server of Python's."""
import http.client
import http.server
import os
import socket
import sys
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "scripts", "servers"))
sys.dont_write_bytecode = True
import faultproxy as proxy_program
import servers

BODY = bytes(range(256)) * 400


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with BODY, keeps what is put."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(BODY)

    do_HEAD = do_GET

    def do_PUT(self):
        self.server.stored[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class FaultProxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        cls.server.daemon_threads = True
        cls.server.handle_error = lambda *_: None       # of connections that the proxy cuts
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.proxy = servers.FaultProxy("http://127.0.0.1:%d" % cls.server.server_address[1], [], seed=5)

    @classmethod
    def tearDownClass(cls):
        cls.proxy.stop()
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        self.server.asked, self.server.stored = [], {}

    def ask(self, method="GET", target="/b/k", body=None, headers=()):
        """(status, body, headers), or the name of the error."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.proxy.endpoint).netloc, timeout=20)
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        except http.client.IncompleteRead as error:
            return "short", error.partial, {}
        except OSError as error:
            return type(error).__name__, b"", {}
        finally:
            connection.close()

    def hurt(self, *args, rule, **options):
        self.proxy.set_rules(rule)
        return self.ask(*args, **options)

    def test_without_a_rule_bytes_pass(self):
        self.proxy.set_rules()
        self.assertEqual(self.ask()[:2], (200, BODY))
        self.assertEqual(self.ask("PUT", body=BODY)[0], 200)
        self.assertEqual(self.server.stored["/b/k"], BODY)
        self.assertEqual(self.ask("HEAD")[:2], (200, b""))

    def test_status_does_not_ask_the_server(self):
        status, body, headers = self.hurt(rule={"action": "status", "code": 503, "retry_after": 7, "s3code": "SlowDown"})
        self.assertEqual((status, headers["Retry-After"]), (503, "7"))
        self.assertIn(b"<Code>SlowDown</Code>", body)
        self.assertEqual(self.hurt("PUT", body=BODY, rule={"action": "status", "code": 500, "early": True})[0] in (500, "ConnectionResetError", "BrokenPipeError"), True)
        self.assertEqual((self.server.asked, self.server.stored), ([], {}))

    def test_ok_error_is_200_with_an_error_document(self):
        status, body, _ = self.hurt("POST", "/b/k?uploadId=u", body=b"x", rule={"op": "CompleteMultipartUpload", "action": "ok_error"})
        self.assertEqual(status, 200)
        self.assertIn(b"<Error><Code>InternalError</Code>", body)

    def test_refuse_and_cut_requests_never_arrive_whole(self):
        self.assertIn(self.hurt(rule={"action": "refuse"})[0], ("ConnectionResetError", "RemoteDisconnected"))
        self.assertIn(self.hurt("PUT", body=BODY, rule={"action": "reset_req", "after": 1000})[0], ("ConnectionResetError", "BrokenPipeError"))
        self.assertEqual((self.server.asked, self.server.stored), ([], {}))

    def test_cut_responses_have_so_many_bytes(self):
        self.assertEqual(self.hurt(rule={"action": "trunc_resp", "after": 1000})[:2], ("short", BODY[:1000]))
        self.assertEqual(self.hurt(rule={"action": "reset_resp", "after": 1000})[0], "ConnectionResetError")

    def test_a_lost_reply_is_of_a_request_that_was_done(self):
        self.assertIn(self.hurt("PUT", body=BODY, rule={"action": "lost_reply"})[0], ("ConnectionResetError", "RemoteDisconnected"))
        self.assertEqual(self.server.stored["/b/k"], BODY)

    def test_corrupt_flips_one_bit(self):
        right = bytearray(BODY)
        right[70000] ^= 1
        self.hurt("PUT", body=BODY, rule={"action": "corrupt_req", "at": 70000})
        self.assertEqual(self.server.stored["/b/k"], bytes(right))
        self.assertEqual(self.hurt(rule={"action": "corrupt_resp", "at": 70000})[1], bytes(right))

    def test_latency_bandwidth_and_stall_take_their_time(self):
        for rule, least in (({"action": "latency", "ms": 400}, 0.4), ({"action": "bandwidth", "kbps": 200}, 0.45), ({"action": "stall_resp", "after": 10, "sec": 0.5}, 0.5)):
            begin = time.monotonic()
            self.hurt(rule=rule)
            self.assertTrue(least <= time.monotonic() - begin < least + 2, (rule, time.monotonic() - begin))

    def test_a_rule_fits_by_method_path_query_and_operation(self):
        cases = (({"method": "PUT"}, "/b/k", False), ({"path": "^/b/k$"}, "/b/k", True), ({"path": "^/c"}, "/b/k", False), ({"query": "^a=1"}, "/b/k?a=1", True), ({"query": "k"}, "/b/k", False),
                 ({"op": "GetObject"}, "/b/k", True), ({"op": ["ListParts", "GetObject"]}, "/b/k", True), ({"op": "ListParts"}, "/b/k", False), ({"op": "ListParts"}, "/b/k?uploadId=1", True))
        for rule, target, fits in cases:
            self.assertEqual(self.hurt("GET", target, rule={**rule, "action": "status", "code": 418})[0], 418 if fits else 200, (rule, target))

    def test_skip_and_times_count_what_fits(self):
        self.proxy.set_rules({"op": "GetObject", "skip": 2, "times": 3, "action": "status", "code": 418})
        self.ask("GET", "/b?list-type=2")
        self.assertEqual([self.ask()[0] for _ in range(7)], [200, 200, 418, 418, 418, 200, 200])
        self.assertEqual(self.proxy.hits(), [3])

    def test_a_window_hurts_once_in_each_at_the_same_places_by_the_same_seed(self):
        rounds = []
        for _ in range(2):
            self.proxy.set_rules({"window": 5, "action": "status", "code": 418})
            rounds.append([self.ask()[0] == 418 for _ in range(30)])
        self.assertEqual([sum(rounds[0][at:at + 5]) for at in range(0, 30, 5)], [1] * 6)
        self.assertEqual(rounds[0], rounds[1])
        self.assertGreater(len({tuple(rounds[0][at:at + 5]) for at in range(0, 30, 5)}), 1)

    def test_a_number_may_be_a_range(self):
        self.proxy.set_rules({"action": "trunc_resp", "after": [10, 5000]})
        sizes = [len(self.ask()[1]) for _ in range(6)]
        self.assertTrue(all(10 <= size <= 5000 for size in sizes) and len(set(sizes)) > 2, sizes)

    def test_a_misspelt_rule_is_refused_and_the_old_ones_stay(self):
        self.proxy.set_rules({"action": "status", "code": 418})
        for rule in ({"action": "sattus"}, {"action": "status", "after": 3}, {"op": "GetObjects", "action": "refuse"}, {"path": "(", "action": "refuse"}, {}):
            with self.assertRaises(ValueError, msg=rule):
                self.proxy.set_rules(rule)
        self.assertEqual(self.ask()[0], 418)

    def test_log_and_counts_tell_what_was_asked(self):
        self.proxy.set_rules()
        before = self.proxy.counts().get("PutObject", {"requests": 0, "request_bytes": 0})
        self.ask("PUT", "/b/counted", body=BODY)
        after = self.proxy.counts()["PutObject"]
        self.assertEqual((after["requests"] - before["requests"], after["request_bytes"] - before["request_bytes"]), (1, len(BODY)))
        self.assertEqual(self.proxy.log()[-1][1:], ["PUT", "/b/counted", "", "PutObject", 200])

    def test_operations_are_those_of_s3(self):
        cases = (("GET", "/", "ListBuckets"), ("GET", "/b?list-type=2&prefix=a%2F", "ListObjectsV2"), ("GET", "/b/?uploads", "ListMultipartUploads"), ("POST", "/b?delete=", "DeleteObjects"),
                 ("POST", "/b/a/k?uploads=", "CreateMultipartUpload"), ("PUT", "/b/k?partNumber=1&uploadId=x", "UploadPart"), ("POST", "/b/k?uploadId=x", "CompleteMultipartUpload"),
                 ("DELETE", "/b/k?uploadId=x", "AbortMultipartUpload"), ("GET", "/b/k?uploadId=x&max-parts=1", "ListParts"), ("HEAD", "/b/k", "HeadObject"), ("PUT", "/b/k", "PutObject"),
                 ("DELETE", "/b/k", "DeleteObject"), ("GET", "/b/k", "GetObject"), ("PUT", "/b", "CreateBucket"), ("HEAD", "/b", "HeadBucket"), ("PATCH", "/b/k", ""))
        for method, target, name in cases:
            self.assertEqual(proxy_program.operation(method, target), name, (method, target))

    def test_it_listens_on_this_machine_only(self):
        with self.assertRaises(Exception):
            proxy_program.address("0.0.0.0:0")
        netloc = urllib.parse.urlsplit(self.proxy.endpoint)
        self.assertEqual(socket.gethostbyname(netloc.hostname), "127.0.0.1")


if __name__ == "__main__":
    unittest.main()
