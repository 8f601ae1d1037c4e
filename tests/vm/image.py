"""The guest's disk, kernel and initrd: Debian 12 with its own kernel and systemd, made once and kept outside the checkout.

    image.py        makes what is missing and prints the directory

The directory is ~/.cache/warder/vm-KEY (XDG_CACHE_HOME); KEY is a hash of this file, so that a changed recipe makes a new image.
Takes about two minutes, needs root, mmdebstrap and a Debian mirror. The image itself knows nothing of warder: it unpacks the
archive on its second disk and runs what is in it, see machine.py.
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PACKAGES = """
systemd systemd-sysv dbus dbus-user-session libpam-systemd udev kmod login passwd
python3 busybox-static procps iproute2 iptables util-linux mount strace
podman conmon netavark golang-github-containers-common catatonit crun runc
uidmap fuse-overlayfs slirp4netns criu
""".split()
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]
# Parts of the kernel's package that no test needs: drivers take most of its room.
KERNEL_LEFT_OUT = ["kernel/drivers/gpu", "kernel/drivers/net/ethernet", "kernel/drivers/infiniband", "kernel/drivers/scsi",
                   "kernel/drivers/target", "kernel/fs/xfs", "kernel/fs/btrfs", "kernel/fs/f2fs", "kernel/sound"]
BOOT_MODULES = ["virtio_pci", "virtio_blk"]
DISK_SIZE = "6G"  # sparse

# Finds the disk, mounts it and hands over to its systemd.
INIT = """#!/bin/busybox sh
export PATH=/bin
busybox mkdir -p /proc /sys /dev /root
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
while read module; do busybox insmod "/modules/$module"; done </modules/order
until [ -b /dev/vda ]; do busybox sleep 0.1; done
busybox mount -t ext4 -o noatime /dev/vda /root || exec busybox sh
busybox umount /sys /proc
busybox mount --move /dev /root/dev
exec busybox switch_root /root /lib/systemd/systemd
"""

# What the guest does once it is up. The port is line-buffered by its reader; the archive's own program decides the rest.
UNIT = """[Unit]
Description=Run what is on the second disk and end
After=multi-user.target systemd-user-sessions.service user@1000.service
[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8
ExecStart=/bin/sh -c 'mkdir /warder && tar -C /warder -xf /dev/vdb && exec /warder/tests/vm/guest.py >/dev/virtio-ports/warder 2>&1'
ExecStopPost=/bin/sh -c 'sync; systemctl poweroff --force --no-block'
TimeoutStartSec=infinity
Delegate=yes
[Install]
WantedBy=graphical.target
"""

SETUP = """
set -e
useradd --create-home --shell /bin/bash --uid 1000 user
mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/user
printf 'warder-vm\\n' >/etc/hostname
printf '127.0.0.1 localhost warder-vm\\n' >/etc/hosts
systemctl -q enable warder-vm.service
systemctl -q set-default graphical.target
systemctl -q mask systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer dpkg-db-backup.timer podman.socket podman.service podman-auto-update.timer podman-restart.service \
  systemd-update-utmp.service systemd-journal-flush.service getty@tty1.service serial-getty@ttyS0.service
printf 'overlay\\nfuse\\ntun\\nveth\\nvirtio_console\\nloop\\nzram\\n' >/etc/modules-load.d/tests.conf
printf 'kernel.unprivileged_userns_clone=1\\nnet.ipv4.ping_group_range=0 2147483647\\n' >/etc/sysctl.d/tests.conf
"""


def run(*command, **keywords):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **keywords)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command[:6]))} ...: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def make_root(root):
    run("mmdebstrap", "--variant=apt", "--mode=root", f"--include={','.join(PACKAGES)}",
        "--aptopt=APT::Install-Recommends \"false\"", *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        "bookworm", root)
    (root / "etc/systemd/system/warder-vm.service").write_text(UNIT)
    run("chroot", root, "/bin/sh", input=SETUP)


def add_kernel(root, work):
    """Debian's kernel without its package's scripts: those would make an initrd that takes longer to boot than all the rest."""
    depends = run("apt-cache", "show", "--no-all-versions", "linux-image-cloud-amd64")
    name = next(word for word in depends.split() if word.startswith("linux-image-6"))
    os.chmod(work, 0o777)
    run("apt-get", "-q", "download", name, cwd=work)
    unpacked = work / "kernel"
    run("dpkg-deb", "-x", next(work.glob("linux-image-*.deb")), unpacked)
    version = next(path.name for path in (unpacked / "lib/modules").iterdir())
    modules = unpacked / "lib/modules" / version
    for part in KERNEL_LEFT_OUT:
        shutil.rmtree(modules / part, ignore_errors=True)
    (root / "lib/modules").mkdir(exist_ok=True)
    shutil.move(modules, root / "lib/modules")
    run("chroot", root, "depmod", version)
    shutil.move(next((unpacked / "boot").glob("vmlinuz-*")), work / "vmlinuz")
    return root / "lib/modules" / version


def load_order(modules):
    """Files of BOOT_MODULES and of what they need, in the order to load them."""
    table = dict(line.split(":", 1) for line in (modules / "modules.dep").read_text().splitlines())
    order = []
    for name in BOOT_MODULES:
        path = next(path for path in table if path.endswith(f"/{name}.ko"))
        for one in [*reversed(table[path].split()), path]:
            if one not in order:
                order.append(one)
    return order


def make_initrd(modules, work):
    tree = work / "initrd.tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "modules").mkdir()
    shutil.copy(shutil.which("busybox"), tree / "bin/busybox")
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    order = load_order(modules)
    for path in order:
        shutil.copy(modules / path, tree / "modules")
    (tree / "modules/order").write_text("".join(f"{pathlib.Path(path).name}\n" for path in order))
    run("/bin/sh", "-c", f"find . | busybox cpio -o -H newc >{work}/initrd", cwd=tree)


def make(directory):
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="warder-vm.", dir=directory.parent) as scratch:
        work = pathlib.Path(scratch)
        root = work / "root"
        make_root(root)
        modules = add_kernel(root, work)
        make_initrd(modules, work)
        run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", root, work / "disk", DISK_SIZE)
        new = work / "image"
        new.mkdir()
        for name in ("disk", "vmlinuz", "initrd"):
            shutil.move(work / name, new)
        new.rename(directory)


def image():
    """The directory with `disk`, `vmlinuz` and `initrd`; made if it is not there."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "warder"
    cache.mkdir(parents=True, exist_ok=True)
    directory = cache / f"vm-{hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()[:12]}"
    with open(cache / "vm.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            for old in cache.glob("vm-*"):
                shutil.rmtree(old, ignore_errors=True)
            print(f"making the virtual machine's image in {directory}", file=sys.stderr, flush=True)
            make(directory)
    return directory


if __name__ == "__main__":
    print(image())
