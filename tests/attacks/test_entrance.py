"""`exec` is the other entrance: the same profile, ids exactly as asked, no capability more, no descriptor left, no odd directory."""

import os
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
  "/tmp/**": rwx
  "/etc/shad[o]w": none
  "/work/*.key": hide
network:
  connect: ["tcp 127.0.0.1:80"]
"""
REFUSALS = {
    "open /etc/shadow r": "EACCES", "write /etc/x y": "EACCES", "stat /work/a.key": "ENOENT", "list /work": "OK f",
    "rename /work/f /etc/f": "EACCES", "chmod /etc/passwd": "EACCES", "open /etc/passwd r": "OK", "mkdir /usr/x": "EACCES",
    "unlink /etc/passwd": "EACCES", "reopen /etc/shadow r": "EACCES", "open /proc/self/root/etc/shadow r": "EACCES",
    "link /etc/shadow /work/l": "EACCES", "truncate /etc/passwd 0": "EACCES", "exec /bin/busybox true": "OK exit 0",
}


class Entrance(ContainerTest):
    def make(self, **changes):
        bundle = self.bundle(hostname="entrance", profile=PROFILE, **changes)
        bundle.write("/work/a.key", "secret")
        bundle.write("/work/f", "f")
        return bundle

    def test_the_same_refusals_as_in_the_workload(self):
        words = " -- ".join(REFUSALS).split()
        bundle = self.make()
        workload = [line.split("= ")[1] for line in bundle.run(needs_guest("try"), *words).lines()]
        self.assertEqual(dict(zip(REFUSALS, workload)), REFUSALS)
        before = len(bundle.audit())
        with bundle.running() as container:
            session = bundle.exec(container, needs_guest("try"), *words)
            self.assertEqual(dict(zip(REFUSALS, [line.split("= ")[1] for line in session.lines()])), REFUSALS, session)
            connect = bundle.exec(container, needs_guest("try_network"), *"connect tcp 127.0.0.1:80 -- connect tcp 10.0.0.1:80".split())
            self.assertEqual([line.split("= ")[1] for line in connect.lines()], ["ECONNREFUSED", "EACCES"], connect)
        self.assertGreater(len(bundle.audit()), before)
        rules = {line["rule"] for line in bundle.audit()[before:]}
        self.assertTrue(all(rule.startswith(f"{bundle.profiles}/entrance.yaml:") for rule in rules), rules)

    def test_many_sessions_at_once(self):
        bundle = self.make()
        with bundle.running() as container:
            import concurrent.futures
            bundle.save()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                outs = list(pool.map(lambda _: bundle.exec(container, needs_guest("try"), "open", "/etc/shadow", "r"), range(24)))
        for out in outs:
            self.assertEqual(out.out, "open /etc/shadow r = EACCES\n", out)

    def test_a_session_outlives_the_next(self):
        bundle = self.make()
        with bundle.running() as container:
            for _ in range(30):
                out = bundle.exec(container, "sh", "-c", "cat /etc/shadow; echo $?; cat /etc/hostname")
                self.assertEqual(out.out, "1\nentrance\n", out)

    def test_user_strings_are_exact_or_refused(self):
        bundle = self.make()
        with bundle.running() as container:
            for text, ids in {"1": (1, 0), "1:2": (1, 2), "1000": (1000, 0), "1000:1000": (1000, 1000), "0": (0, 0)}.items():
                out = bundle.exec(container, "sh", "-c", "id -u; id -g", options=("--user", text))
                self.assertEqual((out.code, out.out.split()), (0, [str(n) for n in ids]), f"-u {text!r}: {out!r}")
            for text in ("1:", ":2", "+1", "-1", "4294967295", "4294967296", "1x", "", "0x1", " 1", "1 ", "1:-1", "1:x", "1:2:3",
                         "18446744073709551616", "root", "1.0", "٣"):
                out = bundle.exec(container, "id", "-u", options=(f"--user={text}",))
                self.assertNotEqual((out.code, out.out.strip()), (0, "0"), f"-u {text!r} became root")
                self.assertNotEqual(out.code, 0, f"-u {text!r} was taken: {out!r}")
            out = bundle.exec(container, "id", "-u", options=("--user", "01"))
            self.assertTrue(out.code != 0 or out.out.strip() == "1", out)

    def test_a_user_of_the_images_passwd_is_never_looked_up(self):
        bundle = self.make()
        bundle.write("/etc/passwd", "1000:x:0:0:evil:/:/bin/sh\nroot:x:0:0::/:/bin/sh\n")
        out = bundle.run("sh", "-c", "id -u", user={"uid": 1000, "gid": 1000})
        self.assertEqual(out.out, "1000\n", out)

    def status(self, out):
        return {line.split(":")[0]: line.split(":")[1].strip() for line in out.lines() if ":" in line}

    def test_no_capability_is_inheritable_or_ambient_unless_asked(self):
        bundle = self.make()
        status = self.status(bundle.run("cat", "/proc/self/status"))
        self.assertEqual((int(status["CapInh"], 16), int(status["CapAmb"], 16)), (0, 0))
        expected = status["CapBnd"]
        self.assertFalse(int(expected, 16) >> 19 & 1, "CAP_SYS_PTRACE is the supervisor's, not the workload's")
        with bundle.running() as container:
            session = self.status(bundle.exec(container, "cat", "/proc/self/status"))
            self.assertEqual((int(session["CapInh"], 16), int(session["CapAmb"], 16), session["CapBnd"]), (0, 0, expected))
            more = self.status(bundle.exec(container, "cat", "/proc/self/status", options=("--cap", "CAP_NET_RAW")))
            self.assertEqual((int(more["CapInh"], 16), int(more["CapAmb"], 16)), (0, 0))
            self.assertTrue(int(more["CapBnd"], 16) >> 13 & 1)

    def test_seccomp_and_no_new_privileges_in_sessions(self):
        bundle = self.make(noNewPrivileges=True)
        with bundle.running() as container:
            session = self.status(bundle.exec(container, "cat", "/proc/self/status"))
            self.assertEqual((session["Seccomp"], session["NoNewPrivs"]), ("2", "1"))

    def test_the_engines_filter_is_in_force_unchanged_and_in_sessions(self):
        bundle = self.make()
        bundle.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
            {"names": ["mkdir", "mkdirat", "openat2", "pidfd_getfd", "process_vm_readv", "recvmsg"], "action": "SCMP_ACT_ERRNO",
             "errnoRet": 38}]}
        words = "mkdir /work/d -- openat2 /etc/passwd r -- open /etc/shadow r -- open /etc/passwd r".split()
        wanted = ["ENOSYS", "ENOSYS", "EACCES", "OK"]
        self.assertEqual([line.split("= ")[1] for line in bundle.run(needs_guest("try"), *words).lines()], wanted)
        with bundle.running() as container:
            out = bundle.exec(container, needs_guest("try"), *words)
            self.assertEqual([line.split("= ")[1] for line in out.lines()], wanted, out)


class Leaks(ContainerTest):
    """What of the host a process finds in its hands: descriptors, environment, directory, keyring."""

    def test_only_standard_descriptors_are_open(self):
        bundle = self.bundle(hostname="leaks", profile=PROFILE)
        files = [os.open("/", os.O_PATH), os.open("/etc/passwd", os.O_RDONLY), *os.pipe()]
        copies = [os.dup(files[0]) for _ in range(50)]
        for fd in files + copies:
            os.set_inheritable(fd, True)
        try:
            bundle.config["process"]["args"] = ["sh", "-c", "ls /proc/self/fd; cat /proc/self/environ | tr '\\0' '\\n'"]
            # warder itself is given the descriptors, as by a careless engine.
            out = bundle.warder("run", "-b", bundle.directory, bundle.id + "-fds", pass_fds=tuple(files + copies),
                                env={**os.environ, "NOTIFY_SOCKET": "/x", "LISTEN_FDS": "0", "_OCI_SYNCPIPE": "9", "LD_PRELOAD_X": "y"})
            lines = out.lines()
            numbers = [line for line in lines if line.isdigit()]
            self.assertEqual(numbers[:3], ["0", "1", "2"], out)
            self.assertLessEqual(len(numbers), 4, "ls itself has one for the directory")
            for name in ("LISTEN_FDS", "_OCI_SYNCPIPE", "LD_PRELOAD_X"):
                self.assertNotIn(name, out.out)
            with bundle.running() as container:
                session = bundle.warder("exec", container, "sh", "-c", "ls /proc/self/fd", pass_fds=tuple(files + copies))
                self.assertLessEqual(len(session.out.split()), 4, session)
        finally:
            for fd in files + copies:
                os.close(fd)

    def test_a_directory_through_a_descriptor_is_never_outside(self):
        for profile in (PROFILE, None):
            bundle = self.bundle(hostname="leaks", profile=profile)
            host = os.stat("/").st_ino, os.stat("/").st_dev
            with bundle.running() as container:
                for number in list(range(0, 32)) + [1000, 1001, 1002, 1003, 1004, 1005, 1006]:
                    for form in ("/proc/self/fd/{}", "/proc/self/fd/{}/../../../../.."):
                        out = bundle.exec(container, "sh", "-c", "pwd; stat -c '%i' .; ls -d work/main etc/warder",
                                          options=("--cwd", form.format(number)))
                        self.assertNotIn("work/main\n", out.out, f"{form} {number}: {out!r}")
                        self.assertNotIn(f"\n{host[0]}\n", "\n" + out.out if out.code == 0 and "unreachable" in out.out else "")

    def test_a_process_directory_through_a_descriptor_is_never_outside(self):
        for number in [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1001, 1002, 1003, 1005]:
            bundle = self.bundle(hostname="leaks", profile=PROFILE, cwd=f"/proc/self/fd/{number}")
            out = bundle.run("sh", "-c", "ls -d work/main; pwd")
            self.assertNotIn("work/main\n", out.out, out)

    def test_the_session_keyring_is_new(self):
        bundle = self.bundle(hostname="leaks", profile='warder: 1\nsyscalls:\n  allow: ["@keyring"]\n')
        out = bundle.run(needs_guest("doors"), "request_key")
        self.assertIn(out.lines()[0].split(" = ")[1], ("ENOKEY", "EPERM", "ENOSYS"))


if __name__ == "__main__":
    unittest.main()
