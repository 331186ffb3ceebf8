#!/usr/bin/env python3
"""--help of every verb, and docs/cli.md against it."""
import os
import re
import unittest

from cli import ROOT, CliTest, read


FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z0-9][\w-]*)")


def section(text, title):
    """The lines of docs/cli.md below `## title`, up to the next one."""
    return text.split("\n## %s\n" % title)[1].split("\n## ")[0]


class Help(CliTest):
    def setUp(self):
        super().setUp()
        self.docs = read(os.path.join(ROOT, "docs", "cli.md")).decode()
        self.help = self.done("--help").stdout.decode()
        self.helps = {}
        self.first = self.verbs_of(self.help)
        self.nested = [verb + " " + word for verb in self.first for word in self.verbs_of(self.help_of(verb))]
        self.verbs = self.first + self.nested
        # Those that do something by themselves.
        self.last = [verb for verb in self.verbs if "[SUBCOMMAND]" in self.help_of(verb) or not any(n.startswith(verb + " ") for n in self.nested)]
        self.assertIn("pack", self.last)
        self.assertIn("ragzip encode", self.last)
        self.assertNotIn("ragzip", self.last)

    def verbs_of(self, text):
        return re.findall(r"^  (\w+)(?:,\s?\w+)*  +\S", text.split("Subcommands:")[1], re.MULTILINE) if "Subcommands:" in text else []

    def help_of(self, verb):
        if verb not in self.helps:
            self.helps[verb] = self.done(*verb.split(), "--help").stdout.decode()
        return self.helps[verb]

    def test_every_verb_has_an_example_and_its_exit_codes(self):
        for verb in self.verbs:
            with self.subTest(verb=verb):
                text = self.help_of(verb)
                self.assertRegex(text, r"Example:\n  (?:.* \| )?ragtape %s[ \n]" % verb)
                codes = re.search(r"Exit codes: (.*)", text, re.DOTALL)
                self.assertTrue(codes)
                self.assertRegex(codes[1], r"^0 ")
                self.assertRegex(codes[1], r"\b2 usage")

    def test_help_and_version_go_to_stdout(self):
        self.assertEqual(self.done("--help").stderr, b"")
        self.assertRegex(self.done("--version").stdout, rb"^ragtape \d+\.\d+\.\d+\n$")

    def test_peak_memory_is_stated(self):
        self.assertRegex(self.help, r"Peak memory: .*MiB")

    def test_every_flag_of_every_help_is_in_the_manual(self):
        for verb in ["", *self.verbs]:
            flags = set(FLAG.findall(self.options_of(verb)))
            self.assertIn("--help", flags)
            for flag in flags - {"-h"}:
                with self.subTest(verb=verb, flag=flag):
                    self.assertRegex(self.docs, r"(?<![\w-])%s(?![\w-])" % re.escape(flag))

    def test_every_flag_of_a_verb_is_in_a_row_of_the_manual_that_names_the_verb(self):
        for verb in ["", *self.last]:
            rows = [options for verbs, options in self.option_rows() if verb in verbs]
            rows += [row for row in section(self.docs, "Verbs").splitlines() if verb and row.startswith("| `%s " % verb)]
            for flag in FLAG.findall(self.options_of(verb)):
                if flag in ("-h", "--help"):
                    continue
                with self.subTest(verb=verb, flag=flag):
                    self.assertRegex("\n".join(rows), r"(?<![\w-])%s(?![\w-])" % re.escape(flag))

    def option_rows(self):
        """(the verbs, what is said of their options) of each row; of `all` the verb is empty."""
        rows = re.findall(r"^\| (.*?) \| (.*) \|$", section(self.docs, "Verbs").split("| for |")[1].split("\n\n")[0], re.MULTILINE)
        self.assertGreater(len(rows), 5)
        self.assertEqual(rows[0][0], "all")
        return [(re.findall(r"`([a-z]+(?: [a-z]+)*)`", verbs) or [""], options) for verbs, options in rows]

    def options_of(self, verb):
        """The options' names: the first column of a help."""
        text = self.help if not verb else self.help_of(verb)
        lines = text.split("Options:")[1].split("Example:")[0].split("Subcommands:")[0].splitlines()
        return "\n".join(re.split(r"  +", line.strip())[0] for line in lines if re.match(r"  -", line))

    def test_every_flag_of_the_manual_is_in_the_help_of_its_verbs(self):
        for verbs, options in self.option_rows():
            # What stands in brackets is about an option, and may name another verb's.
            while "(" in options:
                options, before = re.sub(r"\([^()]*\)", "", options), options
                self.assertNotEqual(options, before)
            for verb in verbs:
                text = self.options_of(verb)
                for flag in FLAG.findall(options):
                    with self.subTest(verb=verb, flag=flag):
                        self.assertRegex(text, r"(?<![\w-])%s(?![\w-])" % re.escape(flag))

    def test_the_manual_lists_exactly_the_verbs_that_exist(self):
        table = section(self.docs, "Verbs").split("| for |")[0]
        listed = re.findall(r"^\| `([a-z]+(?: [a-z]+)*)", table, re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(self.last))

    def test_no_planned_verb_exists(self):
        planned = section(self.docs, "Planned").split(";")[0]
        verbs = re.findall(r"`(\w+)`", planned)
        self.assertIn("serve", verbs)
        for verb in verbs:
            with self.subTest(verb=verb):
                self.assertNotIn(verb, self.verbs)
                self.fails(2, verb, "x")

    def documented_codes(self):
        """Those of the table, and the two of signals."""
        codes = set()
        for cell in re.findall(r"^\| ([\d, /]+) \|", section(self.docs, "Exit codes"), re.MULTILINE):
            codes |= set(re.findall(r"\d+", cell))
        self.assertLessEqual({"0", "12", "143"}, codes)
        return codes

    def test_the_help_names_every_exit_code_of_the_manual(self):
        documented = self.documented_codes()
        named = set(re.findall(r"\b(\d+)\b", self.help.split("Exit codes:")[1].split("Peak memory")[0]))
        self.assertEqual(documented - named, set())
        self.assertEqual(named - documented, set())

    def test_every_exit_code_of_a_verb_is_in_the_manual(self):
        documented = self.documented_codes()
        for verb in self.verbs:
            codes = re.findall(r"(?:^|; )(\d+) ", self.help_of(verb).split("Exit codes: ")[1].replace("\n", " "))
            with self.subTest(verb=verb):
                self.assertGreater(len(codes), 2)
                self.assertEqual(set(codes) - documented, set())

    def test_a_misspelt_verb_gets_a_hint(self):
        for typed, meant in (("pcak", "pack"), ("sacn", "scan"), ("verfy", "verify"), ("retsore", "restore"), ("LS", None), ("frobnicate", None)):
            with self.subTest(typed=typed):
                done = self.fails(2, typed, "x", says=[typed + ": no such verb"])
                hint = "did you mean `ragtape %s`?" % meant if meant else "hint: "
                self.assertIn(hint.encode(), done.stderr)
                self.assertEqual(done.stdout, b"")
        self.fails(2, says=["ragtape --help"])
        self.fails(2, "ragzip", "encod", "x", says=["ragzip encod: no such verb", "did you mean `ragtape ragzip encode`?"])
        self.fails(2, "ragzip", "frobnicate", says=["`ragtape ragzip --help`"])

    def test_a_misspelt_flag_names_the_verb_and_its_help(self):
        self.fails(2, "pack", "x", "-o", "y", "--metdata", "full", says=["--metdata", "`ragtape pack --help`"])
        self.fails(2, "ragzip", "check", "--ful", "x", says=["--ful", "`ragtape ragzip check --help`"])
        self.fails(2, "ragzip", says=["`ragtape ragzip --help`"])


if __name__ == "__main__":
    unittest.main()
