"""The competitors: how each runtime is told to run the same bundle."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness.bundle import DEFAULT_CAPABILITIES, Bundle, run_command  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent

# Every path call is answered by the supervisor, stat and its family included.
NOTIFY = """warder: 1
description: every call with a path is answered by the supervisor
paths:
  "/**": all
  "/etc/shadow": none
  "/root/hidden/**": hide
"""
LANDLOCK = """warder: 1
description: what Landlock can say, and nothing else
audit: cheap
paths:
  "/**": rx
  "/work/**": rwx
"""
CONNECT = """warder: 1
description: addresses are decided by the supervisor
network: {connect: ["tcp *", "udp 127.0.0.0/8"]}
"""
EMPTY = "warder: 1\ndescription: nothing beyond the hardening set\n"

OTHERS = {"crun": ["crun"], "runc": ["runc"], "runsc": ["runsc", "--network=none", "--ignore-cgroups", "--platform=ptrace"]}


def open_root():
    """Where only root may enter "/", as on some machines, runsc's sandbox, which is nobody, finds no program. This mount namespace is
    ours alone: the same directories are mounted on a root that everybody may enter. For all runtimes alike."""
    if os.stat("/").st_mode & 0o005 == 0o005:
        return
    new = tempfile.mkdtemp(dir="/run")
    mount = ["mount", "-n"]
    subprocess.run([*mount, "-t", "tmpfs", "-o", "mode=0755", "tmpfs", new], check=True)
    for entry in os.scandir("/"):
        path = f"{new}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), path)
        elif entry.is_dir():
            os.mkdir(path)
            subprocess.run([*mount, "--rbind", entry.path, path], check=True)
        else:
            open(path, "w").close()
            subprocess.run([*mount, "--bind", entry.path, path], check=True)
    here = os.getcwd()
    os.mkdir(f"{new}/old-root")
    os.chdir(new)
    subprocess.run(["pivot_root", ".", "old-root"], check=True)
    os.chdir("/")
    subprocess.run(["umount", "-n", "-l", "/old-root"], check=True)
    os.rmdir("/old-root")
    os.chdir(here)


def compile_program(directory, name):
    subprocess.run(["gcc", "-O2", "-static", "-pthread", "-o", pathlib.Path(directory) / name, HERE / f"{name}.c"], check=True)


def podman_seccomp():
    """config.json's linux.seccomp as podman makes it of its own file for the default capabilities."""
    told = json.loads(pathlib.Path("/usr/share/containers/seccomp.json").read_text())
    calls = []
    for rule in told["syscalls"]:
        includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
        if "arches" in includes and "amd64" not in includes["arches"]:
            continue
        if any(name not in DEFAULT_CAPABILITIES for name in includes.get("caps", [])):
            continue
        if "amd64" in excludes.get("arches", []) or any(name in DEFAULT_CAPABILITIES for name in excludes.get("caps", [])):
            continue
        call = {"names": rule["names"], "action": rule["action"]}
        if "errnoRet" in rule:
            call["errnoRet"] = rule["errnoRet"]
        if rule.get("args"):
            call["args"] = rule["args"]
        calls.append(call)
    return {"defaultAction": told["defaultAction"], "defaultErrnoRet": told.get("defaultErrnoRet", 1),
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": calls}


def spawn_seconds(command, environment=None, directory=None):
    """From the spawn of a command to its end, with as little of Python around it as there can be. It must succeed."""
    program = shutil.which(command[0])
    with tempfile.TemporaryFile() as said:
        files = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, said.fileno(), 1),
                 (os.POSIX_SPAWN_DUP2, said.fileno(), 2)]
        before = os.getcwd()
        os.chdir(directory or before)
        started = time.monotonic()
        child = os.posix_spawn(program, list(map(str, command)), environment or os.environ, file_actions=files)
        try:
            _, status = os.waitpid(child, 0)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        took = time.monotonic() - started
        os.chdir(before)
        if status != 0:
            said.seek(0)
            raise SystemExit(f"{command}: status {status}: {said.read().decode(errors='replace')}")
    return took


class Case:
    """One bundle under one runtime. Made once, run again and again, each time with an id of its own."""

    def __init__(self, runtime, profile=EMPTY, seccomp=False, mounts=(), args=("/bin/true",), prepare=None, **process):
        self.runtime = runtime
        self.bundle = Bundle(profile=profile, args=list(args), **process)
        config = self.bundle.config
        config["process"]["user"].pop("umask", None)  # runc has none
        config["mounts"] += [{"destination": to, "type": "bind", "source": str(source), "options": ["rbind", *options]}
                             for to, source, *options in mounts]
        if seccomp:
            config["linux"]["seccomp"] = podman_seccomp()
        if prepare:
            prepare(self.bundle)
        self.bundle.save()
        self.count = 0

    def command(self, *words):
        if self.runtime == "warder":
            return [*self.bundle.globals(), *words]
        return [*OTHERS[self.runtime], "--root", str(self.bundle.directory / "other-state"), *words]

    def next_id(self):
        self.count += 1
        return self.last_id()

    def last_id(self):
        return f"{self.bundle.id}-{self.count}"

    def call(self, *words, timeout=120):
        outcome = run_command(self.command(*words), timeout)
        if outcome.code != 0:
            raise SystemExit(f"{self.runtime} {' '.join(words)}: {outcome!r}")
        return outcome

    def run(self, timeout=120):
        return self.call("run", "--bundle", str(self.bundle.directory), self.next_id(), timeout=timeout)

    def seconds(self, *words):
        """How long the command takes; what it prints is not looked at."""
        return spawn_seconds(self.command(*words))

    def run_seconds(self):
        return self.seconds("run", "--bundle", str(self.bundle.directory), self.next_id())

    def create(self):
        """Seconds and the id of a container that waits for start."""
        name = self.next_id()
        self.bundle.started.add(name)
        return self.seconds("create", "--bundle", str(self.bundle.directory), "--pid-file", str(self.bundle.directory / "pid"), name), name

    def pid(self):
        return int((self.bundle.directory / "pid").read_text())

    def delete(self, name):
        self.bundle.started.discard(name)
        return self.seconds("delete", "--force", name)

    def close(self):
        if self.runtime != "warder":
            for name in list(self.bundle.started):
                run_command(self.command("delete", "--force", name), 20)
            self.bundle.started.clear()
        self.bundle.close()


class Cases(dict):
    """Cases by name, all closed at the end."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for case in self.values():
            case.close()
