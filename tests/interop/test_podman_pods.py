"""Containers that share namespaces: pods, kube play, --pid=container:, and user namespaces that podman chooses; podman build."""
import json
import os
from pathlib import Path

from harness.bundle import CGROUP
from harness.podman import IMAGE, SHARED, PodmanTest


class Pods(PodmanTest):
    def pod(self, *options):
        name = self.name("pod")
        self.addCleanup(self.podman, "pod", "rm", "-f", "-t", "0", "-i", name, timeout=60)
        self.ok(self.podman("pod", "create", "--name", name, "--cgroup-parent", CGROUP, "--network", "none", *options), 0)
        return name

    def member(self, pod, *command):
        name = self.name()
        self.ok(self.podman("run", "-d", "--name", name, "--pod", pod, IMAGE, *(command or ("sleep", "600"))))
        return name

    def test_members_share_host_name_network_and_processes(self):
        pod = self.pod("--share", "pid,uts,net,ipc", "--hostname", "shared")
        first, second = self.member(pod, "sleep", "601"), self.member(pod, "sleep", "602")
        for name in (first, second):
            self.assertEqual(self.ok(self.podman("exec", name, "hostname")), "shared")
            seen = self.ok(self.podman("exec", name, "ps", "-o", "args"))
            self.assertIn("sleep 601", seen)
            self.assertIn("sleep 602", seen)
        self.ok(self.podman("pod", "stop", "-t", "0", pod))
        states = json.loads(self.ok(self.podman("pod", "inspect", pod)))["Containers"]
        self.assertLessEqual({entry["State"] for entry in states}, {"exited", "stopped"})

    def test_a_pod_can_be_paused_and_started_again(self):
        pod = self.pod()
        name = self.member(pod)
        self.ok(self.podman("pod", "pause", pod))
        self.assertEqual(self.inspect(name)["State"]["Status"], "paused")
        self.ok(self.podman("pod", "unpause", pod))
        self.ok(self.podman("pod", "restart", pod))
        self.assertEqual(self.ok(self.podman("exec", name, "echo", "again")), "again")

    def test_kube_play_starts_what_a_manifest_says_and_down_removes_it(self):
        name = self.name("kube")
        manifest = SHARED / f"{name}.yaml"
        manifest.write_text(f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
  - name: main
    image: {IMAGE}
    command: [sh, -c, "echo from kube; sleep 600"]
    env: [{{name: A, value: b}}]
    resources: {{limits: {{memory: 64Mi}}}}
""")
        self.addCleanup(self.podman, "pod", "rm", "-f", "-t", "0", "-i", name, timeout=60)
        played = self.podman("kube", "play", "--network", "none", str(manifest), timeout=100)
        if played.code != 0 and "network" in played.err:
            played = self.podman("play", "kube", str(manifest), timeout=100)
        self.ok(played)
        container = f"{name}-main"
        self.wait_for(lambda: "from kube" in self.podman("logs", container).out, what="the log of the container")
        self.assertEqual(self.ok(self.podman("exec", container, "sh", "-c", "echo $A")), "b")
        self.ok(self.podman("kube", "down", str(manifest), timeout=60))
        self.assertNotEqual(self.podman("inspect", container).code, 0)


class Shared(PodmanTest):
    def test_a_container_joins_the_processes_of_another(self):
        first = self.start(command=("sleep", "601"))
        self.assertIn("sleep 601", self.in_container("ps -o args", "--pid", f"container:{first}"))

    def test_podman_chooses_a_user_namespace(self):
        # The mapped root must be able to reach the storage; no runtime can help where it cannot even enter the machine's root.
        if os.stat("/").st_mode & 0o001 == 0:
            self.skipTest("/ of this machine is closed to other users")
        SHARED.parent.chmod(0o755)
        with open("/etc/subuid", "a", encoding="utf-8") as users, open("/etc/subgid", "a", encoding="utf-8") as groups:
            users.write("containers:200000:65536\n")
            groups.write("containers:200000:65536\n")
        out = self.in_container("id -u; cat /proc/self/uid_map", "--userns", "auto:size=4096")
        self.assertEqual(out.split(), ["0", "0", "200000", "4096"])

    def test_a_build_runs_its_steps_under_warder(self):
        directory = SHARED / self.name("build")
        directory.mkdir()
        (directory / "Containerfile").write_text(f"FROM {IMAGE}\nRUN hostname > /made; grep Seccomp: /proc/self/status >> /made\nUSER 1000\nRUN test $(id -u) = 1000\n")
        image = self.name("localhost/built")
        self.addCleanup(self.podman, "rmi", "-f", image)
        self.ok(self.podman("build", "--network", "none", "--isolation", "oci", "--cgroup-parent", f"{CGROUP}/{directory.name}", "-t", image, str(directory), timeout=100))
        self.assertIn("Seccomp:\t2", self.ok(self.podman.run(image, "cat", "/made")))

    def test_files_go_in_and_out_of_a_running_container(self):
        name = self.start()
        source = SHARED / f"{name}.txt"
        source.write_text("copied\n")
        self.ok(self.podman("cp", str(source), f"{name}:/tmp/in.txt"))
        self.assertEqual(self.ok(self.podman("exec", name, "cat", "/tmp/in.txt")), "copied")
        self.ok(self.podman("cp", f"{name}:/tmp/in.txt", f"{source}.out"))
        self.assertEqual((SHARED / f"{name}.txt.out").read_text(), "copied\n")

    def test_limits_change_while_a_container_runs(self):
        name = self.start("--memory", "64m")
        self.ok(self.podman("update", "--memory", "80m", "--cpu-shares", "512", name))
        pid = self.inspect(name)["State"]["Pid"]
        place = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())["memory"]
        self.assertEqual(Path(f"/sys/fs/cgroup/memory{place}/memory.limit_in_bytes").read_text(), f"{80 << 20}\n")

    def test_a_checkpoint_is_refused_in_words(self):
        name = self.start()
        outcome = self.podman("container", "checkpoint", name)
        self.assertNotEqual(outcome.code, 0)
        self.assertIn("checkpoint", outcome.err)
        self.assertEqual(self.inspect(name)["State"]["Status"], "running")
