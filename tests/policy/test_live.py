"""warder update --profile: another profile for a container that runs, what cannot change, and the counters of what is in force."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402
from harness.settings import use_settings  # noqa: E402

OPEN = 'warder: 1\nlive: true\npaths:\n  "/**": all\n'
REFUSED = 'warder: 1\npaths:\n  "/**": rx\n  "/work/**": rwx\n  "/etc/shadow": none\n'


class Live(ContainerTest):
    @staticmethod
    def allow_loosening(bundle):
        use_settings(bundle, "allow-loosening: true\n")

    def update(self, bundle, container, text, *options):
        path = bundle.profile(text, "next")
        return bundle.warder("update", "--profile", path, *options, container)

    def tried(self, bundle, container, *operations):
        words = " -- ".join(operations).split()
        return [line.split(" = ")[1] for line in bundle.exec(container, needs_guest("try"), *words).lines()]

    def test_a_running_workload_is_held_to_the_new_profile_from_the_next_call_on(self):
        bundle = self.bundle(hostname="live", profile=OPEN)
        loop = "while ! [ -e /work/stop ]; do cat /etc/shadow >/dev/null 2>/work/err && echo yes || echo no; sleep 0.05; done >/work/seen"
        with bundle.running("sh", "-c", loop) as container:
            seen = bundle.rootfs / "work/seen"
            self.wait_for(lambda: seen.exists() and "yes" in seen.read_text())
            out = self.update(bundle, container, OPEN + '  "/etc/shadow": none\n')
            self.assertEqual(out.code, 0, out)
            self.assertIn("- all on /etc/shadow", out.out)
            marker = len(seen.read_text().splitlines()) + 1
            self.wait_for(lambda: len(seen.read_text().splitlines()) > marker + 5)
            self.assertEqual(set(seen.read_text().splitlines()[marker:]), {"no"})
            events = [line.get("event") for line in bundle.audit()]
            self.assertIn("profile-update", events)
            rules = {line["rule"] for line in bundle.audit() if line.get("path") == "/etc/shadow"}
            self.assertEqual({rule.rsplit("/", 1)[1] for rule in rules}, {"next.yaml:5"})

    def test_with_live_everything_can_be_tightened(self):
        bundle = self.bundle(hostname="live", profile="warder: 1\nlive: true\n")
        with bundle.running() as container:
            before = ("open /etc/passwd r", "write /work/x y", "exec /bin/busybox true", "stat /etc/group", "chmod /work/x")
            self.assertEqual([word.split()[0] for word in self.tried(bundle, container, *before)], ["OK"] * 5)
            out = self.update(bundle, container, 'warder: 1\nlive: true\npaths:\n  "/**": rx\n  "/guests/**": rx\n  "/bin/**": ro\n'
                                                 '  "/etc/group": hide\n  "/etc/passwd": none\nnetwork:\n  connect: []\n  families: [unix]\n'
                                                 "syscalls: {deny: [ptrace]}\n")
            self.assertEqual(out.code, 0, out)
            words = self.tried(bundle, container, *before)
            self.assertEqual(words, ["EACCES", "EACCES", "EACCES", "ENOENT", "EACCES"])
            out = bundle.exec(container, needs_guest("try_network"), "connect", "tcp", "127.0.0.1:9")
            self.assertNotIn("= OK", out.out)

    def test_an_exec_session_that_was_there_before_is_held_to_it_too(self):
        bundle = self.bundle(hostname="live", profile=OPEN)
        with bundle.running() as container:
            go = bundle.rootfs / "work/go"
            done = bundle.rootfs / "work/done"
            out = bundle.exec(container, "sh", "-c", "(while ! [ -e /work/go ]; do sleep 0.05; done; cat /etc/shadow; echo $? >/work/done) </dev/null >/dev/null 2>&1 &")
            self.assertEqual(out.code, 0, out)
            self.assertEqual(self.update(bundle, container, OPEN + '  "/etc/shadow": none\n').code, 0)
            go.touch()
            self.assertEqual(self.wait_for(lambda: done.exists() and done.read_text()), "1\n")

    def test_a_call_that_waits_is_asked_again(self):
        bundle = self.bundle(hostname="live", profile=OPEN)
        with bundle.running("sh", "-c", "busybox mkfifo /work/fifo; cat /work/fifo; echo $? >/work/done; sleep 600") as container:
            self.wait_for((bundle.rootfs / "work/fifo").exists)
            out = self.update(bundle, container, OPEN + '  "/work/fifo": none\n')
            self.assertEqual(out.code, 0, out)
            done = bundle.rootfs / "work/done"
            self.assertEqual(self.wait_for(lambda: done.exists() and done.read_text()), "1\n")

    def test_loosening_needs_the_administrator(self):
        bundle = self.bundle(hostname="live", profile=OPEN + '  "/etc/shadow": none\n')
        with bundle.running() as container:
            out = self.update(bundle, container, OPEN)
            self.assertEqual(out.code, 1, out)
            self.assertIn("allow-loosening", out.err)
            self.assertIn("gives back all on /etc/shadow", out.err)
            self.assertEqual(self.tried(bundle, container, "open /etc/shadow r"), ["EACCES"])
            self.allow_loosening(bundle)
            out = self.update(bundle, container, OPEN)
            self.assertEqual(out.code, 0, out)
            self.assertEqual(self.tried(bundle, container, "open /etc/shadow r"), ["OK"])

    def test_programs_may_be_given_back_and_taken_away(self):
        bundle = self.bundle(hostname="live", profile=OPEN + '  "/work/**": rw\n')
        self.allow_loosening(bundle)
        with bundle.running() as container:
            bundle.exec(container, "cp", "/bin/busybox", "/work/true")
            self.assertEqual(self.tried(bundle, container, "exec /work/true true"), ["EACCES"])
            out = self.update(bundle, container, OPEN)
            self.assertEqual(out.code, 0, out)
            self.assertEqual(self.tried(bundle, container, "exec /work/true true"), ["OK exit 0"])

    def test_without_live_what_is_trapped_can_be_tightened_and_the_rest_is_named(self):
        bundle = self.bundle(hostname="live", profile=REFUSED)
        (bundle.rootfs / "work/fixed").mkdir()
        with bundle.running() as container:
            # Writing is refused somewhere already, so every writing open is PID 1's.
            out = self.update(bundle, container, REFUSED.replace('"/work/**": rwx', '"/work/**": rwx\n  "/work/fixed/**": rx'))
            self.assertEqual(out.code, 0, out)
            self.assertEqual(self.tried(bundle, container, "write /work/fixed/x y", "write /work/free y"), ["EACCES", "OK"])
            # Nothing was hidden, so nobody asks PID 1 who looks.
            out = self.update(bundle, container, REFUSED + '  "/etc/group": hide\n')
            self.assertEqual(out.code, 1, out)
            self.assertIn("nothing was changed", out.err)
            self.assertRegex(out.err, r"next.yaml:6:3: hides /etc/group for one, but the seccomp program of this container lets .*stat")
            self.assertEqual(self.tried(bundle, container, "stat /etc/group"), ["OK"])
            out = self.update(bundle, container, REFUSED.replace('"/work/**": rwx', '"/work/**": rw'))
            self.assertEqual(out.code, 1, out)
            self.assertIn("Landlock decides what is executed", out.err)

    def test_each_setting_that_is_fixed_at_the_start_is_named(self):
        bundle = self.bundle(hostname="live", profile=REFUSED)
        for head, word in (("live: true\n", "live"), ("audit: cheap\n", "audit"), ("mode: learn\n", "mode"), ("capabilities: {max: [CHOWN]}\n", "capabilities"),
                           ("syscalls: {deny: [getpid]}\n", "denies getpid"), ("network: {connect: []}\n", "connect"), ("network: {families: [unix]}\n", "families")):
            with self.subTest(head), bundle.running() as container:
                out = self.update(bundle, container, REFUSED.replace("warder: 1\n", "warder: 1\n" + head))
                self.assertEqual(out.code, 1, out)
                self.assertIn(word, out.err)

    def test_a_container_whose_profile_pid_1_does_not_decide_cannot_change(self):
        bundle = self.bundle(hostname="live")
        with bundle.running() as container:
            out = self.update(bundle, container, REFUSED)
            self.assertEqual(out.code, 1, out)
            self.assertIn("live: true", out.err)

    def test_check_only_tells(self):
        bundle = self.bundle(hostname="live", profile=OPEN)
        with bundle.running() as container:
            out = self.update(bundle, container, OPEN + '  "/etc/shadow": none\n', "--check")
            self.assertEqual(out.code, 0, out)
            self.assertIn("/etc/shadow", out.out)
            self.assertEqual(self.tried(bundle, container, "open /etc/shadow r"), ["OK"])
            out = self.update(bundle, container, "warder: 1\npahts: {}\n")
            self.assertEqual(out.code, 1)
            self.assertIn("did you mean 'paths'?", out.err)

    def show(self, bundle, container, *options):
        return bundle.warder("profile", "show", "--container", container, *options)

    def test_show_tells_what_is_in_force_who_enforces_it_and_how_often_it_decided(self):
        profile = OPEN + '  "/etc/shadow": none\n'
        bundle = self.bundle(hostname="live", profile=profile)
        with bundle.running() as container:
            for _ in range(3):
                bundle.exec(container, needs_guest("try"), "open", "/etc/shadow", "r")
            (bundle.profiles / "live.yaml").write_text("warder: 1\n")  # the file has moved on, what is in force has not
            out = self.show(bundle, container)
            self.assertEqual(out.code, 0, out)
            line = next(line for line in out.lines() if "/etc/shadow" in line)
            self.assertRegex(line, r'"/etc/shadow": none +# .*live.yaml:5  \[notify, exec stop\]  0 allowed, 3 refused, [0-9.]+ us each')
            shown = json.loads(self.show(bundle, container, "--format", "json").out)
            entry = next(one for one in shown if '"/etc/shadow"' in one["yaml"])
            self.assertEqual((entry["refused"], entry["allowed"]), (3, 0))
            self.assertGreater(entry["nanoseconds"], 0)
            everything = next(one for one in shown if '"/**"' in one["yaml"])
            self.assertGreater(everything["allowed"], 10)

            self.assertEqual(self.update(bundle, container, profile + '  "/etc/group": none\n').code, 0)
            out = self.show(bundle, container)
            self.assertIn("changed while it runs", out.out)
            self.assertRegex(out.out, r'"/etc/group": none +# .*next.yaml:6')
            state = bundle.state_of(container)
            self.assertIn("next", json.dumps(state))

    def test_the_profile_of_a_stopped_container_can_still_be_shown(self):
        bundle = self.bundle(hostname="live", profile=REFUSED)
        with bundle.running("true") as container:
            self.wait_for(lambda: bundle.state_of(container)["status"] == "stopped")
            out = self.show(bundle, container)
            self.assertEqual(out.code, 0, out)
            self.assertIn('"/work/**": rwx', out.out)


if __name__ == "__main__":
    unittest.main()
