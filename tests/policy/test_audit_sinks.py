"""Where audit lines go, as warder.yaml says: files, the journal, syslog, standard error; limits; recordings that outlive a container."""

import contextlib
import fcntl
import json
import os
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402
from harness.settings import use_settings  # noqa: E402

JOURNAL = pathlib.Path("/run/systemd/journal/socket")
SYSLOG = pathlib.Path("/dev/log")
PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shadow": none\n'


@contextlib.contextmanager
def alone():
    """There is one journal and one syslog, whichever test is running."""
    with open(pathlib.Path(os.environ.get("WARDER_SHARED", "/tmp")) / "sinks.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def datagram_server(path):
    """A socket at `path`; gives a function that returns what has arrived."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        server.settimeout(10)
        try:
            yield lambda: server.recv(1 << 16).decode()
        finally:
            path.unlink()


class Configured(ContainerTest):
    def configured(self, text, profile=PROFILE):
        bundle = self.bundle(hostname="sinks", profile=profile)
        use_settings(bundle, text)
        return bundle

    def refuse_once(self, bundle):
        return bundle.run(needs_guest("try"), "open", "/etc/shadow", "r")


class Sinks(Configured):
    def test_a_file(self):
        log = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"sink-{os.getpid()}.log"
        bundle = self.configured(f"audit: {{file: {log}}}\n")
        self.refuse_once(bundle)
        self.assertEqual([json.loads(line)["path"] for line in log.read_text().splitlines()], ["/etc/shadow"])
        out = bundle.warder("audit")
        self.assertRegex(out.out, r"refused +read +/etc/shadow")
        log.unlink()

    def test_the_journal_gets_entries_of_its_native_protocol(self):
        with alone(), datagram_server(JOURNAL) as receive:
            bundle = self.configured("audit: {sink: journald}\n")
            self.refuse_once(bundle)
            fields = dict(line.split("=", 1) for line in receive().strip().split("\n"))
        self.assertEqual((fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]), ("5", "warder"))
        self.assertTrue(fields["WARDER_CONTAINER"].startswith(bundle.id))
        self.assertEqual(json.loads(fields["MESSAGE"])["path"], "/etc/shadow")
        out = bundle.warder("audit")
        self.assertEqual(out.code, 1)
        self.assertIn("journalctl -t warder", out.err)

    def test_syslog_gets_one_datagram_a_line(self):
        with alone(), datagram_server(SYSLOG) as receive:
            self.refuse_once(self.configured("audit: {sink: syslog}\n"))
            message = receive()
        self.assertTrue(message.startswith("<85>warder: {"), message)  # authpriv, notice
        self.assertEqual(json.loads(message.split(": ", 1)[1])["path"], "/etc/shadow")

    def test_standard_error(self):
        out = self.refuse_once(self.configured("audit: {sink: stderr}\n"))
        self.assertEqual(json.loads(out.err)["path"], "/etc/shadow", out)

    def test_a_sink_that_is_not_there_refuses_the_container_and_leaves_nothing(self):
        for sink, place in (("journald", JOURNAL), ("syslog", SYSLOG)):
            with self.subTest(sink), alone():
                bundle = self.configured(f"audit: {{sink: {sink}}}\n")
                out = self.refuse_once(bundle)
                self.assertEqual(out.code, 1, out)
                self.assertIn(str(place), out.err)
                self.assert_nothing_left(bundle)

    def test_a_reader_that_does_not_read_holds_nobody_up(self):
        with alone(), datagram_server(JOURNAL) as receive:
            bundle = self.configured("audit: {sink: journald, rate: 100000, burst: 100000}\n")
            out = bundle.run("sh", "-c", "i=0; while [ $i -lt 800 ]; do cat /etc/shadow 2>/dev/null; i=$((i+1)); done; echo through", timeout=60)
            self.assertEqual(out.lines(), ["through"], out)
            self.assertIn("/etc/shadow", receive())

    def test_a_flood_is_limited_as_configured_and_says_so(self):
        bundle = self.configured("audit: {rate: 1, burst: 5}\n")
        with bundle.running("sh", "-c", "mkdir -p /work/d; i=0; while [ $i -lt 60 ]; do cat /etc/shadow 2>/dev/null; i=$((i+1)); done; touch /work/done; sleep 600") as container:
            self.wait_for((bundle.rootfs / "work/done").exists)
            log = bundle.state / container / "audit.log"
            lines = [json.loads(line) for line in self.wait_for(lambda: "lost" in log.read_text() and log.read_text()).splitlines()]
        refused = [line for line in lines if line.get("verdict") == "refused"]
        self.assertLess(len(refused), 20)
        self.assertGreater(sum(line.get("lost", 0) for line in lines), 20)

    def test_the_end_of_a_container_tells_how_often_each_line_decided(self):
        log = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"usage-{os.getpid()}.log"
        bundle = self.configured(f"audit: {{file: {log}, usage: true}}\n", PROFILE + '  "/nowhere/*": none\n')
        bundle.run("sh", "-c", "cat /etc/shadow; cat /etc/shadow; cat /etc/passwd >/dev/null; true")
        usage = {json.loads(line)["rule"].rsplit(":", 1)[1]: json.loads(line) for line in log.read_text().splitlines() if '"usage"' in line}
        self.assertEqual(usage["4"]["refused"], 2, usage)
        self.assertEqual((usage["5"]["allowed"], usage["5"]["refused"]), (0, 0), "a line that was not needed")
        log.unlink()

    def test_the_log_level_of_warder_itself(self):
        bundle = self.configured("log-level: debug\n")
        self.assertEqual(bundle.run("true").code, 0)
        bundle = self.configured("log-level: loud\n")
        out = bundle.run("true")
        self.assertEqual(out.code, 1)
        self.assertIn("warder.yaml:1:12", out.err)


class Recordings(Configured):
    def learn(self, bundle, *args):
        bundle.config["annotations"] = {"io.warder.mode": "learn"}
        return bundle.run(*args)

    def test_an_annotation_may_ask_for_learning_where_the_administrator_lets_it(self):
        bundle = self.configured("allow-modes: [learn]\nlearn-directory: /var/tmp/warder-recordings\n")
        out = self.learn(bundle, "cat", "/etc/shadow")
        self.assertEqual((out.code, "secret" in out.out), (0, True), out)
        # `run` has removed the container; its recording is still there.
        logs = list(pathlib.Path("/var/tmp/warder-recordings").glob(f"{bundle.id}*.log"))
        self.assertEqual(len(logs), 1)
        verdicts = {(line["path"], line["verdict"]) for line in map(json.loads, logs[0].read_text().splitlines()) if "path" in line}
        self.assertIn(("/etc/shadow", "would-refuse"), verdicts)
        self.assertRegex(bundle.warder("audit", logs[0].stem).out, "would-refuse")
        logs[0].unlink()

    def test_it_is_refused_where_the_administrator_does_not(self):
        bundle = self.configured("# nothing\n")
        out = self.learn(bundle, "true")
        self.assertEqual(out.code, 1)
        self.assertIn("allow-modes: [learn]", out.err)
        self.assert_nothing_left(bundle)
        bundle.config["annotations"] = {"io.warder.mode": "off"}
        self.assertIn("accepted: audit, learn", bundle.run("true").err)

    def test_the_ceiling_goes_on_enforcing_while_the_profile_learns(self):
        bundle = self.configured("allow-modes: [learn]\n", profile='warder: 1\npaths: {"/**": rx}\n')
        bundle.profile('warder: 1\npaths: {"/**": all, "/etc/shadow": none}\n', "mandatory")
        out = self.learn(bundle, "sh", "-c", "echo x >/work/x; cat /etc/shadow || cat /work/x")
        self.assertEqual(out.out, "x\n", out)


if __name__ == "__main__":
    unittest.main()
