"""Flags of inodes (chattr) belong to the attributes of a name: who may only read a file may not set them through its descriptor."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

PROFILE = """\
warder: 1
paths:
  "/**": rx
  "/work/**": rwx
  "/work/kept/**": ro
"""


class InodeFlags(ContainerTest):
    def flags_set(self, profile, directory):
        bundle = self.bundle(hostname="flags", profile=profile)
        (bundle.rootfs / "work/kept").mkdir()
        bundle.write(f"{directory}/file", "contents")
        outcome = bundle.run(needs_guest("inode_flags"), f"{directory}/file")
        return bundle, outcome.lines()

    def test_a_read_only_tree_keeps_its_flags(self):
        """FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR and file_setattr are EACCES, reading them is not, and the refusal is logged."""
        bundle, lines = self.flags_set(PROFILE, "/work/kept")
        self.assertEqual(lines, ["get OK", "set EACCES", "set project EACCES", "setattr EACCES", "flags 0"])
        refused = [line for line in bundle.audit() if line.get("path") == "/work/kept/file"]
        self.assertTrue(any("xattr" in str(line) for line in refused), refused)

    def test_where_attributes_may_be_set_so_may_flags(self):
        """The twin: the same calls in a tree with the right."""
        _, lines = self.flags_set(PROFILE, "/work")
        self.assertEqual(lines, ["get OK", "set OK", "set project OK", "setattr OK", "flags 40"])

    def test_exchanging_the_descriptor_wins_nothing(self):
        """The request is made on the descriptor that was judged, whatever a thread puts in its place meanwhile."""
        bundle = self.bundle(hostname="flags", profile=PROFILE)
        (bundle.rootfs / "work/kept").mkdir()
        bundle.write("/work/kept/file", "contents")
        bundle.write("/work/file", "contents")
        outcome = bundle.run(needs_guest("inode_flags"), "/work/kept/file", "/work/file", timeout=60)
        self.assertEqual(outcome.lines()[-1], "flags 0", outcome)


if __name__ == "__main__":
    unittest.main()
