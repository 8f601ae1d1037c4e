#!/usr/bin/python3
"""Runs a command where it can start containers and leave nothing behind:  tests/private.py COMMAND [ARGUMENT...]

The command gets a mount, network and PID namespace of its own, with a private /run, /dev/shm, /etc (an overlay, with an empty
/etc/warder) and temporary directory. Whatever it starts, mounts or forgets is gone when it ends, however that happens; of the
machine only one cgroup directory per hierarchy is touched, and it is removed. The command finds in its environment:

    TMPDIR              private, on tmpfs
    WARDER_SHARED       another private directory, for what several processes of the command share
    WARDER_TEST_CGROUP  the cgroup path, in every hierarchy, below which its containers belong
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def prepare(work):
    """In the new namespaces, before the command."""
    mount("-t", "tmpfs", "-o", "mode=0755,size=8g", "warder-test", work)
    for name in ("tmp", "shared", "etc", "etc-work"):
        os.mkdir(f"{work}/{name}")
    os.chmod(f"{work}/tmp", 0o1777)
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    os.makedirs("/run/lock", exist_ok=True)
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm")
    mount("-t", "overlay", "-o", f"lowerdir=/etc,upperdir={work}/etc,workdir={work}/etc-work", "overlay", "/etc")
    subprocess.run(["rm", "-rf", "/etc/warder"], check=True)
    os.makedirs("/etc/warder/profiles")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.environ.update(TMPDIR=f"{work}/tmp", WARDER_SHARED=f"{work}/shared")


def inside(work, command):
    """PID 1 of the new namespaces: reaps what the command orphans and ends with it."""
    main = os.fork()
    if main == 0:
        prepare(work)
        os.execvp(command[0], command)
    while True:
        pid, status = os.wait()
        if pid == main:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def cgroup_directories(name):
    roots = [pathlib.Path("/sys/fs/cgroup"), *pathlib.Path("/sys/fs/cgroup").glob("*")]
    return [root / name for root in roots if (root / name / "cgroup.procs").exists()]


def remove_cgroups(name):
    """The processes died with their PID namespace; the kernel may need a moment to let their cgroups go."""
    for top in cgroup_directories(name):
        for directory, _, _ in os.walk(top, topdown=False):
            for _ in range(50):
                try:
                    os.rmdir(directory)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.1)


def outside(command):
    work = tempfile.mkdtemp(prefix="warder-test.", dir="/tmp")
    name = os.path.basename(work)
    child = subprocess.Popen(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation",
                              "private", sys.executable, __file__, "--inside", work, *command],
                             env={**os.environ, "WARDER_TEST_CGROUP": f"/{name}"})
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.kill())
    try:
        code = child.wait()
        return code if code >= 0 else 128 - code
    finally:
        remove_cgroups(name)
        os.rmdir(work)


def main():
    if os.geteuid() != 0:
        sys.exit("namespaces, cgroups and containers need root")
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], sys.argv[3:])
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    return outside(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
