"""The container's cgroups: which are taken, which are refused, and limits that hang together. cgroup v2 alone: tests/vm."""
import contextlib
import json
import os
import pathlib
import unittest

from harness.bundle import ContainerTest

ROOT = pathlib.Path("/sys/fs/cgroup")


@unittest.skipIf((ROOT / "cgroup.controllers").exists(), "this machine has no v1 hierarchies")
class CgroupV1(ContainerTest):
    def place(self, bundle, controller):
        return pathlib.Path(f"{ROOT / controller}{bundle.config['linux']['cgroupsPath']}")

    def test_a_cgroup_with_processes_is_nobody_elses(self):
        bundle = self.bundle()
        with bundle.running() as container:
            second = bundle.id + "-second"
            for command in (["run", "-d"], ["create"]):
                outcome = bundle.warder(*command, "-b", bundle.directory, second)
                self.assertEqual(outcome.code, 1, outcome)
                self.assertIn("container's cgroup is not empty", outcome.err)
                self.assertIn("does not exist", bundle.warder("state", second).err)
            self.assertEqual(bundle.state_of(container)["status"], "running")
            self.assertEqual(bundle.exec(container, "echo", "alive").out, "alive\n")
        self.assert_nothing_left(bundle)

    def test_a_frozen_cgroup_is_refused_and_left_as_it_is(self):
        bundle = self.bundle()
        for name, frozen in (("itself", self.place(bundle, "freezer")), ("above", self.place(bundle, "freezer").parent / f"f-{bundle.id}")):
            with self.subTest(name):
                frozen.mkdir(parents=True, exist_ok=True)
                self.addCleanup(self.thaw, frozen)
                (frozen / "freezer.state").write_text("FROZEN")
                if name == "above":
                    bundle.config["linux"]["cgroupsPath"] = f"/{frozen.relative_to(ROOT / 'freezer')}/{bundle.id}"
                outcome = bundle.warder("run", "-d", "-b", bundle.directory, bundle.id, timeout=30)
                self.assertEqual(outcome.code, 1, outcome)
                self.assertIn("container's cgroup unexpectedly frozen", outcome.err)
                self.assertEqual((frozen / "freezer.state").read_text(), "FROZEN\n")
                self.thaw(frozen)

    def thaw(self, directory):
        if directory.exists():
            (directory / "freezer.state").write_text("THAWED")
            for controller in os.listdir(ROOT):
                with contextlib.suppress(OSError):
                    os.rmdir(ROOT / controller / directory.relative_to(ROOT / "freezer"))

    def test_raw_v2_keys_are_refused(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"]["unified"] = {"memory.min": "131072"}
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertRegex(outcome.err, "linux.resources.unified: invalid configuration")
        self.assert_nothing_left(bundle)

    def test_a_memory_limit_that_goes_takes_the_one_of_swap_with_it(self):
        bundle = self.bundle()
        with bundle.running() as container:
            memory = self.place(bundle, "memory")
            if not (memory / "memory.memsw.limit_in_bytes").exists():
                self.skipTest("a kernel without swap accounting")
            self.assertEqual(bundle.warder("update", "--memory", "50M", "--memory-swap", "90M", container).code, 0)
            self.assertEqual((memory / "memory.memsw.limit_in_bytes").read_text(), f"{90 << 20}\n")
            outcome = bundle.warder("update", "--memory", "-1", container)
            self.assertEqual(outcome.code, 0, outcome)
            for file in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
                self.assertGreater(int((memory / file).read_text()), 1 << 60, file)

    def test_program_and_sessions_are_in_the_same_place_of_every_hierarchy(self):
        bundle = self.bundle()
        with bundle.running() as container:
            path = bundle.config["linux"]["cgroupsPath"]
            own = bundle.exec(container, "cat", "/proc/1/cgroup").out
            self.assertEqual(bundle.exec(container, "cat", "/proc/self/cgroup").out, own)
            self.assertEqual({line.split(":", 2)[2] for line in own.splitlines()}, {path}, own)
        self.assert_nothing_left(bundle)

    def test_what_is_left_of_a_container_without_a_pid_namespace_can_be_killed(self):
        bundle = self.bundle()
        bundle.namespaces("network", "ipc", "uts", "mount")
        with bundle.running("sleep", "601") as container:
            self.assertEqual(bundle.exec(container, "sleep", "602", options=("-d",)).code, 0)
            os.kill(bundle.state_of(container)["pid"], 9)
            self.wait_for(lambda: bundle.state_of(container)["status"] == "stopped")
            left = self.place(bundle, "pids") / "cgroup.procs"
            self.assertTrue(left.read_text())
            outcome = bundle.warder("kill", container, "KILL")
            self.assertEqual(outcome.code, 0, outcome)
            self.wait_for(lambda: not left.read_text())
            self.assertIn("not running", bundle.warder("kill", container, "KILL").err)

    def test_a_user_namespace_sees_its_cgroups_without_a_namespace_of_them(self):
        bundle = self.bundle()
        bundle.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            bundle.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        bundle.config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]})
        outcome = bundle.run("sh", "-c", "cat /sys/fs/cgroup/pids/pids.max; wc -l < /sys/fs/cgroup/memory/cgroup.procs; "
                                         "touch /sys/fs/cgroup/x 2>&1")
        self.assertEqual(outcome.out.split()[0], "2048", outcome)
        self.assertGreater(int(outcome.out.split()[1]), 0)
        self.assertIn("Read-only", outcome.out)

    def test_the_plain_document_shares_the_cgroup_namespace(self):
        bundle = self.bundle()
        document = json.loads(bundle.warder("spec", "-f", "-").out)
        self.assertNotIn({"type": "cgroup"}, document["linux"]["namespaces"])
        hardened = json.loads(bundle.warder("spec", "-f", "-", "--", "true").out)
        self.assertIn({"type": "cgroup"}, hardened["linux"]["namespaces"])
