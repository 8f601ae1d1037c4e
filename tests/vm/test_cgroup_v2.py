"""cgroup v2 with the cgroupfs manager: every limit seen in the kernel's files or by its effect."""
import json
import pathlib
import subprocess

from harness.bundle import CGROUP, WARDER, ContainerTest

MEBIBYTE = 1 << 20


class Limits(ContainerTest):
    time_limit = 240

    def files(self, bundle, container, *names):
        directory = pathlib.Path("/sys/fs/cgroup") / CGROUP.lstrip("/") / bundle.id
        return [(directory / name).read_text().strip() for name in names]

    def test_the_limits_of_config_json_are_in_the_files(self):
        bundle = self.bundle()
        disk = pathlib.Path("/sys/block/vda/dev").read_text().strip()
        major, minor = map(int, disk.split(":"))
        rate = {"major": major, "minor": minor, "rate": MEBIBYTE}
        bundle.config["linux"]["resources"] |= {
            "memory": {"limit": 64 * MEBIBYTE, "swap": 96 * MEBIBYTE, "reservation": 16 * MEBIBYTE},
            "cpu": {"shares": 1024, "quota": 20000, "period": 100000, "burst": 5000, "cpus": "1", "mems": "0"},
            "pids": {"limit": 33}, "blockIO": {"throttleReadBpsDevice": [rate], "throttleWriteIOPSDevice": [rate | {"rate": 9}]},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MEBIBYTE}], "unified": {"memory.high": str(60 * MEBIBYTE)}}
        with bundle.running() as container:
            self.assertEqual(
                self.files(bundle, container, "memory.max", "memory.swap.max", "memory.low", "memory.high", "cpu.weight", "cpu.max",
                           "cpu.max.burst", "cpuset.cpus", "cpuset.mems", "pids.max", "hugetlb.2MB.max", "io.max"),
                [str(64 * MEBIBYTE), str(32 * MEBIBYTE), str(16 * MEBIBYTE), str(60 * MEBIBYTE), "39", "20000 100000", "5000", "1", "0",
                 "33", str(4 * MEBIBYTE), f"{disk} rbps={MEBIBYTE} wbps=max riops=max wiops=9"])

    def test_a_container_may_be_idle(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"] |= {"cpu": {"idle": 1}}
        with bundle.running() as container:
            self.assertEqual(self.files(bundle, container, "cpu.idle"), ["1"])

    def test_update_changes_what_is_given_and_nothing_else(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"] |= {"memory": {"limit": 64 * MEBIBYTE}, "cpu": {"shares": 512}}
        with bundle.running() as container:
            zeros = {"memory": {"limit": 0, "swap": 0, "reservation": 0}, "cpu": {"shares": 0, "quota": 0, "period": 0},
                     "pids": {"limit": 44}}
            done = bundle.warder("update", "-r", "-", container, stdin=json.dumps(zeros))
            self.assertEqual(done.code, 0, done)
            self.assertEqual(self.files(bundle, container, "memory.max", "cpu.weight", "pids.max"), [str(64 * MEBIBYTE), "20", "44"])

    def test_a_failed_update_takes_back_what_it_had_written(self):
        bundle = self.bundle()
        disk = pathlib.Path("/sys/block/vda/dev").read_text().strip()
        major, minor = map(int, disk.split(":"))
        bundle.config["linux"]["resources"] |= {"memory": {"limit": 64 * MEBIBYTE}, "cpu": {"shares": 512, "cpus": "0"}}
        with bundle.running() as container:
            change = {"memory": {"limit": 128 * MEBIBYTE}, "cpu": {"shares": 2048, "quota": 7000, "cpus": "1"},
                      "blockIO": {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 4096}]},
                      "unified": {"cgroup.no-such-file": "1"}}
            done = bundle.warder("update", "-r", "-", container, stdin=json.dumps(change))
            self.assertEqual(done.code, 1, done)
            self.assertIn("cgroup.no-such-file", done.err)
            self.assertEqual(self.files(bundle, container, "memory.max", "cpu.weight", "cpu.max", "cpuset.cpus", "io.max"),
                             [str(64 * MEBIBYTE), "20", "max 100000", "0", ""])

    def test_processes_above_the_limit_are_not_made(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"]["pids"] = {"limit": 12}
        outcome = bundle.run("sh", "-c", "for i in $(seq 40); do sleep 5 & done; echo all")
        self.assertIn("can't fork", outcome.err)

    def test_memory_above_the_limit_ends_the_workload_and_is_an_event(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"]["memory"] = {"limit": 48 * MEBIBYTE, "swap": 48 * MEBIBYTE}
        script = "sh -c 'tail /dev/zero'; echo $? > /work/status; sleep 600"
        with bundle.running("sh", "-c", f"until [ -e /work/go ]; do sleep 0.1; done; {script}") as container:
            events = subprocess.Popen([*bundle.globals(), "events", "--interval", "300ms", container], stdout=subprocess.PIPE, text=True)
            self.addCleanup(events.wait)
            self.addCleanup(events.kill)
            self.assertEqual(json.loads(events.stdout.readline())["type"], "stats")
            (bundle.rootfs / "work/go").touch()
            for line in events.stdout:
                if json.loads(line)["type"] == "oom":
                    break
            else:
                self.fail("no oom event")
            status = bundle.rootfs / "work/status"
            self.wait_for(lambda: status.exists() and status.read_text().strip() == "137")

    def test_stats_count_what_the_container_uses(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"]["memory"] = {"limit": 64 * MEBIBYTE}
        with bundle.running() as container:
            data = json.loads(bundle.warder("events", "--stats", container).out)["data"]
            self.assertGreater(data["cpu"]["usage"]["total"], 0)
            self.assertEqual(data["memory"]["usage"]["limit"], 64 * MEBIBYTE)
            self.assertGreater(data["memory"]["usage"]["usage"], 0)
            self.assertGreaterEqual(data["pids"]["current"], 2)

    def test_pause_freezes_and_a_paused_container_can_be_killed(self):
        bundle = self.bundle()
        with bundle.running() as container:
            self.assertEqual(bundle.warder("pause", container).code, 0)
            self.assertEqual(self.files(bundle, container, "cgroup.freeze"), ["1"])
            self.assertEqual(bundle.state_of(container)["status"], "paused")
            self.assertEqual(bundle.warder("kill", container, "KILL").code, 0)
            self.wait_for(lambda: bundle.state_of(container)["status"] == "stopped")

    def test_cgroups_made_by_the_workload_go_with_the_container(self):
        bundle = self.bundle()
        bundle.namespaces("pid", "network", "ipc", "uts", "mount", "cgroup")
        bundle.config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]})
        script = "mkdir -p /sys/fs/cgroup/a/b && echo 0 > /sys/fs/cgroup/a/b/cgroup.procs && cat /proc/self/cgroup && touch /work/made; sleep 600"
        with bundle.running("sh", "-c", script) as container:
            self.wait_for((bundle.rootfs / "work/made").exists)
            self.assertEqual(bundle.exec(container, "cat", "/proc/1/cgroup").out, "0::/a/b\n")
            directory = pathlib.Path("/sys/fs/cgroup") / CGROUP.lstrip("/") / bundle.id
            self.assertTrue((directory / "a/b").exists())
            self.assertEqual(bundle.warder("delete", "--force", container).code, 0)
            self.assertFalse(directory.exists())

    def test_a_path_for_systemd_is_refused_without_it(self):
        bundle = self.bundle()
        bundle.config["linux"]["cgroupsPath"] = "system.slice:wt:x"
        self.assertIn("is meant for systemd; accepted with --systemd-cgroup", bundle.run("true").err)


class Devices(ContainerTest):
    """The eBPF program that stands for v1's devices controller."""

    time_limit = 240

    def node(self, rules, command):
        bundle = self.bundle()
        for kind in ("bounding", "effective", "permitted"):
            bundle.config["process"]["capabilities"][kind].append("CAP_MKNOD")
        bundle.config["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}, *rules]
        return bundle.run("sh", "-c", command)

    def test_nodes_that_no_rule_allows_can_be_made_but_not_opened(self):
        # As under runc: a node's number gives nothing as long as nobody can open it.
        outcome = self.node([], "busybox mknod /tmp/disk b 254 0; echo made $?; cat /tmp/disk; echo x > /dev/null && echo null")
        self.assertIn("Operation not permitted", outcome.err)
        self.assertEqual(outcome.out, "made 0\nnull\n")

    def test_the_last_rule_that_matches_decides_each_kind_of_access(self):
        allow = {"allow": True, "type": "b", "major": 254, "access": "rm"}
        script = "busybox mknod /tmp/disk b 254 0 && dd if=/tmp/disk of=/dev/null bs=512 count=1 2>/dev/null && echo read; : >> /tmp/disk"
        outcome = self.node([allow], script)
        self.assertEqual(outcome.out, "read\n", outcome)
        self.assertIn("Operation not permitted", outcome.err)
        outcome = self.node([allow, {"allow": False, "type": "b", "major": 254, "minor": 0, "access": "r"}], script)
        self.assertEqual(outcome.out, "", outcome)
