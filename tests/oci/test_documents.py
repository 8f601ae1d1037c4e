"""What callers read before they run anything: --version, features, spec, help, unknown words, logs."""
import json
import re

from harness.bundle import ContainerTest


class Version(ContainerTest):
    def test_lines_are_those_that_engines_parse(self):
        for spelling in ("--version", "-v"):
            lines = self.bundle().warder(spelling).out.splitlines()
            self.assertRegex(lines[0], r"^warder version \d+\.\d+\.\d+")
            self.assertTrue(any(re.match(r"^commit: \S+$", line) for line in lines), lines)
            self.assertIn("spec: 1.3.0", lines)
            self.assertEqual(sum("version" in line for line in lines), 1, "dockerd takes the LAST line with the word")


class Features(ContainerTest):
    def test_it_is_one_document_and_nothing_else(self):
        outcome = self.bundle().warder("features")
        self.assertEqual((outcome.code, outcome.err), (0, ""))
        told = json.loads(outcome.out)
        self.assertRegex(told["ociVersionMin"], r"^1\.0\.")
        self.assertEqual(told["ociVersionMax"], "1.3.0")
        self.assertLessEqual({"createRuntime", "createContainer", "startContainer", "poststart", "poststop", "prestart"},
                             set(told["hooks"]))
        self.assertLessEqual({"pid", "mount", "network", "ipc", "uts", "user", "cgroup"}, set(told["linux"]["namespaces"]))
        self.assertTrue(told["linux"]["seccomp"]["enabled"])
        self.assertIn("rro", told["mountOptions"])
        self.assertIn("CAP_SYS_ADMIN", told["linux"]["capabilities"])

    def test_what_it_claims_about_mounts_is_accepted(self):
        bundle = self.bundle()
        options = json.loads(bundle.warder("features").out)["mountOptions"]
        for option in ("rbind", "ro", "nosuid", "nodev", "noexec", "rprivate", "rro"):
            self.assertIn(option, options)


class Spec(ContainerTest):
    def test_it_writes_a_config_that_runs(self):
        bundle = self.bundle()
        directory = bundle.directory / "fresh"
        directory.mkdir()
        (directory / "rootfs").symlink_to(bundle.rootfs)
        self.assertEqual(bundle.warder("spec", "-b", directory).code, 0)
        config = json.loads((directory / "config.json").read_text())
        config["process"]["args"] = ["echo", "from a fresh spec"]
        config["process"]["terminal"] = False
        config["root"]["path"] = str(bundle.rootfs)
        bundle.config = config
        config["linux"]["cgroupsPath"] = f"{bundle.id}"
        config["linux"].pop("cgroupsPath")
        outcome = bundle.warder("run", "-b", bundle.directory, bundle.id)
        self.assertEqual((outcome.code, outcome.out), (0, "from a fresh spec\n"), outcome)

    def test_it_overwrites_nothing(self):
        bundle = self.bundle()
        bundle.save()
        self.assertNotEqual(bundle.warder("spec", "-b", bundle.directory).code, 0)


class CommandLine(ContainerTest):
    def test_help_names_every_verb(self):
        text = self.bundle().warder("--help").out
        for verb in ("create", "run", "start", "state", "kill", "delete", "exec", "list", "ps", "pause", "resume", "events",
                     "update", "spec", "features", "profile"):
            self.assertRegex(text, rf"(?m)^\s+{verb}\b")

    def test_unknown_words_fail_with_usage_on_stderr(self):
        for words in (["frobnicate"], ["create", "--frobnicate", "x"], ["--frobnicate"], []):
            outcome = self.bundle().warder(*(words or ["--no-verb"]))
            self.assertNotEqual(outcome.code, 0, words)
            self.assertEqual(outcome.out, "", words)
            self.assertTrue(outcome.err, words)

    def test_long_options_may_have_one_dash(self):
        bundle = self.bundle(args=["true"])
        outcome = bundle.warder("run", "-no-subreaper", "-bundle", bundle.directory, bundle.id)
        self.assertEqual(outcome.code, 0, outcome)

    def test_checkpoint_is_refused_clearly_and_its_help_fails(self):
        # podman takes an exit code of 0 from `checkpoint --help` as "supports checkpoints".
        self.assertNotEqual(self.bundle().warder("checkpoint", "--help").code, 0)
        bundle = self.bundle()
        with bundle.running() as container:
            outcome = bundle.warder("checkpoint", "--image-path", bundle.directory / "image", container)
            self.assertNotEqual(outcome.code, 0)
            self.assertIn("checkpoint", outcome.err)

    def test_the_error_is_written_once_to_the_log_and_once_to_stderr(self):
        bundle = self.bundle()
        log = bundle.directory / "log.json"
        bundle.globals = lambda globals=bundle.globals: [*globals(), "--log", str(log), "--log-format=json"]
        outcome = bundle.warder("state", "nope")
        told = json.loads(log.read_text())
        self.assertEqual(told["level"], "error")
        self.assertIn("does not exist", told["msg"])
        self.assertEqual(outcome.err.count("does not exist"), 1)

    def test_success_writes_nothing_to_the_log(self):
        bundle = self.bundle()
        log = bundle.directory / "log.json"
        bundle.globals = lambda globals=bundle.globals: [*globals(), "--log", str(log), "--log-format=json"]
        outcome = bundle.run("true")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (0, "", ""))
        self.assertEqual(log.read_text() if log.exists() else "", "")
