"""Commands of an ordinary user, uid 1000, on any machine.

As a module: `as_user(command)` is the command with the necessary in front. As a program it is what stands in front: it makes a root
directory that everybody may enter (a test machine's own may be closed), with the machine's trees in their places, and becomes the user.
A chroot would not do: whoever has another root than his mount namespace makes no user namespace.
"""
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys

UID = 1000


def as_user(command, home):
    """`home` becomes HOME, belongs to the user, and is where the command starts."""
    return ["unshare", "--mount", sys.executable, "-B", str(pathlib.Path(__file__).resolve()), str(home), *map(str, command)]


def install_for_user(warder, profiles, home):
    """Copies of the programs and stock profiles as a build has them: the tree that was built may be closed, too. Gives the program."""
    programs = pathlib.Path(home) / "warder/build/bin"
    programs.mkdir(parents=True)
    for name in ("warder", "warder-init"):
        shutil.copy(pathlib.Path(warder).parent / name, programs / name)
    shutil.copytree(profiles, pathlib.Path(home) / "warder/profiles")
    return programs / "warder"


def enter_open_root():
    new = pathlib.Path("/mnt")  # of this mount namespace
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "root", str(new)], check=True)
    for entry in pathlib.Path("/").iterdir():
        target = new / entry.name
        if entry.is_symlink():
            target.symlink_to(os.readlink(entry))
        elif entry.is_dir() and entry != new:
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
