"""`hide`: what is hidden is absent, for every call that would tell, exactly as a name that never was."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/run/secrets/**": hide\n  "/work/*.key": hide\n'
LOOKS = ["stat {}", "lstat {}", "old_stat {}", "statx {}", "access {}", "faccessat2 {}", "readlink {}", "chdir {}", "statfs {}",
         "open {} r", "open {} p", "open {} w", "open {} d", "openat2 {} r", "openat {} r", "old_open {} r", "list {}", "exec {}",
         "execveat {}", "truncate {} 0", "chmod {}", "fchmodat2 {}", "chown {}", "lchown {}", "utime {}", "utimensat {}",
         "setxattr {}", "lsetxattr {}", "removexattr {}", "unlink {}", "rmdir {}", "rename {} /work/new", "exchange {} /work/f",
         "link {} /work/new", "linkfd {} /work/new", "watch {}", "chroot {}"]


class Hide(ContainerTest):
    def hidden(self):
        bundle = self.bundle(hostname="hide", profile=PROFILE)
        secrets = bundle.rootfs / "run/secrets"
        secrets.mkdir()
        (secrets / "token").write_text("secret")
        (secrets / "sub").mkdir()
        (bundle.rootfs / "work/a.key").write_text("secret")
        (bundle.rootfs / "work/d.key").mkdir()
        (bundle.rootfs / "work/f").write_text("f")
        (bundle.rootfs / "work/to-secret").symlink_to("/run/secrets/token")
        (bundle.rootfs / "work/to-absent").symlink_to("/run/absent/token")
        return bundle

    def same_as_absent(self, hidden, absent):
        """Every look at the one and at the other gives the same."""
        bundle = self.hidden()
        words = [word for look in LOOKS for path in (hidden, absent) for word in (*look.format(path).split(), "--")]
        out = bundle.run(needs_guest("try"), *words[:-1])
        results = [line.split("= ")[1] for line in out.lines()]
        self.assertEqual(len(results), 2 * len(LOOKS), out)
        differences = [(look, results[2 * i], results[2 * i + 1]) for i, look in enumerate(LOOKS)
                       if results[2 * i] != results[2 * i + 1]]
        self.assertEqual(differences, [], "(look, hidden, absent)")

    def test_a_hidden_file_is_absent(self):
        self.same_as_absent("/work/a.key", "/work/absent")

    def test_a_hidden_directory_is_absent(self):
        self.same_as_absent("/work/d.key", "/work/absent")

    def test_what_is_below_a_hidden_directory_is_absent(self):
        self.same_as_absent("/run/secrets/token", "/run/absent/token")

    def test_the_top_of_a_hidden_tree_is_absent(self):
        self.same_as_absent("/run/secrets", "/run/absent")

    def test_a_link_to_what_is_hidden_dangles(self):
        bundle = self.hidden()
        looks = ["stat {}", "open {} r", "access {}", "lstat {}", "readlink {}", "truncate {} 0", "exec {}", "chdir {}"]
        words = [word for look in looks for name in ("to-secret", "to-absent")
                 for word in (*look.format("/work/" + name).split(), "--")]
        results = [line.split("= ")[1].split()[0] for line in bundle.run(needs_guest("try"), *words[:-1]).lines()]
        self.assertEqual(results[0::2], results[1::2])

    def test_listings_leave_it_out(self):
        bundle = self.hidden()
        out = bundle.run(needs_guest("try"), *"list /work -- list /run -- stat /work/f".split()).lines()
        self.assertEqual(out[0], "list /work = OK f,to-absent,to-secret")
        self.assertEqual(out[1], "list /run = OK ")

    def test_the_shell_sees_nothing(self):
        bundle = self.hidden()
        out = bundle.run("sh", "-c", "ls -a /run /work; echo /run/* /work/*.key; cat /run/secrets/token; find / -name '*.key'")
        self.assertNotIn("secrets", out.out.replace("/run/secrets/token", ""))
        self.assertNotIn("a.key", out.out)

    def test_creating_at_a_hidden_name_is_refused(self):
        bundle = self.hidden()
        words = ["open /work/new.key wc", "mkdir /work/new.key", "symlink t /work/new.key", "link /work/f /work/new.key",
                 "rename /work/f /work/new.key", "mkfifo /work/new.key", "open /run/secrets/new wc"]
        out = bundle.run(needs_guest("try"), *" -- ".join(words).split()).lines()
        results = [line.split("= ")[1] for line in out]
        self.assertEqual(results[:6], ["EACCES"] * 6, out)
        self.assertIn(results[6], ("EACCES", "ENOENT"))
        self.assertTrue((bundle.rootfs / "work/f").exists())

    def test_a_hidden_name_that_exists_gives_no_eexist(self):
        bundle = self.hidden()
        words = ["open /work/a.key wcx", "open /work/nope.key wcx", "mkdir /work/a.key", "mkdir /work/nope.key",
                 "symlink t /work/a.key", "symlink t /work/nope.key", "mkfifo /work/a.key", "mkfifo /work/nope.key"]
        results = [line.split("= ")[1] for line in bundle.run(needs_guest("try"), *" -- ".join(words).split()).lines()]
        self.assertEqual(results[0::2], results[1::2], "an existing hidden name and an absent one answer alike")

    def test_the_audit_log_says_hidden(self):
        bundle = self.hidden()
        bundle.run(needs_guest("try"), "open", "/run/secrets/token", "r")
        lines = bundle.audit()
        self.assertTrue(lines)
        self.assertEqual((lines[-1]["verdict"], lines[-1]["path"]), ("hidden", "/run/secrets/token"))
        self.assertEqual(lines[-1]["rule"], f"{bundle.profiles}/hide.yaml:4")

    def test_nothing_through_a_directory_descriptor_or_dots(self):
        bundle = self.hidden()
        words = ["stat /work/../run/secrets/token", "stat /run/secrets/../secrets/token", "stat /run/secrets/..",
                 "stat /proc/self/root/run/secrets/token", "openat /run/secrets/token r", "enter /run", "stat secrets/token",
                 "stat ./secrets", "open secrets d"]
        out = bundle.run(needs_guest("try"), *" -- ".join(words).split()).lines()
        self.assertEqual([line for line in out if not line.endswith("= ENOENT")], ["enter /run = OK"])


if __name__ == "__main__":
    unittest.main()
