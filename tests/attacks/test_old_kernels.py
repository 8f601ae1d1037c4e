"""Row 62: where the kernel lacks something that a profile needs, the container does not start, or refuses all the same; never less.

Each feature is taken away from warder and everything it starts by a filter (guest `without`). The outcomes that are right: create
fails with words, or the program runs and is refused what the profile refuses.
"""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import GUESTS, ContainerTest, needs_guest, run_command  # noqa: E402

NOTIFY = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n  "/etc/[k]ept": ro\n  "/bin/[n]oexec": [read]\n'
LANDLOCK = 'warder: 1\naudit: cheap\npaths:\n  "/**": rx\n  "/work/**": rwx\n  "/etc/shadow": none\n  "/bin/noexec": [read]\n'
TRIALS = ["open /etc/shadow r", "openat2 /etc/shadow r", "open /etc/kept w", "chmod /etc/kept", "exec /bin/noexec", "open /etc/passwd r"]


class OldKernels(ContainerTest):
    time_limit = 300

    def outcome(self, feature, profile):
        bundle = self.bundle(hostname="old", profile=profile)
        bundle.write("/etc/kept", "kept")
        (bundle.rootfs / "bin/noexec").write_bytes(pathlib.Path(GUESTS, "try").read_bytes())
        (bundle.rootfs / "bin/noexec").chmod(0o755)
        bundle.config["process"]["args"] = [needs_guest("try"), *" -- ".join(TRIALS).split()]
        bundle.save()
        container = bundle.id + "-old"
        bundle.started.add(container)
        without = [os.path.join(GUESTS, "without"), feature] if feature else []
        out = run_command([*without, *bundle.globals(), "run", "-b", str(bundle.directory), container], 40)
        bundle.delete(container)
        self.assertIsNotNone(out.code, f"without {feature}: hangs {out!r}")
        return out, dict(line.split(" = ") for line in out.lines() if " = " in line)

    def check(self, profile):
        everything, found = self.outcome(None, profile)
        refused = {trial: result for trial, result in found.items() if not result.startswith("OK")}
        self.assertEqual(set(found) - set(refused), {"open /etc/passwd r"}, everything)
        started = 0
        for feature in subprocess.run([f"{GUESTS}/without", "list"], capture_output=True, text=True, check=True).stdout.split():
            out, found = self.outcome(feature, profile)
            with self.subTest(feature):
                if not found:
                    self.assertNotEqual(out.code, 0, f"without {feature}: no word of what happened {out!r}")
                    self.assertTrue(out.err.strip(), f"without {feature}: fails without words")
                    continue
                started += 1
                passed = [trial for trial in refused if found.get(trial, "").startswith("OK")]
                self.assertEqual(passed, [], f"without {feature} the profile is weaker: {out!r}")
        self.assertGreater(started, 3, "hardly anything could be taken away: the test proves nothing")

    def test_where_the_supervisor_decides(self):
        self.check(NOTIFY)

    def test_where_landlock_decides(self):
        self.check(LANDLOCK)


if __name__ == "__main__":
    unittest.main()
