"""Row 41: a file system that never answers keeps its own users waiting, and nobody else; the supervisor's doors stay open."""

import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, busy, needs_guest  # noqa: E402
from harness.stalled import StalledFileSystem  # noqa: E402

# Everything is trapped, and programs are judged at the exec stop.
PROFILE = """\
warder: 1
paths:
  "/**": all
  "/etc/shad[o]w": none
  "/nowhere/*.x": hide
  "/never/[x]": [read]
"""


class Stalls(ContainerTest):
    time_limit = 150

    def check(self, kind, number, stalled=None):
        bundle = self.bundle(hostname="stalls", profile=PROFILE)
        point = bundle.directory / "slow"
        point.mkdir()
        with StalledFileSystem(point) as slow:
            bundle.config["mounts"].append({"destination": "/slow", "type": "bind", "source": str(point), "options": ["rbind", "rw"]})
            with bundle.running("sh", "-c", f"{needs_guest('stalled')} {kind} {number} 6 > /work/out; sleep 600") as container:
                pid = (bundle.directory / "pid").read_text()
                out = bundle.rootfs / "work/out"
                self.wait_for(lambda: slow.stalled() >= (stalled or number))
                # The supervisor still listens: sessions, pause, signals.
                started = time.monotonic()
                self.assertEqual(bundle.exec(container, "echo", "hello").out, "hello\n")
                self.assertLess(time.monotonic() - started, 5 * busy())
                paused = bundle.warder("pause", container)
                self.assertLess(time.monotonic() - started, 15 * busy(), "pause does not end")
                if paused.code == 0:
                    self.assertEqual(bundle.warder("resume", container).code, 0)
                self.assertEqual(bundle.warder("kill", container, "CONT").code, 0)
                self.wait_for(lambda: "end" in out.read_text(), 60)
                slowest = int(out.read_text().split("slowest ")[1].split()[0])
                self.assertLess(slowest, 4000 + 1000 * busy(), "others waited, too")  # a pause takes up to two seconds
                slow.release()
                self.wait_for(lambda: len(os.listdir(f"/proc/{pid}/task")) < 12, 20)
                # What a worker keeps of its last callers goes when nobody has called for some seconds.
                self.wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) < 64, 30)

    def test_opens(self):
        self.check("open", 256)

    def test_looks(self):
        self.check("attr", 64)

    def test_paths_in_memory_that_never_comes(self):
        self.check("read", 64, stalled=1)  # the kernel asks once for the page that all want

    def test_renames(self):
        self.check("rename", 16, stalled=1)  # one at a time on one file system, as natively

    def test_a_program_that_cannot_be_read(self):
        self.check("exec", 8, stalled=1)


if __name__ == "__main__":
    unittest.main()
