"""Programs that come to be executed by a detour: chains of `#!`, files without a name, interpreters that binfmt_misc brings in
(classes 28, 29 and 31). Under both proofs: Landlock, and the check at the exec stop."""

import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import BUSYBOX, ContainerTest, needs_guest  # noqa: E402

# Landlock says this exactly; only the exec stop can say the other.
TREES = 'warder: 1\npaths:\n  "/**": ro\n  "/{bin,guests}/**": rx\n  "/work/ok/**": rwx\n  "/work/no/**": rw\n'
GLOBS = 'warder: 1\npaths:\n  "/**": rwx\n  "/work/n[o]/**": rw\n'
REFUSED = ("EACCES", "ENOENT", "EPERM", "signal 9", "OK signal 9")


class ExecWays(ContainerTest):
    def make(self, profile):
        bundle = self.bundle(hostname="ways", profile=profile)
        for name in ("ok", "no"):
            directory = bundle.rootfs / "work" / name
            directory.mkdir(mode=0o777)
            shutil.copy(BUSYBOX, directory / "busybox")
        return bundle

    def test_a_chain_of_scripts_ends_at_a_program_that_may_not_run(self):
        for profile in (TREES, GLOBS):
            bundle = self.make(profile)
            for last in ("ok", "no"):
                for number in range(1, 5):
                    bundle.write(f"/work/ok/{last}{number}", f"#!/work/ok/{last}{number + 1}\n", 0o755)
                bundle.write(f"/work/ok/{last}5", f"#!/work/{last}/busybox true\n", 0o755)
            out = bundle.run(needs_guest("try"), *"exec /work/ok/ok1 -- exec /work/ok/no1 -- exec /work/ok/no5".split())
            good, *bad = [line.split("= ")[1] for line in out.lines()]
            self.assertEqual(good, "OK exit 0", out)
            for result in bad:
                self.assertIn(result, REFUSED, out)

    def test_a_script_in_the_middle_of_a_chain(self):
        """Landlock asks for each; at the exec stop what counts is the program, and whether it may read the script."""
        for profile in (TREES, GLOBS.replace('/**": rw\n', '/**": none\n')):
            bundle = self.make(profile)
            bundle.write("/work/ok/first", "#!/work/no/second\n", 0o755)
            bundle.write("/work/no/second", "#!/bin/busybox sh\necho > /work/ok/ran\n", 0o755)
            bundle.write("/work/ok/second", "#!/bin/busybox sh\necho > /work/ok/ran\n", 0o755)
            bundle.run(needs_guest("try"), "exec", "/work/ok/first")
            self.assertFalse((bundle.rootfs / "work/ok/ran").exists(), profile)
            bundle.write("/work/ok/first", "#!/work/ok/second\n", 0o755)
            bundle.run(needs_guest("try"), "exec", "/work/ok/first")
            self.assertTrue((bundle.rootfs / "work/ok/ran").exists(), "the twin did not run")

    def test_files_without_their_name(self):
        for profile in (TREES, GLOBS):
            bundle = self.make(profile)
            with bundle.running() as container:
                for kind in ("tmpfile", "deleted", "linked", "moved", "fd", "link"):
                    for directory, source in (("ok", "ok"), ("no", "no")):
                        out = bundle.exec(container, needs_guest("nameless"), kind, f"/work/{source}/busybox", f"/work/{directory}").out.strip()
                        if directory == "ok":
                            self.assertEqual(out, "exit 0", f"{kind}: {profile}")
                        else:
                            self.assertIn(out, REFUSED, f"{kind}: {profile}")
                        for left in ("copy", "other"):
                            (bundle.rootfs / "work" / directory / left).unlink(missing_ok=True)

    def test_an_interpreter_of_binfmt_misc(self):
        """In a user namespace of its own a container may bring interpreters in (Linux 6.7)."""
        for profile in (TREES, GLOBS):
            bundle = self.make(profile + '  "/binfmt/**": rw\n')
            for path in (bundle.directory, *bundle.directory.rglob("*")):
                if path.is_relative_to(bundle.rootfs):
                    os.chown(path, 100000, 100000, follow_symlinks=False)
            (bundle.rootfs / "binfmt").mkdir()
            linux = bundle.config["linux"]
            linux["namespaces"].append({"type": "user"})
            linux["uidMappings"] = linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
            bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["destination"] != "/dev/mqueue"]
            bundle.config["mounts"].append({"destination": "/binfmt", "type": "binfmt_misc", "source": "binfmt_misc"})
            bundle.write("/work/ok/strange", "STRANGE\n", 0o755)
            outs = {}
            for where in ("ok", "no"):
                script = f"echo ':strange:M::STRANGE::/work/{where}/busybox:' > /binfmt/register && /work/ok/strange true; echo ended $?"
                outs[where] = bundle.run("sh", "-c", script)
            if "binfmt_misc" in outs["ok"].err and outs["ok"].code == 1:
                self.skipTest(f"no binfmt_misc in a user namespace: {outs['ok'].err}")
            # busybox, called as its script's interpreter, has no applet of that name: 127 of its own.
            self.assertIn("applet not found", outs["ok"].err, outs["ok"])
            self.assertNotIn("applet not found", outs["no"].err, outs["no"])
            self.assertNotIn("ended 0", outs["no"].out)


if __name__ == "__main__":
    unittest.main()
