"""Crowds and accidents: closed numbers, killed callers, vanishing memory, floods; nothing leaks, nothing passes, others are served."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, busy, needs_guest  # noqa: E402

PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n  "/nowhere/*.x": hide\n'


class Storms(ContainerTest):
    time_limit = 120

    def storm(self, *args):
        out = self.bundle(hostname="storm", profile=PROFILE).run(needs_guest("storm"), *args, timeout=100)
        self.assertEqual(out.code, 0, out)
        return out.lines()

    def test_descriptor_numbers_under_a_storm_of_close_and_dup(self):
        self.assertEqual(self.storm("descriptors"), ["descriptors: wrong 0 leaked 0"])

    def test_killed_callers_leave_nothing(self):
        line = self.storm("killed")[0]
        self.assertLess(int(line.split()[-1]), 5, line)

    def test_a_page_that_vanishes_gives_no_free_pass(self):
        self.assertEqual(self.storm("unmap"), ["unmap: secrets 0"])

    def test_a_flood_does_not_starve_others(self):
        line = self.storm("flood")[0]
        self.assertLess(int(line.split()[-1]), 1000 * busy(), line)

    def test_killed_waiters_leave_no_reader(self):
        self.assertEqual(self.storm("sigkill"), ["sigkill: readers left behind 0", "sigkill: still served OK"])

    def test_paths_at_the_edge_of_memory(self):
        self.assertEqual(self.storm("memory"), ["memory: passes 0"])

    def test_pipelines_many_times(self):
        script = "i=0; while [ $i -lt 300 ]; do r=$(echo a | cat | tr a b); [ \"$r\" = b ] || echo bad $r; i=$((i+1)); done; echo end"
        out = self.bundle(hostname="storm", profile=PROFILE).run("sh", "-c", script, timeout=100)
        self.assertEqual((out.code, out.out), (0, "end\n"), out)


if __name__ == "__main__":
    unittest.main()
