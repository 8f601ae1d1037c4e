"""The guard against slowly becoming slow: instructions and system calls, which do not depend on the machine or its load.

budget.json holds what was counted when it was last changed on purpose; more (for instructions: SLACK above it) fails. Whoever makes something
faster lowers the number; whoever must spend more raises it, and says why in the commit.
"""
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.bundle import SOURCE, WARDER, ContainerTest, run_command  # noqa: E402

BUDGET = json.loads((HERE / "budget.json").read_text())
SLACK = 1.04
NOTIFY = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shadow": none\n  "/root/hidden/**": hide\n'


class Budget(ContainerTest):
    time_limit = 180

    def check(self, name, counted):
        limit = BUDGET[name]
        self.assertLessEqual(counted, limit * SLACK, f"{name}: {counted} instructions, budget {limit}: see {__file__}")

    def callgrind(self, *words):
        if not shutil.which("valgrind"):
            self.fail("valgrind is missing (dev.d/packages.txt)")
        with tempfile.TemporaryDirectory() as directory:
            out = run_command(["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", *map(str, words)], 120)
        self.assertEqual(out.code, 0, out)
        return int(re.search(r"Collected : (\d+)", out.err)[1])

    def test_planning_a_container(self):
        """config.json to plan, under the built-in default: all of `create` but what the kernel does."""
        bundle = self.bundle(hostname="budget")
        bundle.save()
        self.check("plan", self.callgrind(*bundle.globals(), "create", "--dry-run", "-b", bundle.directory, "budget"))

    def test_reading_a_profile(self):
        self.check("profile", self.callgrind(WARDER, "profile", "test", SOURCE / "profiles/base.yaml"))

    def answered(self, operation):
        """How many system calls a worker makes for one notification of a program that does nothing else: nearly all of its time."""
        bundle = self.bundle(hostname="budget", profile=NOTIFY)
        programs = bundle.rootfs / "bench"
        programs.mkdir()
        subprocess.run(["gcc", "-O1", "-static", "-pthread", "-o", programs / "calls", HERE / "calls.c"], check=True)
        trace = bundle.directory / "trace"
        with bundle.running("/bench/calls", operation, "100", "1", "/etc/hostname") as container:
            tracer = subprocess.Popen(["strace", "-f", "-p", str(bundle.state_of(container)["pid"]), "-o", trace], stderr=subprocess.DEVNULL)
            self.wait_for(lambda: trace.exists() and trace.stat().st_size > 300_000, 60)
            tracer.terminate()
            tracer.wait()
        open_rounds, lengths = {}, collections.Counter()
        for line in trace.read_text(errors="replace").splitlines():
            thread, _, text = line.partition(" ")
            if "resumed>" in text:
                continue
            if "SECCOMP_IOCTL_NOTIF_RECV" in text:
                if thread in open_rounds:
                    lengths[open_rounds[thread]] += 1
                open_rounds[thread] = 0
            if thread in open_rounds:
                open_rounds[thread] += 1
        self.assertGreater(lengths.total(), 50, lengths)
        return lengths.most_common(1)[0][0]

    def test_an_emulated_open(self):
        self.assertLessEqual(self.answered("open"), BUDGET["system calls of an open"])

    def test_an_open_of_what_is_not_there(self):
        self.assertLessEqual(self.answered("miss"), BUDGET["system calls of a miss"])

    def test_an_emulated_stat(self):
        self.assertLessEqual(self.answered("stat"), BUDGET["system calls of a stat"])


if __name__ == "__main__":
    unittest.main()
