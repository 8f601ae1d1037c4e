"""Callers in a user namespace of their own: refused by default, and never taken for somebody with capabilities here."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402
from test_differential import TRAP_EVERYTHING, USER  # noqa: E402


class UserNamespaces(ContainerTest):
    def look(self, profile):
        bundle = self.bundle(hostname="namespaces", profile=profile)
        bundle.config["process"]["user"] = dict(USER)
        sets = bundle.config["process"]["capabilities"]
        sets["effective"] = sets["permitted"] = []
        return bundle.run(needs_guest("other_namespace")).lines()

    def test_a_new_user_namespace_is_refused(self):
        """unshare says EPERM, and the caller goes on as before."""
        usual = "open OK, stat OK, shadow EACCES"
        self.assertEqual(self.look(TRAP_EVERYTHING),
                         [f"before: {usual}", "unshare EPERM", f"with capabilities: {usual}", f"without: {usual}"])

    def test_its_capabilities_open_nothing(self):
        """Where a profile gives unshare back: the caller has the rights that it has outside, with a full set and without."""
        usual = "open OK, stat OK, shadow EACCES"
        self.assertEqual(self.look(TRAP_EVERYTHING + "syscalls: {allow: [unshare]}\n"),
                         [f"before: {usual}", "unshare OK", f"with capabilities: {usual}", f"without: {usual}"])


if __name__ == "__main__":
    unittest.main()
