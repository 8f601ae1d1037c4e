"""Containers from bare bundles, for every suite below tests/: one module, shared by tests/policy, tests/attacks and tests/oci.

A Bundle is a temporary directory with a root file system (busybox-static, the guest programs bind-mounted at /guests), a
config.json like the one podman writes, and a profile directory. It is a context manager: whatever was started under it is
killed and removed when the block is left, also after a failure, and every command has a time limit. The same bundle runs under
warder or, as the reference, under runc ("native": no profile, no seccomp).

Environment: WARDER (the program, default build/bin/warder), GUESTS (the guest programs, default beside it: ../guests).
Everything lives below /tmp/warder-test-*; root is needed.
"""

import contextlib
import copy
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
WARDER = os.environ.get("WARDER", str(SOURCE / "build" / "bin" / "warder"))
GUESTS = os.environ.get("GUESTS", str(pathlib.Path(WARDER).resolve().parent.parent / "guests"))
CGROUP = os.environ.get("WARDER_TEST_CGROUP", "/warder-test")
BUSYBOX = shutil.which("busybox") or "/bin/busybox"
NATIVE = os.environ.get("NATIVE_RUNTIME", "runc")
TIMEOUT = float(os.environ.get("TEST_TIMEOUT", "60"))

# What podman 4 gives a container by default.
DEFAULT_CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
                        "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
          "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/fs/selinux", "/sys/dev/block"]
READ_ONLY = ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
APPLETS = ["sh", "ls", "cat", "echo", "sleep", "id", "true", "false", "mv", "cp", "rm", "mkdir", "ln", "touch", "ps", "env",
           "mount", "umount", "stat", "readlink", "chmod", "chown", "grep", "wc", "head", "tail", "tr", "sort", "kill", "test",
           "find", "seq", "dd", "hostname", "nc", "pwd", "stty", "tty", "ip", "ifconfig"]

_numbers = itertools.count()


def config_for(hostname, args, **changes):
    """The config.json of podman's kind as a dict; `changes` replaces top-level keys of `process` (user, env, cwd, ...)."""
    process = {
        "terminal": False,
        "user": {"uid": 0, "gid": 0, "umask": 0o022},
        "args": args,
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", "HOME=/root",
                "container=warder-test"],
        "cwd": "/",
        "capabilities": {name: list(DEFAULT_CAPABILITIES) for name in ("bounding", "effective", "permitted")},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 1024}],
        "noNewPrivileges": False,
    }
    process.update(changes)
    tmpfs = ["nosuid", "strictatime", "mode=755", "size=65536k"]
    return {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": "rootfs", "readonly": False},
        "hostname": hostname,
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": tmpfs},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/guests", "type": "bind", "source": GUESTS, "options": ["rbind", "ro", "nosuid", "nodev"]},
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 2048}},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
        },
    }


class Outcome:
    """What a finished command left: exit code, standard output and error as text, and how long it took."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def lines(self):
        return self.out.splitlines()

    def __repr__(self):
        return f"exit {self.code} after {self.seconds:.2f}s\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def run_command(command, timeout=TIMEOUT, stdin=None, env=None, cwd=None, pass_fds=()):
    """Runs a command in a process group of its own and kills the whole group at the time limit (code None then)."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, stdout=out,
                                 stderr=err, start_new_session=True, env=env, cwd=cwd, pass_fds=pass_fds)
        code = None
        try:
            if stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write(stdin if isinstance(stdin, bytes) else stdin.encode())
                child.stdin.close()
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        out.seek(0)
        err.seek(0)
        return Outcome(code, out.read().decode(errors="replace"), err.read().decode(errors="replace"),
                       time.monotonic() - started)


class Bundle:
    """One bundle and every container that was made from it."""

    def __init__(self, hostname=None, profile=None, args=None, **process):
        self.id = f"wt-{os.getpid()}-{next(_numbers)}"
        self.hostname = hostname or self.id
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="warder-test-"))
        self.directory.chmod(0o755)
        self.rootfs = self.directory / "rootfs"
        self.profiles = self.directory / "profiles"
        self.state = self.directory / "state"
        self.audit_log = self.directory / "audit.log"
        self.profiles.mkdir()
        self.state.mkdir(mode=0o700)
        self.make_rootfs()
        self.config = config_for(self.hostname, args or ["/bin/true"], **process)
        self.config["linux"]["cgroupsPath"] = f"{CGROUP}/{self.id}"
        self.started = set()
        if profile is not None:
            self.profile(profile)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def make_rootfs(self):
        root = self.rootfs
        for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "work", "root", "usr/bin", "run", "var/tmp", "guests", "home/user"):
            (root / name).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        (root / "work").chmod(0o777)
        os.chown(root / "home/user", 1000, 1000)
        shutil.copy(BUSYBOX, root / "bin/busybox")
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        self.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n")
        self.write("/etc/group", "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n")
        self.write("/etc/shadow", "root:secret:0:0:::::\n", 0o600)
        self.write("/etc/hostname", self.hostname + "\n")

    def write(self, path, text, mode=0o644):
        """A file of the root file system, with its parents."""
        target = self.rootfs / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        return target

    def profile(self, text, name=None):
        """Writes the profile that the hostname finds; returns its path."""
        path = self.profiles / f"{name or self.hostname}.yaml"
        path.write_text(text)
        path.chmod(0o644)
        return str(path)

    def namespaces(self, *kinds):
        self.config["linux"]["namespaces"] = [{"type": kind} for kind in kinds]

    def save(self, config=None):
        new = self.directory / f"config.json.{threading.get_ident()}"  # another command may be reading the old one
        new.write_text(json.dumps(config or self.config))
        new.replace(self.directory / "config.json")

    # Commands. Each saves the config first, so that a test changes self.config and runs.
    def globals(self):
        if os.path.basename(WARDER) != "warder":  # the harness itself, tried with another runtime
            return [WARDER, "--root", str(self.state)]
        return [WARDER, "--root", str(self.state), "--profile-dir", str(self.profiles), "--audit-log", str(self.audit_log)]

    def warder(self, *args, timeout=TIMEOUT, stdin=None, env=None, pass_fds=()):
        """`warder ARGS` with this bundle's state and profile directories."""
        self.save()
        if args[0] in ("run", "create"):
            self.started.add(args[-1])
        return run_command([*self.globals(), *map(str, args)], timeout, stdin, env, pass_fds=pass_fds)

    def run(self, *args, timeout=TIMEOUT, stdin=None, **changes):
        """`warder run` in the foreground with other args (and other keys of process) than the bundle's own."""
        saved = copy.deepcopy(self.config["process"])
        if args:
            self.config["process"]["args"] = [str(a) for a in args]
        self.config["process"].update(changes)
        container = f"{self.id}-{next(_numbers)}"
        try:
            return self.warder("run", "-b", str(self.directory), container, timeout=timeout, stdin=stdin)
        finally:
            self.config["process"] = saved

    def native(self, *args, timeout=TIMEOUT, stdin=None, **changes):
        """The same under runc, where nothing is refused by a profile."""
        config = copy.deepcopy(self.config)
        if args:
            config["process"]["args"] = [str(a) for a in args]
        config["process"].update(changes)
        config["process"]["user"].pop("umask", None) if NATIVE != "crun" else None
        config["linux"].pop("seccomp", None)
        container = f"{self.id}-native-{next(_numbers)}"
        config["linux"]["cgroupsPath"] = f"{CGROUP}/{container}"
        self.save(config)
        root = str(self.directory / "native-state")
        try:
            return run_command([NATIVE, "--root", root, "run", "-b", str(self.directory), container], timeout, stdin)
        finally:
            run_command([NATIVE, "--root", root, "delete", "-f", container], 20)

    @contextlib.contextmanager
    def running(self, *args, **changes):
        """A container in the background for the length of the block; gives its id."""
        self.config["process"]["args"] = [str(a) for a in (args or ("sleep", "600"))]
        self.config["process"].update(changes)
        container = f"{self.id}-{next(_numbers)}"
        made = self.warder("create", "-b", self.directory, "--pid-file", self.directory / "pid", container)
        if made.code != 0:
            raise AssertionError(f"create failed: {made!r}")
        begun = self.warder("start", container)
        if begun.code != 0:
            raise AssertionError(f"start failed: {begun!r}")
        try:
            yield container
        finally:
            self.delete(container)

    def exec(self, container, *args, timeout=TIMEOUT, stdin=None, options=()):
        return self.warder("exec", *options, container, *args, timeout=timeout, stdin=stdin)

    def delete(self, container):
        self.started.discard(container)
        return run_command([*self.globals(), "delete", "--force", container], 20)

    def state_of(self, container):
        """The parsed output of `warder state`."""
        outcome = self.warder("state", container)
        if outcome.code != 0:
            raise AssertionError(f"state failed: {outcome!r}")
        return json.loads(outcome.out)

    def audit(self):
        """The lines of the audit log so far, parsed."""
        if not self.audit_log.exists():
            return []
        return [json.loads(line) for line in self.audit_log.read_text().splitlines() if line.strip()]

    def close(self):
        for container in list(self.started):
            self.delete(container)
        # Mounts of a test's own below the directory would make the removal dangerous: undo them first.
        with open("/proc/self/mountinfo", encoding="utf-8") as table:
            below = [line.split()[4] for line in table if line.split()[4].startswith(str(self.directory) + "/")]
        for point in sorted(below, reverse=True):
            run_command(["umount", "-l", point], 10)
        shutil.rmtree(self.directory, ignore_errors=True)
        if CGROUP == "/warder-test":  # else the runner of the suites removes it
            with contextlib.suppress(OSError):
                os.rmdir("/sys/fs/cgroup/pids/warder-test")


def needs_guest(name):
    """The path of a guest program inside the container; skips nothing: a missing guest is an error of the build."""
    if not os.path.exists(os.path.join(GUESTS, name)):
        raise FileNotFoundError(f"guest {name} is not in {GUESTS}: build the guests first")
    return f"/guests/{name}"


def busy():
    """How many times longer than on an idle machine things may take now: runnable processes for each processor, at least 1."""
    return max(1.0, os.getloadavg()[0] / os.cpu_count())


class ContainerTest(unittest.TestCase):
    """Base of the suites: fails early with words when there is nothing to test, and keeps long diffs readable."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root")
        if not os.access(WARDER, os.X_OK):
            raise FileNotFoundError(f"{WARDER} is missing: build first, or set WARDER")

    def wait_for(self, condition, seconds=30):
        """Polls until `condition()` is true and gives its value; fails the test at the limit."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                self.fail(f"what was waited for did not come true in {seconds} s")
            time.sleep(0.02)
        return value

    def assert_nothing_left(self, bundle):
        """No state, cgroup, mount or process of the bundle's containers."""
        with open("/proc/self/mountinfo", encoding="utf-8") as table:
            mounts = [line for line in table if str(bundle.directory) in line]
        cgroups = [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"*{CGROUP}/{bundle.id}*")]
        self.assertEqual(([name for name in os.listdir(bundle.state) if not name.startswith("@")], mounts, cgroups), ([], [], []))

    def bundle(self, *args, **kwargs):
        made = Bundle(*args, **kwargs)
        self.addCleanup(made.close)
        return made
