"""The systemd cgroup manager, with the machine's own systemd."""
import pathlib
import subprocess

from harness.bundle import ContainerTest

MEBIBYTE = 1 << 20
ROOT = pathlib.Path("/sys/fs/cgroup")


def show(unit, *properties):
    """What systemd says of a unit, as a dict."""
    out = subprocess.run(["systemctl", "show", unit, *(f"-p{name}" for name in properties)], check=True, capture_output=True,
                         text=True).stdout
    return dict(line.split("=", 1) for line in out.splitlines())


class Scope(ContainerTest):
    time_limit = 240

    def start(self, bundle, container, code=0):
        bundle.config["process"]["args"] = ["sleep", "600"]
        made = bundle.warder("create", "--systemd-cgroup", "-b", bundle.directory, container)
        self.assertEqual(made.code, code, made)
        if code == 0:
            self.assertEqual(bundle.warder("start", container).code, 0)
        return made

    def scope(self, bundle, slice_name="wt-test.slice"):
        """A running container in a scope of its own; its id and unit."""
        container = bundle.id
        bundle.config["linux"]["cgroupsPath"] = f"{slice_name}:wt:{container}"
        self.start(bundle, container)
        return container, f"wt-{container}.scope"

    def file(self, unit, name):
        return (ROOT / show(unit, "ControlGroup")["ControlGroup"].lstrip("/") / name).read_text().strip()

    def test_the_scope_has_the_slice_the_limits_and_the_annotations_and_goes_with_the_container(self):
        bundle = self.bundle()
        bundle.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.Description": "'a test'"}
        bundle.config["linux"]["resources"] |= {"memory": {"limit": 64 * MEBIBYTE, "reservation": 32 * MEBIBYTE}, "pids": {"limit": 90},
                                                "cpu": {"shares": 2048, "quota": 25500, "period": 50000, "cpus": "0"}}
        container, unit = self.scope(bundle)
        told = show(unit, "Slice", "Delegate", "MemoryMax", "MemoryLow", "TasksMax", "CPUWeight", "CPUQuotaPerSecUSec",
                    "AllowedCPUs", "TimeoutStopUSec", "Description", "ControlGroup", "ActiveState")
        directory = ROOT / told.pop("ControlGroup").lstrip("/")
        self.assertEqual(told, {"Slice": "wt-test.slice", "Delegate": "yes", "MemoryMax": str(64 * MEBIBYTE),
                                "MemoryLow": str(32 * MEBIBYTE), "TasksMax": "90", "CPUWeight": "79", "CPUQuotaPerSecUSec": "510ms",
                                "AllowedCPUs": "0", "TimeoutStopUSec": "7s", "Description": "a test", "ActiveState": "active"})
        self.assertEqual(directory, ROOT / f"wt.slice/wt-test.slice/{unit}")
        self.assertEqual((directory / "cpu.max").read_text(), "25500 50000\n")
        pid = bundle.state_of(container)["pid"]
        self.assertIn(str(pid), (directory / "cgroup.procs").read_text().split())
        # The process that the scope was made with is gone: PID 1 and the workload remain.
        self.assertEqual(len((directory / "cgroup.procs").read_text().split()), 2)
        self.assertEqual(bundle.warder("delete", "--force", container).code, 0)
        self.assertEqual((directory.exists(), show(unit, "LoadState")["LoadState"]), (False, "not-found"))
        self.assertEqual(list(bundle.state.glob("[!@]*")), [])

    def test_without_a_path_the_scope_is_named_after_the_container(self):
        bundle = self.bundle()
        del bundle.config["linux"]["cgroupsPath"]
        self.start(bundle, bundle.id)
        self.assertEqual(show(f"warder-{bundle.id}.scope", "Slice", "ActiveState"), {"Slice": "system.slice", "ActiveState": "active"})

    def test_later_commands_need_no_flag(self):
        bundle = self.bundle()
        container, unit = self.scope(bundle)
        seen = bundle.exec(container, "cat", "/proc/self/cgroup").out
        self.assertIn(unit, seen)
        self.assertEqual(bundle.warder("pause", container).code, 0)
        self.assertEqual((bundle.state_of(container)["status"], self.file(unit, "cgroup.freeze")), ("paused", "1"))
        self.assertEqual(bundle.warder("resume", container).code, 0)
        self.assertEqual(bundle.state_of(container)["status"], "running")
        self.assertEqual(bundle.warder("kill", container, "KILL").code, 0)
        self.wait_for(lambda: bundle.state_of(container)["status"] == "stopped")
        self.assertEqual(bundle.warder("delete", container).code, 0)
        self.assertEqual(show(unit, "LoadState")["LoadState"], "not-found")

    def test_update_reaches_systemd_and_survives_its_reload(self):
        bundle = self.bundle()
        container, unit = self.scope(bundle)
        done = bundle.warder("update", "--memory", "100m", "--cpu-quota", "33333", "--cpu-period", "100000", container)
        self.assertEqual(done.code, 0, done)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.assertEqual(show(unit, "MemoryMax")["MemoryMax"], str(100 * MEBIBYTE))
        self.assertEqual(self.file(unit, "memory.max"), str(100 * MEBIBYTE))
        self.assertIn(self.file(unit, "cpu.max"), ("33333 100000", "34000 100000"))

    def test_an_update_that_fails_changes_neither(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"] |= {"memory": {"limit": 64 * MEBIBYTE}}
        container, unit = self.scope(bundle)
        done = bundle.warder("update", "--memory", "128m", "--cpuset-cpus", "0-4000", container)
        self.assertEqual(done.code, 1, done)
        self.assertIn("cpuset.cpus", done.err)
        self.assertEqual((self.file(unit, "memory.max"), show(unit, "MemoryMax")["MemoryMax"]),
                         (str(64 * MEBIBYTE), str(64 * MEBIBYTE)))

    def test_what_systemd_cannot_have_is_refused_and_leaves_nothing(self):
        bad = [("/plain/path", {}, "accepted by the systemd cgroup manager: SLICE:PREFIX:NAME"),
               ("no-slice:wt:x", {}, "accepted: a name that ends in .slice"),
               ("wt.slice:wt:x", {"org.systemd.property.TasksMax": "many"}, "annotations['org.systemd.property.TasksMax']: 'many'"),
               ("wt.slice:wt:x", {"org.systemd.property.NoSuchThing": "5"}, "NoSuchThing"),
               ("wt.slice:wt:x", {"org.systemd.property.PIDs": "[1]"}, "warder sets this property itself")]
        for path, annotations, words in bad:
            with self.subTest(path=path, annotations=annotations):
                bundle = self.bundle()
                bundle.config["linux"]["cgroupsPath"], bundle.config["annotations"] = path, annotations
                self.assertIn(words, self.start(bundle, bundle.id, code=1).err)
                self.assertEqual((list(bundle.state.glob("[!@]*")), show("wt-x.scope", "LoadState")["LoadState"]), ([], "not-found"))

    def test_a_scope_that_exists_is_not_taken_over(self):
        bundle = self.bundle()
        container, unit = self.scope(bundle)
        other = self.bundle()
        other.config["linux"]["cgroupsPath"] = f"wt-test.slice:wt:{container}"
        self.assertIn("already", self.start(other, other.id, code=1).err)
        self.assertEqual(show(unit, "ActiveState")["ActiveState"], "active")
        self.assertEqual(bundle.state_of(container)["status"], "running")
