"""A root file system for real programs: the machine's own /usr, read-only, below a private skeleton.

What Debian packages have installed (dev.d/packages.txt names them) runs in a container without a copy of it: /usr is a bind mount,
/etc holds what programs look up, and everything else is the test's own.
"""
import pathlib
import shutil

# What the loader, names and alternatives need; nothing of the machine's users or secrets.
CONFIGURATION = ["alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "protocols", "services", "mime.types",
                 "nginx/mime.types", "ssl/openssl.cnf", "postgresql-common", "python3.11"]
PASSWD = "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000:user:/home/user:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n"


def use_host_root(bundle):
    """Replaces the root file system of a bundle. Call it before anything is written into it."""
    root = bundle.rootfs
    shutil.rmtree(root)
    for name in ("usr", "etc", "dev", "proc", "sys", "run", "root", "home/user", "var/tmp", "var/log", "var/lib", "var/cache", "tmp", "work",
                 "guests", "srv", "app", "data"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("tmp", "var/tmp", "work", "data"):
        (root / name).chmod(0o1777)
    shutil.chown(root / "home/user", 1000, 1000)
    for name in CONFIGURATION:
        source = pathlib.Path("/etc") / name
        if not source.exists():
            continue
        target = root / "etc" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy(source, target)
    bundle.write("/etc/passwd", PASSWD)
    bundle.write("/etc/group", "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n")
    bundle.write("/etc/shadow", "root:secret:0:0:::::\n", 0o600)
    bundle.write("/etc/hostname", bundle.hostname + "\n")
    bundle.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    bundle.config["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro", "nosuid", "nodev"]})
    return bundle
