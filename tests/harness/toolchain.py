#!/usr/bin/python3
"""A root file system with a C compiler and git, from files that are already on this machine:  toolchain.py DIRECTORY

Debian's package database says which files belong to the packages and to all that they depend on; those are copied, without
documentation and translations. No network, no registry, the same each time; needs Debian and the packages of ./dev deps.
"""
import pathlib
import re
import subprocess
import sys

PACKAGES = ["gcc", "libc6-dev", "git", "bash", "coreutils", "grep", "sed", "findutils", "hostname"]
LEFT_OUT = re.compile(r"^/usr/share/(doc|man|locale|info|lintian|gitweb|bash-completion)(/|$)|^/usr/lib/gcc/.*/(cc1plus|lto1|g\+\+)")


def installed():
    """What is installed: name -> names of its dependencies, the first installed alternative of each; provided names included."""
    out = subprocess.run(["dpkg-query", "--show", "--showformat", "${db:Status-Status}|${Package}|${Provides}|${Pre-Depends}, ${Depends}\n"],
                         check=True, capture_output=True, text=True).stdout
    rows = [line.split("|", 3) for line in out.splitlines() if line.startswith("installed|")]
    provider = {}
    for _, name, provides, _ in rows:
        for provided in re.findall(r"([a-z0-9][a-z0-9+.-]+)(?: \([^)]*\))?", provides):
            provider.setdefault(provided, name)
    provider.update({name: name for _, name, _, _ in rows})
    depends = {}
    for _, name, _, wanted in rows:
        depends[name] = []
        for clause in filter(None, (part.strip() for part in wanted.split(","))):
            alternatives = [re.split(r"[ :(]", one.strip())[0] for one in clause.split("|")]
            depends[name] += [provider[one] for one in alternatives if one in provider][:1]
    return depends


def closure(packages, depends):
    found, waiting = set(), list(packages)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += depends.get(name, [])
    return sorted(found)


def files_of(packages):
    listed = subprocess.run(["dpkg-query", "--listfiles", *packages], check=True, capture_output=True, text=True).stdout
    return sorted({line for line in listed.splitlines() if line.startswith("/") and line != "/." and not LEFT_OUT.match(line)
                   and pathlib.Path(line).exists()})


def make_root(root):
    root.mkdir(parents=True)
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "dev", "proc", "sys", "run", "root", "home", "var/tmp", "tmp", "work"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    names = "\n".join(files_of(closure(PACKAGES, installed())))
    with subprocess.Popen(["tar", "-C", "/", "--no-recursion", "-c", "-T", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as pack:
        with subprocess.Popen(["tar", "-C", str(root), "--keep-directory-symlink", "-x"], stdin=pack.stdout) as unpack:
            pack.stdin.write(names)
            pack.stdin.close()
        if unpack.returncode != 0:
            raise SystemExit("unpacking the toolchain failed")
    (root / "usr/bin/cc").unlink(missing_ok=True)
    (root / "usr/bin/cc").symlink_to("gcc")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\nbuilder:x:1000:1000::/work:/bin/bash\n")
    (root / "etc/group").write_text("root:x:0:\nbuilder:x:1000:\n")
    (root / "etc/shadow").write_text("root:$y$j9T$not-a-real-hash:19000:0:99999:7:::\n")
    (root / "etc/shadow").chmod(0o640)
    subprocess.run(["ldconfig", "-r", str(root)], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_root(pathlib.Path(sys.argv[1]))
