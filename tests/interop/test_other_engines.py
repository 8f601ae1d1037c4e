"""docker, containerd and buildah with warder as their runtime, each with its own daemon, storage and socket below TMPDIR.

The settings are those of contrib/engines.md.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from harness.bundle import CGROUP, WARDER, run_command
from harness.podman import make_busybox_root


class EngineTest(unittest.TestCase):
    maxDiff = 4000
    time_limit = 240

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="engine-"))
        self.addCleanup(run_command, ["rm", "-rf", str(self.work)])
        self.root = self.work / "rootfs"
        self.root.mkdir()
        make_busybox_root(self.root)

    def daemon(self, *command):
        """Starts a daemon that is ended, with everything it started, at the end of the test."""
        log = open(self.work / f"{os.path.basename(command[0])}.log", "wb")
        self.addCleanup(log.close)
        child = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def end():
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(30)
            if child.poll() is None:
                child.kill()
                child.wait()
            # A shim outlives its daemon; a failed test may leave one.
            for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    if str(self.work).encode() in entry.read_bytes():
                        os.kill(int(entry.parent.name), 9)

        self.addCleanup(end)
        return child

    def wait_for(self, condition, seconds=60, what="a condition"):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text(errors="replace")[-3000:] for path in self.work.glob("*.log"))
                self.fail(f"{what} did not come true in {seconds} s\n{logs}")
            time.sleep(0.1)
        return value

    def ok(self, outcome, code=0):
        self.assertEqual(outcome.code, code, outcome)
        return outcome.out.strip()


class Docker(EngineTest):
    def setUp(self):
        super().setUp()
        self.socket = f"unix://{self.work}/docker.sock"
        configuration = {"runtimes": {"warder": {"path": WARDER}}}
        (self.work / "daemon.json").write_text(json.dumps(configuration))
        self.daemon("dockerd", "--config-file", self.work / "daemon.json", "--host", self.socket, "--data-root", self.work / "data",
                    "--exec-root", self.work / "exec", "--pidfile", self.work / "docker.pid", "--bridge", "none",
                    "--iptables=false", "--ip6tables=false", "--storage-driver", "vfs", "--cgroup-parent", f"{CGROUP}/docker",
                    "--exec-opt", "native.cgroupdriver=cgroupfs")
        self.wait_for(lambda: self.docker("info", timeout=10).code == 0, what="dockerd")
        with subprocess.Popen(["tar", "-C", str(self.root), "-c", "."], stdout=subprocess.PIPE) as archive:
            subprocess.run(self.command("import", "--change", "ENV PATH=/bin", "-", "busybox"), stdin=archive.stdout, check=True,
                           capture_output=True)

    def command(self, *words):
        return ["/usr/bin/docker", "--host", self.socket, *map(str, words)]

    def docker(self, *words, **keywords):
        return run_command(self.command(*words), env={**os.environ, "HOME": str(self.work)}, **keywords)

    def run_container(self, *words):
        return self.docker("run", "--runtime", "warder", "--network", "none", *words)

    def test_run_gives_output_exit_code_and_the_workload_as_pid_1(self):
        outcome = self.run_container("--rm", "--hostname", "web", "busybox", "sh", "-c", "echo $$ $(hostname); echo err >&2; exit 7")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (7, "1 web\n", "err\n"))
        outcome = self.run_container("--rm", "busybox", "no-such-program")
        self.assertEqual(outcome.code, 127, outcome)

    def test_a_container_is_listed_entered_limited_paused_and_stopped(self):
        name = self.ok(self.run_container("-d", "--name", "one", "--memory", "64m", "--pids-limit", "40", "busybox", "sleep", "600"))
        self.assertEqual(self.ok(self.docker("exec", "one", "sh", "-c", "echo inside; exit 0")), "inside")
        self.assertEqual(self.docker("exec", "one", "sh", "-c", "exit 5").code, 5)
        self.assertIn("sleep 600", self.ok(self.docker("top", "one")))
        self.ok(self.docker("update", "--pids-limit", "50", "one"))
        self.ok(self.docker("pause", "one"))
        self.assertEqual(self.ok(self.docker("inspect", "-f", "{{.State.Status}}", "one")), "paused")
        self.ok(self.docker("unpause", "one"))
        stats = json.loads(self.ok(self.docker("stats", "--no-stream", "--format", "{{json .}}", "one")))
        self.assertIn("64MiB", stats["MemUsage"])
        self.ok(self.docker("kill", "one"))
        self.assertEqual(self.ok(self.docker("wait", "one")), "137")
        self.ok(self.docker("rm", "one"))
        self.assertEqual([path for path in pathlib.Path("/sys/fs/cgroup").glob(f"*{CGROUP}/docker/{name}")], [])

    def test_a_health_check_and_the_logs_of_a_restarted_container(self):
        self.ok(self.run_container("-d", "--name", "two", "--health-cmd", "test -e /tmp/well", "--health-interval", "1s", "busybox",
                                   "sh", "-c", "echo started; touch /tmp/well; sleep 600"))
        self.wait_for(lambda: self.docker("inspect", "-f", "{{.State.Health.Status}}", "two").out.strip() == "healthy",
                      what="health")
        self.ok(self.docker("restart", "-t", "0", "two"))
        self.wait_for(lambda: self.docker("logs", "two").out.count("started") == 2, what="the second start")
        self.ok(self.docker("rm", "-f", "two"))


class Containerd(EngineTest):
    def setUp(self):
        super().setUp()
        (self.work / "config.toml").write_text(f"""
version = 2
root = "{self.work}/root"
state = "{self.work}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{self.work}/containerd.sock"
[ttrpc]
address = "{self.work}/containerd.sock.ttrpc"
""")
        self.daemon("containerd", "--config", self.work / "config.toml")
        self.wait_for(lambda: self.ctr("version", timeout=10).code == 0, what="containerd")

    def ctr(self, *words, **keywords):
        return run_command(["ctr", "--address", f"{self.work}/containerd.sock", *map(str, words)], **keywords)

    def run_container(self, name, *words, detach=False):
        options = ["--detach"] if detach else ["--rm"]
        return self.ctr("run", *options, "--runtime", "io.containerd.runc.v2", "--runc-binary", WARDER, "--runc-root",
                        self.work / "warder", "--cgroup", f"{CGROUP}/{name}", "--rootfs", self.root, name, *words)

    def test_run_gives_output_and_exit_code(self):
        outcome = self.run_container("a", "/bin/sh", "-c", "echo pid $$; exit 6")
        self.assertEqual((outcome.code, outcome.out), (6, "pid 1\n"), outcome)

    def test_a_task_is_entered_paused_measured_and_killed(self):
        self.ok(self.run_container("b", "/bin/sleep", "600", detach=True))
        self.assertEqual(self.ok(self.ctr("task", "exec", "--exec-id", "x", "b", "/bin/echo", "inside")), "inside")
        self.ok(self.ctr("task", "pause", "b"))
        self.assertIn("PAUSED", self.ok(self.ctr("task", "ls")))
        self.ok(self.ctr("task", "resume", "b"))
        self.assertIn("pids", self.ok(self.ctr("task", "metrics", "b")))
        self.assertGreaterEqual(len(self.ok(self.ctr("task", "ps", "b")).splitlines()), 2)
        self.ok(self.ctr("task", "kill", "-s", "SIGKILL", "b"))
        self.wait_for(lambda: "STOPPED" in self.ctr("task", "ls").out, what="the end of the task")
        self.assertIn("exit code 137", self.ctr("task", "delete", "b").err)
        self.ok(self.ctr("container", "delete", "b"))
        self.assertEqual(sorted(os.listdir(self.work / "warder/default")) if (self.work / "warder/default").exists() else [], [])


class Buildah(EngineTest):
    def buildah(self, *words, **keywords):
        environment = {**os.environ, "HOME": str(self.work), "XDG_RUNTIME_DIR": str(self.work)}
        return run_command(["buildah", "--root", f"{self.work}/storage", "--runroot", f"{self.work}/runroot", "--storage-driver", "vfs",
                            *map(str, words)], env=environment, timeout=120, **keywords)

    def test_a_build_runs_its_steps_under_warder(self):
        run_command(["tar", "-C", str(self.root), "-cf", f"{self.work}/root.tar", "."])
        (self.work / "Containerfile").write_text("FROM scratch\nADD root.tar /\nENV PATH=/bin\n"
                                                 "RUN id -u > /made && grep Seccomp: /proc/self/status >> /made\nRUN test -s /made\n")
        self.ok(self.buildah("bud", "--runtime", WARDER, "--isolation", "oci", "--network", "none", "--cgroup-parent", f"{CGROUP}/{self.work.name}",
                             "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096", "-t", "made",
                             "-f", self.work / "Containerfile", self.work))
        container = self.ok(self.buildah("from", "--name", "work", "--pull-never", "made"))
        outcome = self.buildah("run", "--runtime", WARDER, "--isolation", "oci", "--network", "none", container, "cat", "/made")
        self.assertEqual(outcome.out.split()[0], "0", outcome)
        self.assertIn("Seccomp:\t2", outcome.out)

    def test_a_failing_step_fails_the_build(self):
        run_command(["tar", "-C", str(self.root), "-cf", f"{self.work}/root.tar", "."])
        (self.work / "Containerfile").write_text("FROM scratch\nADD root.tar /\nENV PATH=/bin\nRUN exit 9\n")
        outcome = self.buildah("bud", "--runtime", WARDER, "--isolation", "oci", "--network", "none", "--cgroup-parent", f"{CGROUP}/{self.work.name}",
                               "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096", "-f", self.work / "Containerfile", self.work)
        self.assertNotEqual(outcome.code, 0)
        self.assertIn("exit status 9", outcome.err)
