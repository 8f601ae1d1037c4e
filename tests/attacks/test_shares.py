"""Who a caller is: threads that change their ids, leaders that are gone, programs that change under siblings, shared roots and tables.

Rows 8, 9, 16, 17, 26: the guest says what happened; under runc the same guest shows that nothing else refuses.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import DEFAULT_CAPABILITIES, GUESTS, ContainerTest, needs_guest  # noqa: E402

PROFILE = """\
warder: 1
paths:
  "/**": all
  "/etc/shad[o]w": none
  "/etc/[k]ept": ro
  "/nowhere/*.x": hide
  "/work/[d]enied": [read, write, create]
"""


class Shares(ContainerTest):
    time_limit = 150

    def outcome(self, name, native=False, through_exec=False, capabilities=()):
        bundle = self.bundle(hostname="shares", profile=PROFILE)
        bundle.config["process"]["capabilities"] = {kind: [*DEFAULT_CAPABILITIES, *capabilities]
                                                    for kind in ("bounding", "effective", "permitted")}
        bundle.write("/etc/kept", "kept")
        (bundle.rootfs / "nowhere").mkdir()
        bundle.write("/nowhere/a.x", "hidden")
        bundle.write("/work/denied", (pathlib.Path(GUESTS) / "shares").read_bytes().hex()[:16], 0o755)
        guest = needs_guest("shares")
        if through_exec:
            with bundle.running() as container:
                out = bundle.exec(container, guest, name, timeout=140)
        else:
            out = (bundle.native if native else bundle.run)(guest, name, timeout=140)
        self.assertIsNotNone(out.code, out)
        return out.out

    def check(self, name, expected, native=None, **more):
        if native is not None:
            self.assertEqual(self.outcome(name, native=True, **more), native, "natively")
        for through_exec in (False, True):
            self.assertEqual(self.outcome(name, through_exec=through_exec, **more), expected, f"exec: {through_exec}")

    def test_each_call_is_made_as_whom_the_thread_is_then(self):
        self.check("switching", "switching: wrong 0\n", "switching: wrong 0\n")

    def test_the_first_thread_may_be_gone(self):
        self.assertEqual(self.outcome("leaderless"), "leaderless: good\nleaderless: executed\n")
        self.assertEqual(self.outcome("leaderless", native=True), "leaderless: bad\nleaderless: executed\n", "nothing refuses there")

    def test_an_exec_in_the_middle_of_the_siblings_calls(self):
        self.check("exec_race", "exec_race: wrong 0 ran 1\n")

    def test_no_set_of_shared_things_leaves_the_profile(self):
        more = ["CAP_SYS_ADMIN"]
        self.check("flags", "flags: passed 0 made 1\n", capabilities=more)
        self.assertNotIn("passed 0", self.outcome("flags", native=True, capabilities=more))

    def test_names_are_the_containers_after_chroot(self):
        self.check("roots", "roots: works, refused\n", "roots: works, open\n")

    def test_nothing_is_made_as_somebody_else_than_a_caller_that_has_died(self):
        self.check("exits", "exits: made as somebody else 0\n", "exits: made as somebody else 0\n")


if __name__ == "__main__":
    unittest.main()
