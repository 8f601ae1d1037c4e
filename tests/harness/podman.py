"""Containers through podman: a private storage that all tests of a run share, a busybox image, and the runtime under test.

The engine finds the runtime by its path (WARDER), as a user without our containers.conf drop-in does; `configuration` is text
that is added to containers.conf (DROP_IN is ours), `runtime_flags` go to the runtime (without their leading dashes).
"""
import fcntl
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from harness.bundle import BUSYBOX, CGROUP, SOURCE, TIMEOUT, WARDER, run_command

SHARED = pathlib.Path(os.environ.get("WARDER_SHARED", "/nonexistent"))
IMAGE = "localhost/busybox"
DROP_IN = SOURCE / "contrib/containers.conf.d/50-warder.conf"

# CAP_SYS_RESOURCE may be missing where the tests run: podman's own default ulimits would then fail for every runtime.
CONTAINERS_CONF = f"""
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[network]
network_config_dir = "{SHARED}/networks"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
events_logfile_path = "{SHARED}/events.log"
"""

_numbers = itertools.count()


def make_busybox_root(root):
    """A file system of busybox and the few files that programs expect."""
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "work", "root", "var/www", "home/user"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")
    (root / "etc/shadow").write_text("root:secret:0:0:::::\n")
    (root / "etc/shadow").chmod(0o600)
    (root / "etc/not-executable").write_text("just text\n")
    os.chown(root / "home/user", 1000, 1000)


class Podman:
    """One way to call podman; instances share storage, so a container of one is visible to the others."""

    def __init__(self, runtime=WARDER, runtime_flags=(), configuration=""):
        self.runtime, self.runtime_flags = runtime, list(runtime_flags)
        SHARED.joinpath("networks").mkdir(exist_ok=True)
        self.configuration = SHARED / f"containers-{os.getpid()}-{next(_numbers)}.conf"
        self.configuration.write_text(CONTAINERS_CONF + configuration)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(self.configuration)}

    def command(self, *args):
        flags = [word for flag in self.runtime_flags for word in ("--runtime-flag", flag)]
        runtime = ["--runtime", self.runtime] if self.runtime else []
        return ["podman", "--root", f"{SHARED}/storage", "--runroot", f"{SHARED}/runroot", "--tmpdir", f"{SHARED}/libpod",
                "--storage-driver", "overlay", "--log-level", "error", *runtime, *flags, *map(str, args)]

    def __call__(self, *args, timeout=TIMEOUT, stdin=None):
        # conmon leaves a file `oom` in its working directory.
        return run_command(self.command(*args), timeout, stdin, self.environment, cwd=SHARED)

    def make_image(self):
        """Imports the busybox image once in a run, whichever test comes first."""
        with open(SHARED / "image.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (SHARED / "image").exists():
                return
            root = SHARED / "image.new"
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            make_busybox_root(root)
            with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
                made = subprocess.run(self.command("import", "-c", "ENV PATH=/bin", "-c", "CMD [\"/bin/sh\"]", "-", IMAGE),
                                      stdin=archive.stdout, env=self.environment, capture_output=True, text=True, check=False)
            if made.returncode != 0:
                raise AssertionError(f"podman import failed: {made.stderr}")
            root.rename(SHARED / "image")

    def run(self, *args, **kwargs):
        """`podman run --rm` with the harness's cgroup and, unless the test asks for another, no network."""
        network = [] if any(str(a).startswith(("--network", "-p", "--pod")) for a in args) else ["--network", "none"]
        return self("run", "--rm", "--cgroup-parent", CGROUP, *network, *args, **kwargs)


class PodmanTest(unittest.TestCase):
    """Gives each test `self.podman`, a name of its own, and removes the containers that it started."""

    maxDiff = 4000

    def setUp(self):
        if not os.access(WARDER, os.X_OK):
            raise FileNotFoundError(f"{WARDER} is missing: build first, or set WARDER")
        self.podman = Podman()
        self.podman.make_image()
        self.names = []
        self.addCleanup(self.remove_containers)

    def name(self, prefix="c"):
        """A container name that no other test of this run uses; removed at the end of the test."""
        made = f"{prefix}-{os.getpid()}-{next(_numbers)}"
        self.names.append(made)
        return made

    def remove_containers(self):
        for name in self.names:
            self.podman("rm", "-f", "-t", "0", "-i", name, timeout=30)

    def start(self, *args, network="none", command=("sleep", "600")):
        """A detached container; gives its name."""
        name = self.name()
        network = ["--network", network] if network else []
        self.ok(self.podman("run", "-d", "--name", name, "--cgroup-parent", CGROUP, *network, *args, IMAGE, *command))
        return name

    def ok(self, outcome, code=0):
        self.assertEqual(outcome.code, code, outcome)
        return outcome.out.strip()

    def in_container(self, script, *options, code=0):
        """Standard output of a shell script in a container made for it."""
        return self.ok(self.podman.run(*options, IMAGE, "sh", "-c", script), code)

    def inspect(self, name):
        return json.loads(self.ok(self.podman("inspect", name)))[0]

    def wait_for(self, condition, seconds=30, what="a condition"):
        """Polls until `condition()` is true and gives its value; fails the test at the limit."""
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                self.fail(f"{what} did not come true in {seconds} s")
            time.sleep(0.02)

