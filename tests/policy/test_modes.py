"""mode, audit, on-deny, syscalls and capabilities: what becomes of a refusal, and the ceilings."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

PATHS = 'paths:\n  "/**": all\n  "/etc/shad[o]w": none\n'


class Modes(ContainerTest):
    def open_shadow(self, head="", tail=""):
        bundle = self.bundle(hostname="modes", profile=f"warder: 1\n{head}{PATHS}{tail}")
        return bundle, bundle.run(needs_guest("try"), *"open /etc/shadow r -- open /etc/passwd r".split())

    def test_enforce_refuses(self):
        bundle, out = self.open_shadow()
        self.assertEqual(out.lines(), ["open /etc/shadow r = EACCES", "open /etc/passwd r = OK"])
        self.assertEqual([line["verdict"] for line in bundle.audit()], ["refused"])

    def test_audit_mode_allows_and_tells(self):
        bundle, out = self.open_shadow("mode: audit\n")
        self.assertEqual(out.out.count("= OK"), 2, out)
        self.assertEqual([line["verdict"] for line in bundle.audit()], ["would-refuse"])

    def test_learn_mode_allows_and_tells(self):
        _, out = self.open_shadow("mode: learn\n")
        self.assertEqual(out.out.count("= OK"), 2, out)

    def test_audit_cheap_refuses_just_as_well(self):
        bundle = self.bundle(hostname="modes", profile='warder: 1\naudit: cheap\npaths:\n  "/**": rx\n  "/work/**": rwx\n  "/etc/shadow": none\n')
        out = bundle.run(needs_guest("try"), *"open /etc/shadow r -- write /work/x y -- write /etc/x y -- open /etc/passwd r".split(),
                         "--", *"rename /work/x /etc/y -- mkdir /etc/d -- chmod /etc/passwd -- exec /bin/busybox true".split())
        results = [line.split("= ")[1] for line in out.lines()]
        self.assertEqual((results[1], results[3], results[7]), ("OK", "OK", "OK exit 0"), out)
        for index in (0, 2, 4, 5, 6):
            self.assertIn(results[index], ("EACCES", "EROFS", "EXDEV", "EPERM"), out)

    def test_audit_cheap_mounts_unchangeable_trees_read_only(self):
        bundle = self.bundle(hostname="modes", profile='warder: 1\naudit: cheap\npaths:\n  "/**": all\n  "/etc/**": rx\n')
        out = bundle.run(needs_guest("try"), *"chmod /etc/passwd -- chown /etc/passwd -- utime /etc/passwd -- setxattr /etc/passwd".split(),
                         "--", *"write /work/x y -- chmod /work/x -- chown /work/x -- utime /work/x".split())
        results = [line.split("= ")[1] for line in out.lines()]
        self.assertEqual(results, ["EROFS"] * 4 + ["OK"] * 4, out)
        self.assertIn(" /etc ", bundle.run("grep", " /etc ", "/proc/self/mountinfo").out)
        self.assertEqual(bundle.audit(), [])

    def test_on_deny_errno(self):
        _, out = self.open_shadow(tail="on-deny: {errno: EPERM}\n")
        self.assertIn("open /etc/shadow r = EPERM", out.out)

    def test_on_deny_kill_ends_the_process_only(self):
        bundle = self.bundle(hostname="modes", profile=f"warder: 1\n{PATHS}on-deny: {{action: kill}}\n")
        out = bundle.run("sh", "-c", "/guests/try open /etc/shadow r; echo status $?; echo alive")
        self.assertEqual(out.lines()[-2:], ["status 137", "alive"], out)
        self.assertNotIn("= OK", out.out)

    def test_on_deny_stop_ends_the_container(self):
        bundle = self.bundle(hostname="modes", profile=f"warder: 1\n{PATHS}on-deny: {{action: stop-container}}\n")
        out = bundle.run("sh", "-c", "echo before; cat /etc/shadow; echo alive; sleep 30", timeout=20)
        self.assertNotIn("alive", out.out)
        self.assertNotIn("secret", out.out)
        self.assertEqual(out.code, 137, out)
        self.assertTrue(bundle.audit())

    def test_syscalls_deny(self):
        bundle = self.bundle(hostname="modes", profile="warder: 1\nsyscalls:\n  deny: [chroot]\n")
        out = bundle.run(needs_guest("try"), *"chroot /work -- open /etc/passwd r".split())
        self.assertEqual([line.split("= ")[1] for line in out.lines()], ["EPERM", "OK"])
        lines = bundle.audit()
        self.assertEqual([(line["syscall"], line["rule"].rsplit(":", 1)[1]) for line in lines], [("chroot", "3")], lines)

    def test_the_capability_ceiling(self):
        bundle = self.bundle(hostname="modes", profile="warder: 1\ncapabilities: {max: [CHOWN, SETUID]}\n")
        out = bundle.run("cat", "/proc/self/status").out
        sets = {line.split(":")[0]: int(line.split()[1], 16) for line in out.splitlines() if line.startswith("Cap")}
        self.assertEqual((sets["CapBnd"], sets["CapEff"], sets["CapPrm"]), (0x81, 0x81, 0x81))

    def test_without_a_profile_there_is_no_listener_and_no_landlock(self):
        bundle = self.bundle(hostname="modes")
        out = bundle.run(needs_guest("try"), *"open /etc/shadow r -- write /etc/x y -- mkdir /usr/x -- memfd_exec /bin/busybox true".split())
        self.assertEqual(out.out.count("= OK"), 4, out)


if __name__ == "__main__":
    unittest.main()
