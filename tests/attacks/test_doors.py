"""Law 10: no door beside the door. What would go around the profile is refused, with every capability, in the workload and in exec.

The tests give the container all capabilities, so that a refusal is the filter's and not the kernel's for want of one.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

ALL_CAPABILITIES = ["CAP_" + name for name in (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST "
    "NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE "
    "SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM "
    "BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()]
PATHS = 'warder: 1\npaths:\n  "/**": rwx\n  "/etc/shad[o]w": none\n'

# Refused by the built-in default already, whatever the engine's filter says.
ALWAYS = {
    "io_uring_setup": {"ENOSYS", "EPERM"}, "io_uring_enter": {"ENOSYS", "EPERM"}, "io_uring_register": {"ENOSYS", "EPERM"},
    "open_by_handle_at": {"EPERM"}, "userfaultfd": {"EPERM"}, "bpf": {"EPERM"}, "perf_event_open": {"EPERM", "ENOSYS"},
    "kexec_load": {"EPERM"}, "kexec_file_load": {"EPERM"}, "init_module": {"EPERM"}, "finit_module": {"EPERM"},
    "delete_module": {"EPERM"}, "reboot": {"EPERM"}, "swapon": {"EPERM"}, "swapoff": {"EPERM"}, "acct": {"EPERM"},
    "iopl": {"EPERM"}, "ioperm": {"EPERM"}, "add_key": {"EPERM", "ENOSYS"}, "request_key": {"EPERM", "ENOSYS"},
    "keyctl": {"EPERM", "ENOSYS"}, "unshare_user": {"EPERM"}, "unshare_user_and_more": {"EPERM"}, "clone_user": {"EPERM"},
    "clone_user_high_bits": {"EPERM"}, "clone3_user": {"ENOSYS"}, "setns": {"EPERM"}, "setns_pidfd": {"EPERM"},
    "lookup_dcookie": {"ENOSYS", "EPERM"}, "new_call": {"ENOSYS", "EPERM"}, "tiocsti": {"EPERM"},
    "tiocsti_high_bits": {"EPERM"}, "tioclinux": {"EPERM"}, "tiocsetd": {"EPERM"}, "af_alg": {"EAFNOSUPPORT"},
    "af_vsock": {"EAFNOSUPPORT"}, "af_vsock_high_bits": {"EAFNOSUPPORT"}, "host_memory": {"ENOENT", "EPERM", "EACCES"},
    "sysrq": {"EROFS", "EACCES", "ENOENT"}, "core_pattern": {"EROFS", "EACCES"},
    "uevent_helper": {"EROFS", "ENOENT", "EACCES"}, "release_agent": {"EROFS", "ENOENT", "EACCES"},
    "kcore": {"ENODATA", "ENOENT", "EACCES"},
}
# Refused where paths mean something.
REFUSED = {"EPERM", "ENOSYS", "EACCES"}
WITH_PATHS = {name: REFUSED for name in (
    "mount_tmpfs mount_bind mount_proc mount_remount umount pivot_root fsopen fsconfig fsmount fspick open_tree open_tree_plain "
    "move_mount mount_setattr").split()} | {"second_listener": {"EBUSY", "EPERM"}, "suspend_seccomp": {"EPERM", "EINVAL"}}


class Doors(ContainerTest):
    def privileged(self, profile):
        bundle = self.bundle(hostname="doors", profile=profile)
        bundle.config["process"]["capabilities"] = {name: list(ALL_CAPABILITIES)
                                                    for name in ("bounding", "effective", "permitted")}
        return bundle

    def knock(self, run, expected):
        out = run(needs_guest("doors"), *expected)
        found = dict(line.split(" = ") for line in out.lines())
        self.assertEqual(set(found), set(expected), out)
        open_doors = {name: result for name, result in found.items() if result not in expected[name]}
        self.assertEqual(open_doors, {}, "these doors are open")

    def test_the_builtin_default_refuses_what_goes_around_every_filter(self):
        self.knock(self.privileged(None).run, ALWAYS)

    def test_a_profile_with_paths_refuses_what_gives_files_other_names(self):
        self.knock(self.privileged(PATHS).run, ALWAYS | WITH_PATHS)

    def test_the_same_in_an_exec_session(self):
        bundle = self.privileged(PATHS)
        with bundle.running() as container:
            self.knock(lambda *args: bundle.exec(container, *args), ALWAYS | WITH_PATHS)

    def test_the_same_in_an_exec_session_of_the_builtin_default(self):
        bundle = self.privileged(None)
        with bundle.running() as container:
            self.knock(lambda *args: bundle.exec(container, *args), ALWAYS)

    def test_as_an_ordinary_user(self):
        bundle = self.privileged(PATHS)
        user = {"uid": 1000, "gid": 1000}
        self.knock(lambda *args: bundle.run(*args, user=user),
                   {name: ALWAYS[name] | {"EACCES", "EPERM"} for name in ("io_uring_setup", "unshare_user", "clone_user", "keyctl",
                                                                      "userfaultfd", "bpf", "open_by_handle_at")})

    def test_a_profile_may_open_a_door_by_name(self):
        bundle = self.privileged('warder: 1\nsyscalls:\n  allow: [keyctl, add_key]\n')
        out = bundle.run(needs_guest("doors"), "keyctl", "add_key", "bpf").out
        self.assertIn("keyctl = OK", out)
        self.assertIn("bpf = EPERM", out)


class OtherAbis(ContainerTest):
    """Law 9: native numbers only; architecture and x32 are looked at before the number."""

    def check(self, run, harmless=()):
        out = run(needs_guest("abi"), "/etc/shadow")
        self.assertEqual(out.lines()[-1:], ["end"], out)
        self.assertEqual([line for line in out.lines() if line.startswith("open") and line not in harmless], [])

    def test_no_number_of_another_abi_opens_what_is_refused(self):
        bundle = self.bundle(hostname="abi", profile=PATHS)
        self.check(bundle.run)
        self.assertEqual((bundle.rootfs / "etc/shadow").read_text(), "root:secret:0:0:::::\n")

    def test_with_landlock_alone(self):
        rules = 'warder: 1\naudit: cheap\npaths:\n  "/**": rx\n  "/work/**": rwx\n  "/etc/shadow": none\n'
        # Access mode 3 opens for neither reading nor writing: Landlock has no right to ask for there, and nothing to lose.
        self.check(self.bundle(hostname="abi", profile=rules).run, harmless=("open flags 3",))

    def test_a_file_that_may_be_read_is_not_written_by_odd_flags(self):
        rules = 'warder: 1\npaths:\n  "/**": rx\n  "/work/**": rwx\n'
        bundle = self.bundle(hostname="abi", profile=rules)
        bundle.write("/etc/target", "untouched", 0o666)
        out = bundle.run(needs_guest("abi"), "/etc/target")
        opened = [line for line in out.lines() if line.startswith("open") and "high bits" not in line]
        self.assertEqual(opened, [], out)
        self.assertEqual([line for line in out.lines() if line.startswith("open writing")], [])
        self.assertEqual((bundle.rootfs / "etc/target").read_text(), "untouched")

    def test_under_the_builtin_default_int80_is_refused(self):
        bundle = self.bundle(hostname="abi")
        out = bundle.run(needs_guest("abi"), "/etc/shadow")
        self.assertEqual([line for line in out.lines() if line.startswith("open") and ("int80" in line or "x32" in line)], [], out)


if __name__ == "__main__":
    unittest.main()
