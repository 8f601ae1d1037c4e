"""Each right of warder-profile(5): what has it works, its twin without it is refused, with errno, the deciding line and the log."""

import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import BUSYBOX, ContainerTest, needs_guest  # noqa: E402

ALL = ["read", "list", "watch", "exec", "write", "create", "delete", "rename", "link", "symlink", "mkdir", "rmdir", "mkfifo",
       "mksock", "truncate", "chmod", "utime", "xattr", "chown", "mkdev", "ioctl"]

# right: (rights that must come along, the operations that need it)
OPERATIONS = {
    "read": ([], ["open /t/f r", "old_open /t/f r", "openat /t/f r", "openat2 /t/f r", "read /t/f", "reopen /t/f r",
                  "open /t/f rn"]),
    "list": ([], ["open /t/d r", "open /t/d d", "openat2 /t/d r", "list /t/d"]),
    "watch": ([], ["watch /t/f", "watch /t/d"]),
    "exec": ([], ["exec /t/busybox1 true", "execveat /t/busybox1 true"]),
    "write": (["create", "truncate"], ["open /t/f w", "openat2 /t/f w", "open /t/f wa", "openat /t/f w",
                                       "reopen /t/f w", "old_open /t/f w", "creat /t/f"]),
    "create": (["write", "truncate"], ["open /t/new wc", "creat /t/new", "openat /t/new wcx", "openat2 /t/new wc",
                                       "old_open /t/new wc", "mkreg /t/new"]),
    "delete": ([], ["unlink /t/f"]),
    "rename": (["delete"], ["rename /t/f /t/new", "noreplace /t/f /t/new", "exchange /t/f /t/g"]),
    "link": ([], ["link /t/f /t/new", "linkfd /t/f /t/new", "linkempty /t/f /t/new"]),
    "symlink": ([], ["symlink target /t/new"]),
    "mkdir": ([], ["mkdir /t/new"]),
    "rmdir": ([], ["rmdir /t/e", "unlinkat_dir /t/e"]),
    "mkfifo": ([], ["mkfifo /t/new"]),
    "mksock": ([], ["mksock /t/new"]),
    "truncate": (["write"], ["truncate /t/f 3", "open /t/f wt", "openat2 /t/f wt", "creat /t/f"]),
    "chmod": (["read"], ["chmod /t/f", "fchmodat2 /t/f", "fchmod /t/f", "chmod_magic /t/f"]),
    "utime": (["read"], ["utime /t/f", "utimes /t/f", "utimensat /t/f", "futimens /t/f"]),
    "xattr": (["read"], ["setxattr /t/f", "lsetxattr /t/f", "fsetxattr /t/f"]),
    "chown": (["read"], ["chown /t/f", "lchown /t/f", "fchown /t/f"]),
    "mkdev": ([], ["mkdev /t/new"]),
}


class Rights(ContainerTest):
    time_limit = 120

    def fixture(self, rights):
        bundle = self.bundle(hostname="rights", profile="warder: 1\npaths:\n"
                             '  "/**": all\n'
                             f'  "/t/*": [{", ".join(rights)}]\n')
        top = bundle.rootfs / "t"
        (top / "d").mkdir(parents=True)
        (top / "e").mkdir()
        (top / "f").write_text("contents\n")
        (top / "g").write_text("other\n")
        shutil.copy(BUSYBOX, top / "busybox1")
        for sets in bundle.config["process"]["capabilities"].values():
            sets += ["CAP_MKNOD", "CAP_DAC_READ_SEARCH"]
        bundle.config["linux"]["resources"]["devices"].append({"allow": True, "type": "c", "access": "m"})
        return bundle

    def check(self, right, operation):
        extra, _ = OPERATIONS[right]
        words = operation.split()
        allowed = self.fixture([right, *extra]).run(needs_guest("try"), *words)
        self.assertIn("= OK", allowed.out, f"{operation} with [{right}]: {allowed!r}")
        self.assertNotIn("= E", allowed.out)
        bundle = self.fixture([r for r in ALL if r != right])
        denied = bundle.run(needs_guest("try"), *words)
        self.assertTrue(denied.lines() and denied.lines()[-1].endswith("= EACCES"), f"{operation} without {right}: {denied!r}")
        lines = [line for line in bundle.audit() if line.get("verdict") == "refused"]
        self.assertTrue(lines, f"no line in the audit log: {bundle.audit()}")
        line = lines[-1]
        self.assertEqual(line["rule"], f"{bundle.profiles}/rights.yaml:4")
        self.assertEqual((line["profile"], line["id"].startswith(bundle.id)), ("rights", True))
        self.assertTrue(line["path"].startswith("/t/"), line)
        if right != "exec":
            self.assertEqual(line["enforcer"], "notify", line)
        self.assertIn(right, line["right"], line)
        self.assertIn(line["path"], line["hint"])

    def test_rights_do_not_leak_to_what_has_none(self):
        bundle = self.bundle(hostname="rights", profile='warder: 1\npaths:\n  "/**": all\n  "/t/*": none\n')
        (bundle.rootfs / "t").mkdir()
        (bundle.rootfs / "t/f").write_text("x")
        out = bundle.run(needs_guest("try"), *"stat /t/f -- access /t/f -- lstat /t/f -- statx /t/f -- open /t/f p".split(), "--",
                         *"open /t/f r -- write /t/f x -- truncate /t/f 0 -- list /t".split()).lines()
        self.assertEqual([line.split("= ")[1] for line in out[:5]], ["OK"] * 5, "metadata stays visible under none")
        self.assertEqual([line.split("= ")[1] for line in out[5:]], ["EACCES"] * 3 + ["OK f"])

    def test_no_entry_is_no_right(self):
        bundle = self.bundle(hostname="rights", profile='warder: 1\npaths:\n  "/guests/**": rx\n  "/bin/**": rx\n')
        out = bundle.run(needs_guest("try"), *"open /etc/passwd r -- open /guests/try r -- mkdir /work/x".split())
        self.assertEqual([line.split("= ")[1] for line in out.lines()], ["EACCES", "OK", "EACCES"], out)
        self.assertEqual({line["rule"] for line in bundle.audit()}, {f"{bundle.profiles}/rights.yaml:2"})

    def test_the_errno_of_an_entry(self):
        bundle = self.bundle(hostname="rights", profile='warder: 1\npaths:\n  "/**": all\n  "/etc/sh*": {allow: none, errno: EIO}\n')
        self.assertIn("= EIO", bundle.run(needs_guest("try"), "open", "/etc/shadow", "r").out)

    def test_audited_rights_are_logged_although_allowed(self):
        bundle = self.bundle(hostname="rights",
                             profile='warder: 1\npaths:\n  "/**": all\n  "/work/*": {allow: rw, audit: [write]}\n')
        out = bundle.run(needs_guest("try"), *"write /work/x text -- open /work/x r".split()).out
        self.assertEqual(out.count("= OK"), 2)
        lines = bundle.audit()
        self.assertEqual([line["verdict"] for line in lines], ["allowed"], lines)
        self.assertEqual(lines[0]["path"], "/work/x")

    def test_terminal_requests_need_no_right_and_device_requests_do(self):
        rules = 'warder: 1\npaths:\n  "/**": all\n  "/dev/n*": rw\n'
        bundle = self.bundle(hostname="rights", profile=rules)
        # TCGETS is a terminal request: the device itself answers. BLKGETSIZE is not.
        out = bundle.run(needs_guest("try"), *"ioctl /dev/null 0x5401 -- ioctl /dev/null 0x1260".split()).lines()
        self.assertEqual([line.split("= ")[1] for line in out], ["ENOTTY", "EACCES"])

    def test_a_symlink_gives_no_other_name(self):
        bundle = self.bundle(hostname="rights", profile='warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n')
        (bundle.rootfs / "work/link").symlink_to("/etc/shadow")
        (bundle.rootfs / "work/dir").symlink_to("/etc")
        words = ["open /work/link r", "open /work/dir/shadow r", "open /etc/../etc/./shadow r", "open //etc//shadow r",
                 "open /proc/self/root/etc/shadow r", "open /proc/1/root/etc/shadow r", "openat /work/dir/../etc/shadow r",
                 "reopen /etc/shadow r", "open /proc/self/cwd/etc/shadow r", "open /proc/thread-self/root/etc/shadow r",
                 "openat2 /etc/shadow r", "open /dev/../etc/shadow r", "open /proc/self/task/../root/etc/shadow r"]
        out = bundle.run(needs_guest("try"), *" -- ".join(words).split()).lines()
        self.assertEqual([line for line in out if not line.endswith("= EACCES")], [])
        self.assertEqual(len(out), len(words))

    def test_a_link_in_the_literal_start_of_a_pattern_is_resolved(self):
        bundle = self.bundle(hostname="rights", profile='warder: 1\npaths:\n  "/**": all\n  "/alias/*": none\n')
        (bundle.rootfs / "real").mkdir()
        (bundle.rootfs / "real/f").write_text("x")
        (bundle.rootfs / "alias").symlink_to("real")
        out = bundle.run(needs_guest("try"), *"open /alias/f r -- open /real/f r".split()).lines()
        self.assertEqual([line.split("= ")[1] for line in out], ["EACCES", "EACCES"])

    def test_the_same_as_an_ordinary_user(self):
        user = {"uid": 1000, "gid": 1000}
        bundle = self.fixture(ALL[:2])
        bundle.config["process"]["user"] = user
        os.chmod(bundle.rootfs / "t", 0o777)
        os.chown(bundle.rootfs / "t/f", 1000, 1000)
        out = bundle.run(needs_guest("try"), *"open /t/f r -- open /t/f w -- open /t/new wc -- chmod /t/f -- open /etc/shadow r".split())
        self.assertEqual([line.split("= ")[1] for line in out.lines()], ["OK", "EACCES", "EACCES", "EACCES", "EACCES"], out)

    def test_a_message_queue_needs_what_dev_mqueue_gives(self):
        for entry, said in (('"/t/secret": none', "mq_open -> OK"), ('"/dev/mqueue/**": none', "mq_open -> EACCES")):
            bundle = self.bundle(hostname="queues", profile=f'warder: 1\npaths:\n  "/**": all\n  {entry}\n')
            self.assertEqual(bundle.run(needs_guest("differential_queues"), "/work").lines()[0], said)



def add_cases():
    for right, (_, operations) in OPERATIONS.items():
        for operation in operations:
            def test(self, right=right, operation=operation):
                self.check(right, operation)
            name = operation.split(" -- ")[-1].replace("/t/", "").replace(" ", "_")
            test.__doc__ = f"`{operation}` needs `{right}`"
            setattr(Rights, f"test_{right}_for_{name}", test)


add_cases()


if __name__ == "__main__":
    unittest.main()
