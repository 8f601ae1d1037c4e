"""Law 6: however many wait, for whatever, others are served; afterwards nothing is left of it in the supervisor (rows 10, 42, 43).

WAITERS is how many wait at the same time (default 1000).
"""

import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, busy, needs_guest  # noqa: E402

WAITERS = int(os.environ.get("WAITERS", "1000"))
PROFILE = """\
warder: 1
paths:
  "/**": all
  "/etc/shad[o]w": none
network:
  connect: ["unix /work/**"]
  bind: ["unix /work/**"]
"""


class Crowds(ContainerTest):
    time_limit = 240

    def start(self):
        bundle = self.bundle(hostname="crowd", profile=PROFILE)
        bundle.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 1024}]
        bundle.config["linux"]["resources"]["pids"]["limit"] = 8192
        return bundle

    def counts(self, bundle):
        """Descriptors and threads of PID 1."""
        pid = (bundle.directory / "pid").read_text()
        return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))

    def check(self, name, expected, number=WAITERS, timeout=200):
        bundle = self.start()
        with bundle.running() as container:
            bundle.exec(container, needs_guest("crowd"), "signals", 3)  # what a first use leaves open
            fds, threads = self.counts(bundle)
            out = bundle.exec(container, "sh", "-c", f"rm -rf /work/*; exec {needs_guest('crowd')} {name} {number}", timeout=timeout)
            slowest = [int(line.split()[1]) for line in out.lines() if line.startswith("slowest")]
            self.assertEqual((out.code, [line for line in out.lines() if not line.startswith("slowest")]), (0, expected), out)
            self.assertTrue(all(took < 1500 * busy() for took in slowest), out)

            def at_rest():
                now = self.counts(bundle)
                return now[0] <= fds + 64 and now[1] <= threads + 1  # each worker keeps what it opened of its last callers
            try:
                self.wait_for(at_rest, 20)
            except AssertionError:
                self.fail(f"descriptors and threads: {(fds, threads)} before, {self.counts(bundle)} after")
            self.assertEqual(bundle.exec(container, needs_guest("try"), *"open /etc/shadow r".split()).out,
                             "open /etc/shadow r = EACCES\n")

    def test_a_thousand_wait_in_the_open_of_a_fifo(self):
        self.check("fifos", ["waiting: through 0", f"afterwards: through {WAITERS}"])

    def test_a_thousand_wait_in_connect(self):
        self.check("connects", ["waiting: through 0", f"afterwards: through {WAITERS}"])

    def test_a_thousand_that_wait_are_killed(self):
        self.check("killed", [])

    def test_a_signal_ends_the_wait_of_each_of_many(self):
        self.check("signals", [f"interrupted {WAITERS // 4}"], WAITERS // 4)

    def test_an_interrupted_call_has_its_effect_exactly_once(self):
        self.check("once", ["twice 0 sent 1"], 2000)

    def test_waiting_calls_survive_pause_and_resume(self):
        bundle = self.start()
        with bundle.running("sh", "-c", f"{needs_guest('crowd')} fifos 200 > /work/out; sleep 600") as container:
            out = bundle.rootfs / "work/out"
            time.sleep(0.7)
            for _ in range(5):
                self.assertEqual(bundle.warder("pause", container).code, 0)
                time.sleep(0.1)
                self.assertEqual(bundle.warder("resume", container).code, 0)
            self.wait_for(lambda: out.exists() and "afterwards" in out.read_text(), 60)
            self.assertIn("afterwards: through 200", out.read_text())


if __name__ == "__main__":
    unittest.main()
