"""Law 4 under faults: whichever system call of the supervisor fails, a call is answered exactly, with an error, or not at all; never
with a success that should not be.

strace makes every third of one kind of PID 1's own calls fail, from outside. FAULTS=all tries more kinds and errors.
"""

import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import GUESTS, ContainerTest, needs_guest  # noqa: E402

PROFILE = """\
warder: 1
paths:
  "/**": all
  "/etc/shad[o]w": none
  "/etc/[k]ept": ro
  "/nowhere/*.x": hide
  "/work/[d]enied": [read]
network:
  connect: ["udp 127.0.0.1:7101"]
"""
# What PID 1 calls, and with which errors it may have to do.
SHORT = {"process_vm_readv": "EFAULT", "openat2": "ENOMEM", "readlinkat": "ENAMETOOLONG", "statx": "ENOMEM", "capset": "EPERM",
         "ioctl": "EINTR", "pidfd_getfd": "EPERM", "ptrace": "ESRCH"}
LONG = {**SHORT, "openat": "EMFILE", "newfstatat": "ENOMEM", "fstat": "EIO", "fstatfs": "EIO", "pread64": "EIO", "read": "EIO",
        "process_vm_writev": "EFAULT", "setresuid": "EAGAIN", "setresgid": "EAGAIN", "setgroups": "ENOMEM", "capget": "ESRCH",
        "mkdirat": "ENOSPC", "renameat2": "EIO", "unlinkat": "EIO", "linkat": "EMLINK", "fcntl": "EMFILE", "mmap": "ENOMEM",
        "clone": "EAGAIN", "pidfd_open": "EMFILE", "sendmsg": "ENOBUFS", "connect": "ENOMEM", "fchdir": "ENOMEM", "kcmp": "EPERM",
        "wait4": "ECHILD", "prlimit64": "EPERM", "write": "ENOSPC", "faccessat2": "EIO", "getsockopt": "ENOBUFS", "poll": "ENOMEM",
        "madvise": "EAGAIN", "brk": "ENOMEM"}


class Faults(ContainerTest):
    time_limit = 900

    def inject(self, call, error):
        """What the guest found; nothing where the supervisor has ended, and the container with it."""
        bundle = self.bundle(hostname="faults", profile=PROFILE)
        bundle.write("/etc/kept", "kept", 0o666)
        (bundle.rootfs / "nowhere").mkdir()
        bundle.write("/nowhere/a.x", "hidden")
        (bundle.rootfs / "work/denied").write_bytes(pathlib.Path(GUESTS, "without").read_bytes())
        (bundle.rootfs / "work/denied").chmod(0o755)
        with bundle.running("sh", "-c", f"{needs_guest('faults')} 1200 > /work/out 2>&1; echo done >> /work/out; sleep 60"):
            pid = int((bundle.directory / "pid").read_text())
            out = bundle.rootfs / "work/out"
            self.wait_for(out.exists)
            time.sleep(0.3)
            tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                                       "-e", f"inject={call}:error={error}:when=4+3", "-p", str(pid)],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 40
            while time.monotonic() < deadline:
                text = out.read_text() if out.exists() else ""
                alive = os.path.exists(f"/proc/{pid}") and "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
                if "done" in text or not alive:
                    break
                time.sleep(0.05)
            if alive:
                self.assertIsNone(tracer.poll(), "strace has ended")
            tracer.kill()  # lets go of PID 1, whatever its threads wait for
            tracer.wait(20)
            self.assertEqual((bundle.rootfs / "etc/kept").read_text(), "kept", call)
            self.assertFalse((bundle.rootfs / "work/stolen").exists(), call)
            return text, alive

    def test_no_fault_gives_a_success_that_should_not_be(self):
        told = 0
        for call, error in (LONG if os.environ.get("FAULTS") == "all" else SHORT).items():
            with self.subTest(f"{call} fails with {error}"):
                text, alive = self.inject(call, error)
                self.assertNotIn("passed:", text)
                if alive:
                    self.assertIn("passed 0 untrue 0 wrong 0 some 1", text, "the container hangs")
                    told += 1
        self.assertGreater(told, 4, "the supervisor ends at nearly every fault")


if __name__ == "__main__":
    unittest.main()
