"""A bad config.json ends `create` with every error and its JSON path; nothing is left behind."""
import copy

from harness.bundle import ContainerTest


def put(document, path, value):
    """Sets the value at a path of keys and indices; the value None removes it."""
    for key in path[:-1]:
        document = document[key]
    if value is None:
        del document[path[-1]]
    else:
        document[path[-1]] = value


# (path to change, bad value, how the error names the place)
FAULTS = [
    (("ociVersion",), "2.0.0", "ociVersion"),
    (("ociVersion",), None, "ociVersion"),
    (("process",), None, "process"),
    (("process", "args"), [], "process.args"),
    (("process", "args"), "ls", "process.args"),
    (("process", "cwd"), "relative", "process.cwd"),
    (("process", "user", "uid"), -1, "process.user.uid"),
    (("process", "user", "uid"), "0", "process.user.uid"),
    (("process", "user", "uid"), 4294967296, "process.user.uid"),
    (("process", "rlimits"), [{"type": "RLIMIT_WAT", "hard": 1, "soft": 1}], "process.rlimits[0].type"),
    (("process", "rlimits"), [{"type": "RLIMIT_NOFILE", "hard": 1, "soft": 2}], "process.rlimits[0]"),
    (("root",), None, "root"),
    (("root", "path"), "no-such-directory", "root"),
    (("hostname",), 7, "hostname"),
    (("mounts", 0, "destination"), None, "mounts[0].destination"),
    (("mounts", 1, "options"), "ro", "mounts[1].options"),
    (("linux", "namespaces"), [{"type": "wat"}], "linux.namespaces[0].type"),
    (("linux", "namespaces"), [{"type": "pid"}, {"type": "pid"}], "linux.namespaces"),
    (("linux", "resources", "pids", "limit"), "many", "linux.resources.pids.limit"),
    (("linux", "maskedPaths"), "x", "linux.maskedPaths"),
    (("linux", "sysctl"), {"kernel.panic": "1"}, "linux.sysctl"),
    (("linux", "seccomp"), {"defaultAction": "SCMP_ACT_WAT"}, "linux.seccomp.defaultAction"),
    (("linux", "seccomp"), {"defaultAction": "SCMP_ACT_NOTIFY"}, "linux.seccomp"),
    (("hooks",), {"poststop": [{"path": "relative"}]}, "hooks.poststop[0].path"),
]


class BadConfig(ContainerTest):
    def refused(self, config):
        bundle = self.bundle()
        bundle.config = config(copy.deepcopy(bundle.config))
        outcome = bundle.warder("create", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.code, 1, outcome)
        self.assert_nothing_left(bundle)
        return outcome.err

    def test_each_fault_is_named_by_its_path(self):
        for path, value, name in FAULTS:
            with self.subTest(path=path, value=value):
                def change(config, path=path, value=value):
                    put(config, path, value)
                    return config
                self.assertIn(name, self.refused(change))

    def test_all_faults_are_told_at_once(self):
        def change(config):
            put(config, ("process", "cwd"), "relative")
            put(config, ("process", "user", "uid"), "x")
            put(config, ("mounts", 0, "destination"), None)
            put(config, ("linux", "namespaces"), [{"type": "wat"}])
            return config
        text = self.refused(change)
        for name in ("process.cwd", "process.user.uid", "mounts[0].destination", "linux.namespaces[0].type"):
            self.assertIn(name, text)

    def test_what_is_no_json_is_refused(self):
        for text in ("", "{", "[]", "null", '{"ociVersion": }', "\xff", "[" * 100000):
            bundle = self.bundle()
            bundle.save = lambda bundle=bundle, text=text: (bundle.directory / "config.json").write_text(text)
            outcome = bundle.warder("create", "-b", bundle.directory, bundle.id)
            self.assertEqual(outcome.code, 1, f"{text[:20]!r}: {outcome!r}")
            self.assertNotIn("terminate called", outcome.err)
            self.assert_nothing_left(bundle)

    def test_a_missing_bundle_or_config_is_named(self):
        bundle = self.bundle()
        outcome = bundle.warder("create", "-b", "/no/such/bundle", bundle.id)
        self.assertEqual(outcome.code, 1)
        self.assertIn("/no/such/bundle", outcome.err)

    def test_unknown_keys_are_ignored_as_the_specification_asks(self):
        bundle = self.bundle()
        bundle.config["futureThing"] = {"a": 1}
        bundle.config["process"]["futureThing"] = True
        self.assertEqual(bundle.run("true").code, 0)

    def test_a_failure_late_in_create_leaves_nothing(self):
        for path, value in ((("mounts", 6), {"destination": "/x", "type": "bind", "source": "/no/such/source", "options": ["bind"]}),
                            (("mounts", 6), {"destination": "/x", "type": "no-such-fs", "source": "x"}),
                            (("linux", "sysctl"), {"net.ipv4.no_such_key": "1"})):
            with self.subTest(value=value):
                self.refused(lambda config, path=path, value=value: put(config, path, value) or config)
