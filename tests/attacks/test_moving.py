"""Row 19: a file that turns into a directory while it is moved carries nothing to where it has more rights."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

NIGHTLY = os.environ.get("RACE_NIGHTLY", "") not in ("", "0")
ROUNDS = 50000 if NIGHTLY else 1000
PROFILE = """\
warder: 1
paths:
  "/**": all
  "/race/f[r]om/*/prog": [write, create, delete]
"""


class Moving(ContainerTest):
    time_limit = 1800 if NIGHTLY else 150

    def outcome(self, kind, native=False, through_exec=False, rounds=ROUNDS):
        bundle = self.bundle(hostname="moving", profile=PROFILE)
        for name in ("from", "to"):
            (bundle.rootfs / "race" / name).mkdir(parents=True)
        guest = needs_guest("moving")
        if through_exec:
            with bundle.running() as container:
                return bundle.exec(container, guest, kind, rounds, timeout=self.time_limit).out
        return (bundle.native if native else bundle.run)(guest, kind, rounds, timeout=self.time_limit).out

    def check(self, kind):
        self.assertNotIn("wins 0", self.outcome(kind, native=True, rounds=20000), "the move itself does not work")
        for through_exec in (False, True):
            self.assertEqual(self.outcome(kind, through_exec=through_exec), f"{kind}: done 1 wins 0\n")

    def test_a_rename_of_what_turns_into_a_directory(self):
        self.check("rename")

    def test_an_exchange_with_what_turns_into_a_directory(self):
        self.check("exchange")


if __name__ == "__main__":
    unittest.main()
