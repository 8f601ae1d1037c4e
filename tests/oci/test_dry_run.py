"""`create --dry-run`: the plan is told and nothing is made."""
import json

from harness.bundle import ContainerTest

PROFILE = """warder: 1
paths:
  "/**": rx
  "/etc/shadow": none
capabilities: {max: [CHOWN]}
"""


class DryRun(ContainerTest):
    def planned(self, bundle):
        bundle.save()
        outcome = bundle.warder("create", "--dry-run", "-b", bundle.directory, bundle.id)
        self.assertEqual((outcome.code, outcome.err), (0, ""), outcome)
        self.assert_nothing_left(bundle)
        return json.loads(outcome.out)

    def test_it_names_profile_enforcers_and_process_and_leaves_nothing(self):
        bundle = self.bundle(args=["sh", "-c", "true"], profile=PROFILE)
        plan = self.planned(bundle)
        self.assertEqual(plan["id"], bundle.id)
        self.assertEqual(plan["process"]["args"], ["sh", "-c", "true"])
        self.assertTrue(plan["profile"]["file"].endswith(f"{bundle.hostname}.yaml"), plan["profile"])
        self.assertTrue(plan["profile"]["listener"])
        shadow = next(entry for entry in plan["profile"]["entries"] if "/etc/shadow" in entry["entry"])
        self.assertRegex(shadow["place"], r"\.yaml:4$")
        self.assertIn("openat", {call["call"] for call in plan["profile"]["trapped"]})
        self.assertLessEqual(set(plan["process"]["capabilities"]["bounding"]), {"CAP_CHOWN"})
        self.assertIn({"type": "pid", "step": "make"}, plan["namespaces"])

    def test_it_fails_as_create_would(self):
        bundle = self.bundle(profile="warder: 1\nwat: 1\n")
        bundle.save()
        outcome = bundle.warder("create", "--dry-run", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.code, 1)
        self.assertIn("wat", outcome.err)
