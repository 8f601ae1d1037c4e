"""The `exec` right: on programs, scripts and their interpreters, by path, by descriptor, and for code without a name."""

import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import BUSYBOX, ContainerTest, needs_guest  # noqa: E402

# Landlock says this exactly.
TREES = 'warder: 1\naudit: {audit}\npaths:\n  "/**": rw\n  "/bin/**": rx\n  "/guests/**": rx\n  "/work/**": rwx\n'
# Only the exec stop can say this.
GLOBS = 'warder: 1\npaths:\n  "/**": rwx\n  "/work/*.bin": rw\n  "/work/busybox-[0-9]": none\n'


class ExecRights(ContainerTest):
    def make(self, profile):
        bundle = self.bundle(hostname="exec", profile=profile)
        for name in ("work/busybox-ok", "work/busybox.bin", "work/busybox-1", "opt/busybox"):
            target = bundle.rootfs / name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(BUSYBOX, target)
        bundle.write("/work/script", "#!/bin/busybox sh\nexit 3\n", 0o755)
        bundle.write("/work/bad-script", "#!/work/busybox.bin sh\nexit 3\n", 0o755)
        bundle.write("/work/s.bin", "#!/bin/busybox sh\nexit 3\n", 0o755)
        bundle.write("/opt/script", "#!/bin/busybox sh\nexit 3\n", 0o755)
        return bundle

    def results(self, bundle, *words):
        out = bundle.run(needs_guest("try"), *" -- ".join(words).split())
        return [line.split("= ")[1] for line in out.lines()]

    def test_trees(self):
        for audit in ("refused", "cheap"):
            with self.subTest(audit=audit):
                bundle = self.make(TREES.format(audit=audit))
                self.assertEqual(self.results(bundle, "exec /work/busybox-ok true", "exec /opt/busybox true", "execveat /work/busybox-ok true",
                                              "execveat /opt/busybox true", "exec /work/script", "exec /opt/script"),
                                 ["OK exit 0", "EACCES", "OK exit 0", "EACCES", "OK exit 3", "EACCES"])

    def refused(self, result):
        # A refusal before the kernel started is EACCES; one at the exec stop ends the process.
        self.assertIn(result, ("EACCES", "OK signal 9"))

    def test_globs(self):
        bundle = self.make(GLOBS)
        results = self.results(bundle, "exec /work/busybox-ok true", "exec /work/busybox.bin true", "exec /work/busybox-1 true",
                               "execveat /work/busybox.bin true", "exec /work/script", "exec /work/s.bin", "exec /work/bad-script")
        self.assertEqual((results[0], results[4]), ("OK exit 0", "OK exit 3"))
        for index in (1, 2, 3, 5, 6):
            self.refused(results[index])
        rules = {line["rule"].rsplit(":", 1)[1] for line in bundle.audit()}
        self.assertEqual(rules, {"4", "5"}, bundle.audit())

    def test_code_without_a_name(self):
        for profile in (TREES.format(audit="refused"), GLOBS):
            bundle = self.make(profile)
            result = self.results(bundle, "memfd_exec /bin/busybox true")[0]
            self.assertIn(result, ("ENOSYS", "EACCES", "EPERM", "OK signal 9"))

    def test_through_links_and_proc(self):
        bundle = self.make(GLOBS)
        (bundle.rootfs / "work/busybox-link").symlink_to("busybox.bin")
        results = self.results(bundle, "exec /work/busybox-link true", "exec /proc/self/root/work/busybox.bin true",
                               "exec /work/../work/busybox.bin true", "link /work/busybox.bin /work/busybox-free", "rename /work/busybox.bin /work/busybox-free")
        for result in results[:3]:
            self.refused(result)
        self.assertNotIn("OK exit 0", self.results(bundle, "exec /work/busybox-free true"))

    def test_the_first_program_is_judged_too(self):
        bundle = self.make(GLOBS)
        out = bundle.run("/work/busybox.bin", "true")
        self.assertNotEqual(out.code, 0, out)

    def test_many_programs_in_a_row(self):
        bundle = self.make(GLOBS)
        out = bundle.run("sh", "-c", "i=0; while [ $i -lt 200 ]; do /bin/busybox true || echo bad; i=$((i+1)); done; echo end")
        self.assertEqual((out.code, out.out), (0, "end\n"), out)


if __name__ == "__main__":
    unittest.main()
