"""Commands of an ordinary user, uid 1000, on any machine.

As a module: `as_user(command)` is the command with the necessary in front. As a program it is what stands in front: it makes a root
directory that everybody may enter (a test machine's own may be closed), with the machine's trees in their places, and becomes the user.
A chroot would not do: whoever has another root than his mount namespace makes no user namespace.
"""
import ctypes
import os
import pathlib
import subprocess
import sys

UID = 1000


def as_user(command, home):
    """`home` becomes HOME, belongs to the user, and is where the command starts."""
    return ["unshare", "--mount", sys.executable, "-B", str(pathlib.Path(__file__).resolve()), str(home), *map(str, command)]


def enter_open_root():
    new = pathlib.Path("/tmp/.root")  # of this mount namespace
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "root", "/tmp"], check=True)
    new.mkdir(mode=0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "root", str(new)], check=True)
    for entry in pathlib.Path("/").iterdir():
        target = new / entry.name
        if entry.is_symlink():
            target.symlink_to(os.readlink(entry))
        elif entry.name == "tmp":
            target.mkdir(mode=0o1777)
            target.chmod(0o1777)
        elif entry.is_dir():
            target.mkdir()
            subprocess.run(["mount", "--rbind", str(entry), str(target)], check=True)
    (new / ".old").mkdir()
    os.chdir(new)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(155, b".", b".old") != 0:  # pivot_root
        raise OSError(ctypes.get_errno(), "pivot_root")
    os.chdir("/")
    subprocess.run(["umount", "-l", "/.old"], check=True)


def main(home, *command):
    enter_open_root()
    os.setgroups([])
    os.setgid(UID)
    os.setuid(UID)
    os.chdir(home)
    os.execve("/usr/bin/env", ["env", *command], {"HOME": home, "PATH": os.environ["PATH"]})


if __name__ == "__main__":
    main(*sys.argv[1:])
