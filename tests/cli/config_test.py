#!/usr/bin/env python3
"""config: what a configuration says, and every mistake in it."""
import json
import os
import unittest

from cli import ROOT, CliTest, read, write

GOOD = """
[stores.nas]
url = "/mnt/nas"
[stores.cloud]
url = "s3://bucket/backups"
endpoint = "https://s3.example.org"
access-key-id = "AKID"
secret-access-key = { file = "/run/secret" }
tag = ["a=1", "b=2"]

[defaults]
schedule = "daily 03:00"
stores = ["nas", "cloud"]
keep-daily = 7
exclude = "*.tmp"

[templates.base]
keep-weekly = 4
[templates.office]
inherits = "base"
exclude = ["*.bak", "/cache"]

[sets.home]
source = "/home"
inherits = "office"
one-file-system = true
[sets.etc]
source = "/etc"
stores = "nas"
schedule = "every 6h"
catch-up = false
"""


class Config(CliTest):
    def config(self, text):
        write(self.path("c.toml"), text.encode())
        return ["--config", self.path("c.toml")]

    def mistakes(self, text):
        done = self.fails(2, *self.config(text), "config", "check")
        return [line[len("ragtape: error: ") + len(self.path("c.toml")):] for line in done.stderr.decode().splitlines() if line.startswith("ragtape: error")]

    def test_what_is_said_with_the_command_counts_more(self):
        words = self.config(GOOD)
        shown = self.done(*words, "config", "show", "home", "--with", "level=9", "--with", "exclude=[\"a b\", 'c']", "--with", "schedule=every 2h", "--with", "one-file-system=false").stdout.decode()
        self.assertIn("level = 9   (--with)", shown)
        self.assertIn("exclude = a b, c   (--with)", shown)
        self.assertIn("schedule = every 2h   (--with)", shown)
        self.assertIn("--exclude=a b", shown)
        self.assertNotIn("*.bak", shown)
        self.assertNotIn("--one-file-system", shown)
        for bad in ("level", "level=", "level=x", "levle=1", "stores=nas", "schedule=daily 25", "exclude=1", "level=1\nengine='zlib'", "=", ""):
            with self.subTest(bad=bad):
                self.fails(2, *words, "config", "show", "--with", bad)

    def test_what_counts_and_where_it_comes_from(self):
        self.assertIn(b"2 stores, 2 sets, 3 jobs", self.done(*self.config(GOOD), "config", "check").stdout)
        shown = self.done(*self.config(GOOD), "config", "show").stdout.decode()
        line = 1 + GOOD.splitlines().index('exclude = ["*.bak", "/cache"]')
        self.assertIn("exclude = *.bak, /cache   (%s:%d [templates.office])" % (self.path("c.toml"), line), shown)
        self.assertIn("keep-daily = 7   (%s:%d [defaults])" % (self.path("c.toml"), 1 + GOOD.splitlines().index("keep-daily = 7")), shown)
        lines = self.json_lines(self.done("--json", *self.config(GOOD), "config", "show", "home").stdout)
        jobs = {one["job"]: one for one in lines if one["message_type"] == "job"}
        self.assertEqual(set(jobs), {"home@nas", "home@cloud"})
        self.assertEqual(jobs["home@cloud"]["backup"], ["/home", "--to", "s3://bucket/backups", "--set", "home", "--exclude=*.bak", "--exclude=/cache", "--one-file-system",
                                                        "--endpoint=https://s3.example.org", "--tag=a=1", "--tag=b=2"])
        self.assertEqual(jobs["home@cloud"]["forget"], ["s3://bucket/backups", "--set", "home", "--unfinished", "--keep-daily=7", "--keep-weekly=4", "--endpoint=https://s3.example.org"])
        self.fails(10, *self.config(GOOD), "config", "show", "nobody")

    def test_every_mistake_is_named_with_its_line(self):
        one_set = "[sets.a]\nsource = '/x'\n"
        store = "[stores.s]\nurl = '/s'\n"
        for text, says in (
                ("a = [1,\n", ":1: "),
                (store + one_set + "[wrong]\n", ":5: [wrong]: no such table"),
                (store + one_set + "exlude = 'x'\n", ":5: sets.a.exlude: no such key"),
                (store + one_set + "schedule = 'dayly'\n", ':5 [sets.a]: sets.a.schedule: schedule "dayly": not understood'),
                (store + one_set + "timezone = 'Nowhere'\n", "not known to this machine"),
                (store + one_set + "catch-up = 'yes'\n", "sets.a.catch-up: a text, true or false expected"),
                (store + one_set + "keep-daily = -1\n", "keep-daily: a whole number, a whole number from 0 on, or"),
                (store + one_set + "keep-daily = 0\n", "these rules keep nothing"),
                (store + one_set + "exclude = [1]\n", "exclude: a list, a list of texts, or one expected"),
                (store + one_set + "volume-size = '5 parsecs'\n", "volume-size"),
                (store + one_set + "hook-timeout = '5y'\n", "hook-timeout"),
                (store + one_set + "metadata = 'some'\n", "one of full|portable expected"),
                (store + one_set + "stores = ['t']\n", "no [stores.t]"),
                (store + one_set + "inherits = 't'\n", "no [templates.t]"),
                (store + one_set + "inherits = 't'\n[templates.t]\ninherits = 'u'\n[templates.u]\ninherits = 't'\n", "in a circle"),
                (store + "[sets.a]\nexclude = 'x'\n", "sets.a: no source"),
                (store, "no [sets.NAME]"),
                (one_set, "no [stores.NAME]"),
                (store + "[stores.t]\nurl = '/t'\n" + one_set, "sets.a: no stores"),
                (store + "secret-access-key = 'x'\n" + one_set, "secrets do not stand here"),
                (store + "access-key-id = 'x'\n" + one_set, "go together"),
                (store + "[sets.'a b']\nsource = '/x'\n", "a name of letters"),
                (store + "sets = 5\n", "sets: "),
                (store + one_set + "source = '/y'\n", ":5: "),
                ("stores = 5\n" + one_set, "stores: a whole number")):
            with self.subTest(text):
                found = self.mistakes(text)
                self.assertTrue(any(says in line for line in found), found)
        self.assertGreater(len(self.mistakes("[wrong]\n" + one_set + "x = 1\ny = 2\n")), 3)

    def test_a_near_name_is_hinted_at(self):
        done = self.fails(2, *self.config(GOOD + "exlude = 'x'\n"), "config", "check")
        self.assertIn(b"did you mean `exclude`?", done.stderr)

    def test_where_it_is_looked_for(self):
        self.fails(10, "config", "check", env={"XDG_CONFIG_HOME": self.work}, says=["config.toml"])
        os.mkdir(self.path("ragtape"))
        write(self.path("ragtape", "config.toml"), GOOD.encode())
        self.done("config", "check", env={"XDG_CONFIG_HOME": self.work})
        self.done("config", "check", env={"RAGTAPE_CONFIG": self.path("ragtape", "config.toml")})

    def test_init_asks_three_questions(self):
        tree = os.path.join(self.work, 'My "Documents" \\ x')
        os.mkdir(tree)
        words = ["--config", self.path("new", "c.toml")]
        done = self.exits(0, *words, "init", input=(tree + "\n" + self.path("store") + "\n\n").encode())
        self.assertIn(b"Where to?", done.stderr)
        self.assertEqual(os.stat(self.path("new", "c.toml")).st_mode & 0o777, 0o600)
        shown = self.json_lines(self.done("--json", *words, "config", "show").stdout)
        (job,) = [line for line in shown if line["message_type"] == "job"]
        self.assertEqual((job["job"], job["schedule"], job["backup"][0]), ("my--documents----x@main", "daily 03:00", tree))
        self.done(*words, "agent", "run", "my--documents----x")
        self.assertEqual(len(self.done("snapshots", self.path("store")).stdout.splitlines()), 1)
        before = read(self.path("new", "c.toml"))
        self.fails(2, *words, "init", "--source", tree, "--to", self.path("other"), "--schedule", "hourly", says=["is there already"])
        self.assertEqual(read(self.path("new", "c.toml")), before)

    def test_init_with_wrong_answers_writes_nothing(self):
        words = ["--config", self.path("c.toml"), "init"]
        for more, code in ((["--source", self.path("nowhere"), "--to", self.path("s"), "--schedule", "daily"], 10), (["--source", self.work, "--to", self.path("no", "where"), "--schedule", "daily"], 10),
                           (["--source", self.work, "--to", self.path("s"), "--schedule", "some day"], 2), (["--source", self.work], 2)):
            self.assertEqual(self.exits(code, *words, *more, input=b"").returncode, code)
            self.assertFalse(os.path.exists(self.path("c.toml")))

    def test_init_for_a_bucket_takes_what_the_environment_says(self):
        env = {"AWS_ENDPOINT_URL": "https://s3.example.org", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "geheim"}
        self.done("--config", self.path("c.toml"), "init", "--source", self.work, "--to", "s3://bucket/x", "--schedule", "hourly", env=env)
        text = read(self.path("c.toml")).decode()
        self.assertIn('endpoint = "https://s3.example.org"', text)
        self.assertIn('{ env = "AWS_SECRET_ACCESS_KEY" }', text)
        self.assertNotIn("geheim", text)

    def test_the_schema_is_the_one_that_is_kept(self):
        schema = self.done("config", "schema").stdout
        self.assertEqual(schema, read(os.path.join(ROOT, "schemas", "config.schema.json")))
        json.loads(schema)


if __name__ == "__main__":
    unittest.main()
