"""Rows 38, 39, 40, 54, 60, 61: what workload and supervisor share is used up, frozen or knocked at; nothing passes, nothing is leaked."""

import json
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import WARDER, ContainerTest, needs_guest  # noqa: E402
from test_doors import ALL_CAPABILITIES  # noqa: E402

PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n  "/nowhere/*.x": hide\n'
GOOD = "passwd OK, shadow EACCES, hidden ENOENT"
CAPABILITY_BITS = {"SETPCAP": 8, "IPC_LOCK": 14, "IPC_OWNER": 15, "SYS_MODULE": 16, "SYS_PACCT": 20, "SYS_BOOT": 22, "SYS_NICE": 23,
                   "SYS_TIME": 25, "SYS_TTY_CONFIG": 26, "LEASE": 28, "AUDIT_WRITE": 29, "AUDIT_CONTROL": 30, "WAKE_ALARM": 35,
                   "BLOCK_SUSPEND": 36, "AUDIT_READ": 37, "PERFMON": 38, "BPF": 39}


class Pressure(ContainerTest):
    time_limit = 150

    def make(self):
        bundle = self.bundle(hostname="pressure", profile=PROFILE)
        (bundle.rootfs / "nowhere").mkdir()
        bundle.write("/nowhere/a.x", "hidden")
        return bundle

    def privileged(self):
        """As an engine's --privileged: every capability, nothing masked or read-only, every device."""
        bundle = self.make()
        bundle.config["process"]["capabilities"] = {name: list(ALL_CAPABILITIES) for name in ("bounding", "effective", "permitted")}
        bundle.config["linux"].update(maskedPaths=[], readonlyPaths=[])
        bundle.config["linux"]["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
        for mount in bundle.config["mounts"]:
            mount["options"] = [option for option in mount["options"] if option != "ro" or mount["destination"] == "/guests"]
        return bundle

    def pid_1(self, bundle):
        return int((bundle.directory / "pid").read_text())

    def status(self, pid):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in text.splitlines()}

    def test_when_no_process_can_be_made(self):
        bundle = self.make()
        bundle.config["linux"]["resources"]["pids"]["limit"] = 60
        out = bundle.run(needs_guest("pressure"), "processes", timeout=60)
        self.assertEqual(out.lines(), [f"before: {GOOD}", "made 1, then EAGAIN", f"full: {GOOD}", f"still full: {GOOD}",
                                       f"afterwards: {GOOD}"], out)

    def test_when_there_is_no_memory(self):
        bundle = self.make()
        bundle.config["linux"]["resources"]["memory"] = {"limit": 64 << 20, "swap": 64 << 20}
        out = bundle.run(needs_guest("pressure"), "memory", timeout=100)
        self.assertEqual(out.lines(), [f"before: {GOOD}", *["child killed"] * 4, f"afterwards: {GOOD}"], out)

    def with_cgroups(self):
        bundle = self.privileged()
        bundle.config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw", "nosuid"]})
        return bundle

    def files(self, *names):
        """Of the container's own cgroup, as it sees it; the first that exists on this machine."""
        return "for f in " + " ".join(f"/sys/fs/cgroup/{name}" for name in names) + "; do [ -e $f ] && break; done; "

    def abused(self, names, value):
        """A container that has written a value into a file of its cgroup, and its output so far."""
        bundle = self.with_cgroups()
        command = self.files(*names) + f"exec {needs_guest('pressure')} write $f {value} > /work/out 2>&1"
        return bundle, bundle.running("sh", "-c", command)

    def test_a_container_that_freezes_itself_can_be_ended(self):
        bundle, running = self.abused(["freezer/freezer.state", "cgroup.freeze"], "FROZEN")
        with running as container:
            out = bundle.rootfs / "work/out"
            self.wait_for(lambda: out.exists() and "before" in out.read_text())
            time.sleep(1)
            self.assertNotIn("shadow OK", out.read_text())
            self.assertNotIn("write E", out.read_text(), "the file could not be written: the test proves nothing")
            began = time.monotonic()
            pid = self.pid_1(bundle)
            self.assertEqual(bundle.delete(container).code, 0)
            self.assertLess(time.monotonic() - began, 15)
            self.assertFalse(os.path.exists(f"/proc/{pid}"))
            self.assert_nothing_left(bundle)

    def test_a_container_that_lets_itself_make_no_process_is_still_answered(self):
        bundle, running = self.abused(["pids/pids.max", "pids.max"], "1")
        with running:
            out = bundle.rootfs / "work/out"
            self.wait_for(lambda: out.exists() and out.read_text().count("afterwards") == 5)
            text = out.read_text()
            self.assertIn("write OK", text)
            self.assertEqual(text.count(f"afterwards: {GOOD}"), 5, text)

    def test_the_supervisors_socket_answers_nobody_inside(self):
        bundle = self.privileged()
        container = f"{bundle.id}-knock"
        bundle.config["mounts"].append({"destination": "/state", "type": "bind", "source": str(bundle.state), "options": ["rbind", "rw"]})
        out = bundle.rootfs / "work/out"
        script = (f"for s in $(find /state/{container} /state -type s 2>/dev/null | head -1); do "
                  f"exec {needs_guest('pressure')} knock $s > /work/out; done")
        bundle.config["process"]["args"] = ["sh", "-c", script]
        bundle.warder("create", "-b", bundle.directory, "--pid-file", bundle.directory / "pid", container)
        bundle.warder("start", container)
        self.wait_for(lambda: out.exists() and "afterwards" in out.read_text())
        text = out.read_text()
        self.assertEqual(text.count("nothing"), 6, text)
        self.assertNotIn("answered", text)

    def test_with_every_capability_it_is_out_of_reach(self):
        bundle = self.privileged()
        before = pathlib.Path(WARDER).with_name("warder-init").read_bytes()
        for run in (lambda guest: bundle.run(guest), self.exec_in(bundle)):
            lines = run(needs_guest("reach")).lines()
            self.assertEqual(lines[-1:], ["end"])
            self.assertEqual([line for line in lines if line.startswith("reached")], [])
        self.assertEqual(pathlib.Path(WARDER).with_name("warder-init").read_bytes(), before)

    def exec_in(self, bundle):
        def run(guest):
            with bundle.running() as container:
                return bundle.exec(container, guest)
        return run

    def test_it_keeps_no_capability_without_use(self):
        bundle = self.privileged()
        with bundle.running():
            status = self.status(self.pid_1(bundle))
            for field in ("CapPrm", "CapEff", "CapBnd"):
                kept = [name for name, bit in CAPABILITY_BITS.items() if int(status[field], 16) >> bit & 1]
                self.assertEqual(kept, [], field)
            self.assertEqual((int(status["CapInh"], 16), int(status["CapAmb"], 16)), (0, 0))

    def test_its_policy_cannot_be_changed_by_itself(self):
        bundle = self.make()
        with bundle.running():
            regions = pathlib.Path(f"/proc/{self.pid_1(bundle)}/smaps").read_text()
            flags = [line.split()[1:] for line in regions.splitlines() if line.startswith("VmFlags")]
            sealed = [words for words in flags if "sl" in words]
            release = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])
            if release >= (6, 12):
                self.assertTrue(any("wr" not in words and "ex" not in words for words in sealed), "no sealed region that is only read")
            writable_code = [words for words in flags if "wr" in words and "ex" in words]
            self.assertEqual(writable_code, [])

    def test_it_leaves_no_core(self):
        bundle = self.make()
        with bundle.running():
            pid = self.pid_1(bundle)
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0")
            self.assertEqual(os.stat(f"/proc/{pid}/fd").st_uid, 0)
        self.assertFalse([name for name in os.listdir(bundle.rootfs) if name.startswith("core")])

    def test_a_session_during_a_pause_is_refused_or_waits(self):
        bundle = self.make()
        with bundle.running() as container:
            self.assertEqual(bundle.warder("pause", container).code, 0)
            out = bundle.exec(container, "touch", "/work/passed", timeout=20)
            self.assertEqual((out.code, "paused" in out.err), (255, True), out)
            self.assertFalse((bundle.rootfs / "work/passed").exists())
            # The other way: it is made and stands still until the container goes on, then under the profile like any other.
            bundle.save()
            waiting = bundle.warder("exec", "--ignore-paused", "--detach", container, "sh", "-c", "cat /etc/shadow > /work/stolen; touch /work/later",
                                    timeout=20)
            time.sleep(0.5)
            self.assertFalse((bundle.rootfs / "work/later").exists(), "a session ran in a paused container")
            self.assertEqual(bundle.warder("resume", container).code, 0)
            if waiting.code == 0:
                self.wait_for(lambda: (bundle.rootfs / "work/later").exists())
                self.assertEqual((bundle.rootfs / "work/stolen").read_text(), "")
            self.assertEqual(json.loads(bundle.warder("state", container).out)["status"], "running")


if __name__ == "__main__":
    unittest.main()
