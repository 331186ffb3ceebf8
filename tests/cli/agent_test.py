#!/usr/bin/env python3
"""agent: runs by a configuration, their hooks, who hears of them, and what is known afterwards."""
import calendar
import fcntl
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from cli import RAGTAPE, CliTest, read, write


class Pings(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.append((self.path, body.decode()))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Agent(CliTest):
    def setUp(self):
        super().setUp()
        self.tree = self.make_tree()
        self.agents = []
        self.addCleanup(self.end_agents)

    def end_agents(self):
        for process in self.agents:
            if process.poll() is None:
                process.kill()
                process.wait()

    def configure(self, text="", store="", agent=""):
        write(self.path("c.toml"), ("[agent]\n%s\n[stores.s]\nurl = '%s'\n%s\n[sets.docs]\nsource = '%s'\n%s\n" % (
            agent, self.path("store"), store, self.tree, text)).encode())
        return ["--config", self.path("c.toml")]

    def run_now(self, text="", code=0, env=None, **more):
        return self.exits(code, *self.configure(text, **more), "agent", "run", "docs", env=env)

    def state(self):
        return json.loads(read(self.path("state/agent/docs@s.json")))

    def snapshots(self):
        return [line.split()[0].decode() for line in self.done("snapshots", self.path("store")).stdout.splitlines()]

    def start_agent(self, *words, env=None):
        log = open(self.path("log"), "ab")
        process = subprocess.Popen([RAGTAPE, *words, "agent"], env=self.environment_with(env), stdout=log, stderr=log, cwd=self.work)
        log.close()
        self.agents.append(process)
        return process

    def wait_for(self, what, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return
            time.sleep(0.05)
        self.fail("it did not happen; the log: " + read(self.path("log")).decode())

    def log(self):
        return read(self.path("log")).decode()

    def test_one_run_with_its_hooks(self):
        done = self.run_now("""
pre = ["echo one > %(w)s/pre; echo $RAGTAPE_SET $RAGTAPE_STORE", "test -z \\"$RAGTAPE_EXIT_CODE\\""]
post = "echo $RAGTAPE_OUTCOME $RAGTAPE_SNAPSHOT $RAGTAPE_EXIT_CODE > %(w)s/post"
error = "touch %(w)s/error"
keep-last = 2
""" % {"w": self.work})
        (snapshot,) = self.snapshots()
        self.assertEqual(read(self.path("post")).decode().split(), ["made", snapshot, "0"])
        self.assertFalse(os.path.exists(self.path("error")))
        self.assertIn(b"docs@s: pre: docs s\n", done.stderr)
        state = self.state()
        self.assertEqual((state["exit_code"], state["outcome"], state["snapshot"], state["failures"]), (0, "made", snapshot, 0))
        self.assertGreaterEqual(state["end"], state["begin"])
        # Nothing changed, once the tree is old enough to tell.
        time.sleep(3.1)
        self.run_now()
        time.sleep(0.1)
        self.run_now()
        self.assertEqual(self.state()["outcome"], "unchanged")

    def test_hooks_that_fail_hang_or_print_garbage(self):
        self.run_now("pre = ['exit 3', 'touch %s/not']\nerror = 'echo $RAGTAPE_EXIT_CODE > %s/error'" % (self.work, self.work), code=1)
        self.assertFalse(os.path.exists(self.path("store/docs")))
        self.assertFalse(os.path.exists(self.path("not")))
        self.assertEqual(read(self.path("error")), b"1\n")
        self.assertEqual((self.state()["failures"], self.state()["outcome"]), (1, "failed"))
        self.assertIn("pre command `exit 3`: exit code 3", self.state()["message"])
        begin = time.monotonic()
        self.run_now("pre = 'trap \"\" TERM; sleep 60 & sleep 60'\nhook-timeout = '1s'", code=1)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertIn("ended after 1 s", self.state()["message"])
        done = self.run_now("pre = 'head -c 300000 /dev/urandom; printf \"\\\\033[2J\\\\377\\\\n\"; yes | head -n 20000 >&2'")
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertEqual(self.state()["failures"], 0)
        # The backup is there; that the command behind it failed is known.
        self.run_now("post = 'exit 1'", code=1)
        self.assertIn("post command", self.state()["message"])

    def test_a_backup_that_fails_is_told(self):
        write(self.path("store"), b"no directory")
        self.run_now("error = 'echo $RAGTAPE_EXIT_CODE > %s/error'" % self.work, code=2)
        self.assertEqual(read(self.path("error")), b"2\n")
        self.assertEqual(self.state()["exit_code"], 2)
        self.assertNotEqual(self.state()["message"], "")

    def test_secrets_come_from_where_they_are_kept_and_go_nowhere_else(self):
        write(self.path("key"), b"geheim1\n")
        write(self.path("post"), b"")
        store = """
access-key-id = { env = "KEY_ID" }
secret-access-key = { command = "cat %s" }
session-token = { credential = "token" }
""" % self.path("key")
        os.mkdir(self.path("credentials"))
        write(self.path("credentials/token"), b"geheim2\n")
        env = {"KEY_ID": "id", "CREDENTIALS_DIRECTORY": self.path("credentials")}
        done = self.run_now("pre = 'env'", store=store, env=env)
        for name in ("log", "state/agent/docs@s.json"):
            if os.path.exists(self.path(name)):
                self.assertNotIn(b"geheim", read(self.path(name)))
        self.assertNotIn(b"geheim", done.stderr + done.stdout)
        shown = self.done(*self.configure(store=store), "config", "show")
        self.assertNotIn(b"geheim", shown.stdout)
        for missing, says in (({"KEY_ID": None}, "KEY_ID is not set"), ({"CREDENTIALS_DIRECTORY": None}, "LoadCredential")):
            self.run_now(store=store, env={**env, **missing}, code=1)
            self.assertIn(says, self.state()["message"])

    def test_what_a_run_warns_of_is_counted(self):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.join(self.tree, "s"))
        self.run_now()
        first = self.state()["warnings"]        # with that of a new store
        # Without an agent it is known, too.
        self.assertIn(b"docs@s  made at", self.exits(1, "agent", "status").stdout)
        write(os.path.join(self.tree, "more"), b"more")
        done = self.run_now()
        self.assertEqual(self.state()["warnings"], first - 1)
        self.assertIn(b", warnings: %d\n" % (first - 1), done.stderr)

    def test_who_wants_to_know_is_told(self):
        server = http.server.HTTPServer(("127.0.0.1", 0), Pings)
        server.heard, server.status = [], 200
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = "http://127.0.0.1:%d/check" % server.server_address[1]
        self.run_now("ping = '%s'" % url)
        self.run_now("ping = '%s'\npre = 'echo why; exit 1'" % url, code=1)
        paths = [path.split("?rid=") for path, _ in server.heard]
        self.assertEqual([path for path, _ in paths], ["/check/start", "/check", "/check/start", "/check/fail"])
        self.assertEqual(paths[0][1], paths[1][1])
        self.assertNotEqual(paths[0][1], paths[2][1])
        self.assertIn("pre: why", server.heard[3][1])
        # A host that is dead or out of its mind fails no backup.
        server.status = 500
        self.run_now("ping = '%s'" % url)
        server.shutdown()
        server.server_close()
        self.run_now("ping = '%s'" % url)
        self.assertEqual(self.state()["failures"], 0)

    def test_the_daemon_runs_tells_and_stops(self):
        words = self.configure("schedule = 'every 2s'\nkeep-last = 2", agent="metrics-file = '%s'" % self.path("ragtape.prom"))
        agent = self.start_agent(*words)
        self.wait_for(lambda: os.path.exists(self.path("store/docs")) and len(self.snapshots()) >= 2)
        status = self.done("--json", "agent", "status")
        (job,) = [line for line in self.json_lines(status.stdout) if line["message_type"] == "job"]
        self.assertEqual((job["job"], job["failures"]), ("docs@s", 0))
        self.assertTrue(self.summary(status.stdout)["running"])
        # A second one with this state, whatever its configuration.
        self.fails(11, *words, "agent")
        self.wait_for(lambda: b'ragtape_last_exit_code{set="docs",store="s"} 0' in read(self.path("ragtape.prom")))
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(20), 143)
        self.assertLessEqual(len(self.snapshots()), 3)
        self.assertIn(b"does not run", self.exits(1, "agent", "status").stdout)

    def test_a_configuration_is_read_anew_and_a_wrong_one_is_not_taken(self):
        words = self.configure("schedule = 'daily 03:00'")
        agent = self.start_agent(*words)
        self.wait_for(lambda: "jobs: 1" in self.log())
        write(self.path("c.toml"), b"[sets.docs]\nwrong = 1\n")
        agent.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "the old configuration stays" in self.log())
        self.assertEqual(len([line for line in self.json_lines(self.done("--json", "agent", "status").stdout) if line["message_type"] == "job"]), 1)
        self.configure("schedule = 'every 1s'")
        agent.send_signal(signal.SIGHUP)
        self.wait_for(lambda: os.path.exists(self.path("store/docs")))
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(20), 143)

    def test_a_run_that_was_killed_begins_again_with_the_agent(self):
        words = self.configure("schedule = 'daily 03:00'\npre = 'test -e %(w)s/go || { touch %(w)s/begun; sleep 60; }'" % {"w": self.work})
        run = subprocess.Popen([RAGTAPE, *words, "agent", "run", "docs"], env=self.environment_with({}), stderr=subprocess.DEVNULL, cwd=self.work)
        self.wait_for(lambda: os.path.exists(self.path("begun")))
        self.assertEqual(self.exits(11, *words, "agent", "run", "docs").returncode, 11)
        self.assertIn(b"docs@s  running", self.exits(1, "agent", "status").stdout)
        run.kill()
        run.wait()
        write(self.path("go"))
        agent = self.start_agent(*words)
        self.wait_for(lambda: os.path.exists(self.path("store/docs")) and self.snapshots())
        self.assertIn("did not come to its end", self.log())
        agent.kill()
        agent.wait()

    def test_a_run_that_failed_in_passing_is_tried_again(self):
        words = self.configure("schedule = 'every 1h'\nretry-wait = '1s'\npre = 'echo x >> %(w)s/tries; test $(wc -l < %(w)s/tries) -ge 3'" % {"w": self.work})
        write(self.path("state-begun"))
        os.makedirs(self.path("state/agent"))
        write(self.path("state/agent/docs@s.json"), json.dumps({"begin": int(time.time()) - 7200, "end": int(time.time()) - 7100, "exit_code": 0}).encode())
        agent = self.start_agent(*words)
        self.wait_for(lambda: os.path.exists(self.path("store/docs")) and self.snapshots())
        self.assertIn("a run was missed", self.log())
        self.assertIn("again in 1 s", self.log())
        self.assertIn("again in 2 s", self.log())
        self.wait_for(lambda: self.state()["failures"] == 0)
        agent.kill()
        agent.wait()

    def ask(self, method, path, status, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port) if port else http.client.HTTPConnection("agent")
        if not port:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self.path("state/agent/control.sock"))
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self.assertEqual(answer.status, status, body)
        return body

    def test_who_looks_whether_it_runs_does_not_keep_it_from_running(self):
        os.makedirs(self.path("state/agent"))
        with open(self.path("state/agent/lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            agent = self.start_agent(*self.configure("schedule = 'daily 03:00'"))
            time.sleep(0.5)
        self.wait_for(lambda: "jobs: 1" in self.log())
        self.done("agent", "stop")
        self.assertEqual(agent.wait(20), 0)

    def test_it_is_told_by_its_socket(self):
        words = self.configure("pre = 'echo $KEY >> %s/keys; test ! -e %s/hold || sleep 60'" % (self.work, self.work))
        agent = self.start_agent(*words, env={"KEY": "of the agent"})
        self.wait_for(lambda: os.path.exists(self.path("state/agent/control.sock")))
        self.assertEqual(os.stat(self.path("state/agent/control.sock")).st_mode & 0o777, 0o600)
        self.assertIn(b"docs@s: the agent runs it", self.done("agent", "run", "--detach", "docs").stdout)
        self.wait_for(lambda: os.path.exists(self.path("store/docs")) and self.snapshots() and self.state()["end"])
        self.assertEqual(read(self.path("keys")), b"of the agent\n")
        self.fails(10, "agent", "run", "--detach", "nobody")
        # Under way, a second one is refused.
        write(self.path("hold"))
        self.done("agent", "run", "--detach", "docs@s")
        self.wait_for(lambda: json.loads(self.ask("GET", "/status", 200))["jobs"][0]["running"])
        self.fails(11, "agent", "run", "--detach", "docs")
        self.assertIn(b'ragtape_running{set="docs",store="s"} 1', self.ask("GET", "/metrics", 200))
        # A wrong configuration is refused, and the old one stays.
        write(self.path("c.toml"), b"[sets.docs]\nwrong = 1\n")
        self.assertIn(b"no such key", self.fails(2, "agent", "reload").stderr)
        self.configure("schedule = 'daily 03:00'")
        self.assertIn(b"jobs: 1", self.done("agent", "reload").stdout)
        self.assertIsNotNone(json.loads(self.ask("GET", "/status", 200))["jobs"][0]["next"])
        for method, path, status in (("GET", "/", 404), ("GET", "/stop", 404), ("POST", "/status", 404), ("PUT", "/stop", 405)):
            self.ask(method, path, status)
        self.assertIsNone(agent.poll())
        self.done("agent", "stop")
        self.assertEqual(agent.wait(20), 0)
        self.assertFalse(os.path.exists(self.path("state/agent/control.sock")))
        for verb in (["reload"], ["stop"], ["run", "--detach", "docs"]):
            self.fails(10, "agent", *verb)

    def test_prometheus_may_ask_and_nobody_tell_at_an_address(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = self.configure("schedule = 'daily 03:00'", agent="listen = '127.0.0.1:%d'" % port)
        self.start_agent(*words)
        self.wait_for(lambda: os.path.exists(self.path("state/agent/control.sock")))
        self.assertIn(b'ragtape_failures{set="docs",store="s"} 0\n', self.ask("GET", "/metrics", 200, port))
        for path in ("/stop", "/reload", "/run/docs"):
            self.ask("POST", path, 404, port)
        # One that says nothing does not hold it up.
        with socket.create_connection(("127.0.0.1", port)):
            self.ask("GET", "/status", 200, port)
        # A port that is taken costs no backup.
        write(self.path("two.toml"), read(self.path("c.toml")))
        second = self.start_agent("--state", self.path("other"), "--config", self.path("two.toml"))
        self.wait_for(lambda: "listens nowhere" in self.log())
        self.assertIsNone(second.poll())
        self.done("--state", self.path("other"), "agent", "stop")
        self.assertEqual(second.wait(20), 0)
        self.done("agent", "stop")

    def test_a_run_is_put_off_while_a_condition_is_against_it(self):
        words = self.configure("schedule = 'every 1s'\ncondition = 'test -e %s/go'" % self.work)
        self.start_agent(*words)
        self.wait_for(lambda: "put off: condition `test -e" in self.log())
        self.assertIn(b"put off since", self.done("agent", "status").stdout)
        time.sleep(2.2)
        self.assertEqual(self.log().count("put off"), 1)
        self.assertEqual(self.log().count("started"), 1)
        self.assertFalse(os.path.exists(self.path("store/docs")))
        write(self.path("go"))
        self.wait_for(lambda: os.path.exists(self.path("store/docs")) and self.snapshots())
        self.done("agent", "stop")
        # Who asks for a run gets it.
        os.unlink(self.path("go"))
        write(os.path.join(self.tree, "new"), b"new")
        self.done(*words, "agent", "run", "--if-allowed", "docs")
        count = len(self.snapshots())
        self.done(*words, "agent", "run", "docs")
        self.assertEqual(len(self.snapshots()), count + 1)

    def test_the_log_for_programs_and_for_the_journal(self):
        done = self.run_now("pre = 'echo said'\nerror = 'true'", agent="log-format = 'json'")
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertIn(("docs@s", "info", "pre: said"), [(line["job"], line["level"], line["message"]) for line in lines])
        self.assertRegex(lines[0]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        with open(self.path("journal"), "wb") as journal:
            info = os.fstat(journal.fileno())
            env = self.environment_with({"JOURNAL_STREAM": "%d:%d" % (info.st_dev, info.st_ino)})
            self.assertEqual(subprocess.run([RAGTAPE, *self.configure("pre = 'echo said; exit 1'"), "agent", "run", "docs"], env=env, stderr=journal, cwd=self.work).returncode, 1)
        self.assertIn(b"<6>docs@s: pre: said\n", read(self.path("journal")))
        self.assertIn(b"<3>docs@s: pre command", read(self.path("journal")))
        # Another's stream is not this one's.
        self.assertNotIn(b"<6>", self.run_now("pre = 'echo said'", env={"JOURNAL_STREAM": "1:1"}).stderr)

    def test_a_clock_that_jumps(self):
        """Forward: what was missed is made up for, once. Back: it goes on by the clock as it is."""
        words = self.configure("schedule = 'every 1h'")
        os.makedirs(self.path("state/agent"))
        now = int(time.time())
        write(self.path("state/agent/docs@s.json"), json.dumps({"begin": now + 86_400, "end": now + 86_401, "exit_code": 0}).encode())
        # The last run was "tomorrow": the clock went back meanwhile. It is planned from now on.
        self.start_agent(*words)
        self.wait_for(lambda: os.path.exists(self.path("state/agent/control.sock")))
        due = json.loads(self.ask("GET", "/status", 200))["jobs"][0]["next"]
        self.assertLessEqual(calendar.timegm(time.strptime(due, "%Y-%m-%dT%H:%M:%SZ")), time.time() + 3600)
        self.done("agent", "stop")

    def test_without_agent_or_configuration(self):
        self.fails(10, "agent", "status")
        self.fails(10, "--config", self.path("none.toml"), "agent")
        self.fails(10, *self.configure(), "agent", "run", "nobody")
        write(self.path("c.toml"), b"wrong = 1\n")
        self.fails(2, "--config", self.path("c.toml"), "agent")


if __name__ == "__main__":
    unittest.main()
