"""Row 32: a setuid program gains what the engine lets it gain, never the supervisor's power, and the profile holds for it."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import DEFAULT_CAPABILITIES, GUESTS, ContainerTest  # noqa: E402

# The first is proven by Landlock, the second at the exec stop, where a tracer without power would turn setuid off.
TREES = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n  "/opt/**": ro\n'
GLOBS = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n  "/op[t]/*": ro\n'
USER = {"uid": 1000, "gid": 1000, "umask": 0o022}
TRIALS = "ids -- open /etc/shadow r -- open /root/own r".split()


class Setuid(ContainerTest):
    def outcome(self, profile, native=False, through_exec=False, **process):
        bundle = self.bundle(hostname="setuid", profile=profile)
        program = bundle.rootfs / "usr/bin/helper"
        program.write_bytes(pathlib.Path(GUESTS, "try").read_bytes())
        program.chmod(0o4755)
        bundle.write("/root/own", "root's", 0o600)
        (bundle.rootfs / "root").chmod(0o755)
        os.chown(bundle.rootfs / "root/own", 0, 0)
        bundle.config["process"].update(user=dict(USER), **process)
        bundle.config["process"]["capabilities"] = {"bounding": list(DEFAULT_CAPABILITIES), "effective": [], "permitted": []}
        if through_exec:
            with bundle.running() as container:
                out = bundle.exec(container, "/usr/bin/helper", *TRIALS)
        else:
            out = (bundle.native if native else bundle.run)("/usr/bin/helper", *TRIALS)
        return [line.split("= ")[1] for line in out.lines()]

    def test_it_gains_and_the_profile_holds(self):
        self.assertEqual(self.outcome(TREES, native=True), ["OK 1000 0", "OK", "OK"])
        for profile in (TREES, GLOBS):
            for through_exec in (False, True):
                self.assertEqual(self.outcome(profile, through_exec=through_exec), ["OK 1000 0", "EACCES", "OK"], profile)

    def test_with_no_new_privileges_it_gains_nothing(self):
        for profile in (TREES, GLOBS):
            for through_exec in (False, True):
                found = self.outcome(profile, through_exec=through_exec, noNewPrivileges=True)
                self.assertEqual(found, ["OK 1000 1000", "EACCES", "EACCES"], profile)


if __name__ == "__main__":
    unittest.main()
