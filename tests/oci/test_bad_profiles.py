"""A bad profile, a bad name or a file that its owner may not provide ends `create`: every error is listed, nothing is left."""
import json
import os
import re

from marked import MarkedTest, refusing

# From these words podman would guess 126 or 127; a bad profile must come out as 125.
GUESSED = re.compile("permission denied|operation not permitted|no such file or directory|executable file not found|open executable",
                     re.IGNORECASE)

BAD = {
    "not YAML": 'warder: 1\npaths: {"/a": rx\n',
    "no version": 'paths:\n  "/**": rx\n',
    "another version": "warder: 2\n",
    "an unknown key": "warder: 1\npathz: {}\n",
    "an unknown right": 'warder: 1\npaths:\n  "/**": rq\n',
    "a right in a list that is none": 'warder: 1\npaths:\n  "/**": [read, fly]\n',
    "a relative pattern": 'warder: 1\npaths:\n  "work/**": rx\n',
    "a pattern with ..": 'warder: 1\npaths:\n  "/work/../etc": rx\n',
    "a duplicate key": 'warder: 1\npaths:\n  "/a": rx\n  "/a": ro\n',
    "an address that is none": "warder: 1\nnetwork:\n  connect: [\"tcp 300.1.2.3:80\"]\n",
    "an unknown layer": "warder: 1\nextends: [no-such-layer]\n",
    "a mode that is none": "warder: 1\nmode: permissive\n",
    "a list where a map belongs": "- 1\n- 2\n",
    "nothing at all": "",
    "a NUL": "warder: 1\ndescription: \"a\0b\"\n",
}


class BadProfile(MarkedTest):
    def assert_refused(self, bundle, pattern):
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertRegex(outcome.err, pattern)
        self.assertIsNone(GUESSED.search(outcome.err), outcome.err)
        self.assert_nothing_left(bundle)
        return outcome.err

    def test_each_is_refused_with_its_file_and_line(self):
        for what, text in BAD.items():
            with self.subTest(what):
                bundle = self.marked()
                self.put(bundle, "build-7", text)
                self.assert_refused(bundle, r"build-7\.yaml(:\d+:\d+)?: ")

    def test_all_errors_are_listed_at_once(self):
        bundle = self.marked()
        self.put(bundle, "build-7", 'warder: 1\nwat: 1\npaths:\n  "/a": rq\n  "b": ro\nmode: permissive\n')
        text = self.assert_refused(bundle, "build-7")
        for line in (2, 4, 5, 6):
            self.assertRegex(text, rf"build-7\.yaml:{line}:\d+: ")

    def test_the_json_log_holds_one_object(self):
        bundle = self.marked()
        self.put(bundle, "build-7", 'warder: 1\nwat: 1\npaths:\n  "/a": rq\n')
        log = bundle.directory / "log.json"
        bundle.options = ["--log", str(log), "--log-format", "json"]
        self.assertEqual(bundle.run("true").code, 1)
        told = json.loads(log.read_text())
        self.assertEqual(told["level"], "error")
        self.assertRegex(told["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
        for line in (2, 4):
            self.assertRegex(told["msg"], rf"build-7\.yaml:{line}:\d+: ")

    def test_a_layer_may_not_give_back_what_a_lower_layer_took(self):
        bundle = self.marked()
        self.put(bundle, "strict", refusing("one"))
        self.put(bundle, "build-7", 'warder: 1\nextends: [strict]\npaths:\n  "/**": all\n')
        self.assert_refused(bundle, r"build-7\.yaml:4:\d+: ")
        self.put(bundle, "build-7", 'warder: 1\nextends: [strict]\npaths:\n  "/**": {allow: all, override: true}\n')
        outcome = bundle.run("sh", "-c", "cat /mark/one")
        self.assertEqual((outcome.code, outcome.out), (0, "one"), outcome)

    def test_layers_in_a_circle_are_refused(self):
        bundle = self.marked()
        self.put(bundle, "a", "warder: 1\nextends: [b]\n")
        self.put(bundle, "b", "warder: 1\nextends: [a]\n")
        self.put(bundle, "build-7", "warder: 1\nextends: [a]\n")
        self.assert_refused(bundle, "extends")


class BadOwner(MarkedTest):
    def refuses(self, change):
        bundle = self.marked()
        path = self.put(bundle, "build-7", refusing("one"))
        self.put(bundle, "default", refusing("five"))
        change(path)
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, f"must not fall through to another candidate: {outcome!r}")
        self.assertIn("build-7.yaml", outcome.err)
        self.assertIsNone(GUESSED.search(outcome.err), outcome.err)
        self.assert_nothing_left(bundle)

    def test_a_file_of_another_user(self):
        self.refuses(lambda path: os.chown(path, 1000, 1000))

    def test_a_file_that_others_may_write(self):
        self.refuses(lambda path: path.chmod(0o646))

    def test_a_directory_in_the_place_of_the_file(self):
        def change(path):
            path.unlink()
            path.mkdir()
        self.refuses(change)

    def test_a_fifo_in_the_place_of_the_file(self):
        def change(path):
            path.unlink()
            os.mkfifo(path)
        self.refuses(change)

    def test_a_directory_that_others_may_write(self):
        bundle = self.marked()
        self.put(bundle, "build-7", refusing("one"))
        bundle.system_profiles.chmod(0o777)
        self.assertEqual(bundle.run("true").code, 1)

    def test_a_file_of_another_user_as_a_layer(self):
        bundle = self.marked()
        os.chown(self.put(bundle, "layer", refusing("two")), 1000, 1000)
        self.put(bundle, "build-7", refusing("one", "extends: [layer]\n"))
        self.assertEqual(bundle.run("true").code, 1)

    def test_a_foreign_ceiling(self):
        bundle = self.marked()
        os.chown(self.put(bundle, "mandatory", refusing("ceiling")), 1000, 1000)
        self.assertEqual(bundle.run("true").code, 1)


class BadHostname(MarkedTest):
    def test_names_that_could_leave_the_directory_are_refused(self):
        for bad in ("../../etc/passwd", "a/b", ".hidden", "x" * 254):
            with self.subTest(bad[:20]):
                bundle = self.marked(hostname=bad)
                outcome = bundle.run("true")
                self.assertEqual(outcome.code, 1, outcome)
                self.assert_nothing_left(bundle)

    def test_a_bad_domain_name_is_refused(self):
        outcome = self.marked(domainname="a/../b").run("true")
        self.assertEqual(outcome.code, 1, outcome)
