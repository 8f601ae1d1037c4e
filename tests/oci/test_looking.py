"""list, ps, pause, resume, events, update: numbers and words about containers, in the form that callers parse."""
import json
import pathlib
import time

from harness.bundle import ContainerTest


class Looking(ContainerTest):
    def test_list_shows_containers_as_table_json_and_ids(self):
        bundle = self.bundle()
        with bundle.running() as container:
            self.assertEqual(bundle.warder("list", "-q").out.split(), [container])
            self.assertRegex(bundle.warder("list").out, rf"(?s)^ID\s+PID\s+STATUS\s+BUNDLE.*{container}\s+\d+\s+running")
            told = json.loads(bundle.warder("list", "--format", "json").out)
            self.assertEqual([(c["id"], c["status"]) for c in told], [(container, "running")])
        self.assertIn(json.loads(bundle.warder("list", "--format=json").out), (None, []))

    def test_a_state_directory_that_is_named_and_not_there_is_an_error(self):
        bundle = self.bundle()
        outcome = bundle.warder("list", "--root", bundle.directory / "nowhere")
        self.assertEqual((outcome.code, outcome.out), (1, ""), outcome)
        self.assertIn("nowhere", outcome.err)

    def test_ps_names_the_processes_by_their_host_pids(self):
        bundle = self.bundle()
        with bundle.running("sh", "-c", "sleep 300 & wait") as container:
            self.wait_for(lambda: "sleep 300" in bundle.warder("ps", container).out)
            pids = json.loads(bundle.warder("ps", "--format", "json", container).out)
            words = [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
            self.assertIn(b"sleep\x00300\x00", words)

    def test_pause_and_resume_change_the_state(self):
        bundle = self.bundle()
        with bundle.running("sh", "-c", "while :; do echo >> /work/ticks; sleep 0.02; done") as container:
            ticks = bundle.rootfs / "work/ticks"
            self.wait_for(ticks.exists)
            self.assertEqual(bundle.warder("pause", container).code, 0)
            self.assertEqual(bundle.state_of(container)["status"], "paused")
            size = ticks.stat().st_size
            time.sleep(0.3)
            self.assertEqual(ticks.stat().st_size, size)
            self.assertIn("paused", bundle.exec(container, "true", timeout=10).err)
            self.assertEqual(bundle.warder("resume", container).code, 0)
            self.assertEqual(bundle.state_of(container)["status"], "running")
            self.wait_for(lambda: ticks.stat().st_size > size)
            self.assertIn("not paused", bundle.warder("resume", container).err)

    def test_events_gives_one_line_of_numbers(self):
        bundle = self.bundle()
        with bundle.running() as container:
            line = bundle.warder("events", "--stats", container).out
            self.assertTrue(line.startswith(f'{{"type":"stats","id":"{container}","data":{{'), line)
            told = json.loads(line)
            self.assertEqual((told["type"], told["id"]), ("stats", container))
            self.assertGreaterEqual(told["data"]["pids"]["current"], 1)
            self.assertIn("cpu", told["data"])
            self.assertIn("memory", told["data"])

    def test_update_changes_the_limits_of_a_running_container(self):
        bundle = self.bundle()
        with bundle.running() as container:
            directory = pathlib.Path(f"/sys/fs/cgroup/pids{bundle.config['linux']['cgroupsPath']}")
            self.assertEqual(bundle.warder("update", "--pids-limit", "55", container).code, 0)
            self.assertEqual((directory / "pids.max").read_text(), "55\n")
            outcome = bundle.warder("update", "--resources=-", container, stdin=json.dumps({"pids": {"limit": 66}}))
            self.assertEqual(outcome.code, 0, outcome)
            self.assertEqual((directory / "pids.max").read_text(), "66\n")
            memory = pathlib.Path(f"/sys/fs/cgroup/memory{bundle.config['linux']['cgroupsPath']}/memory.limit_in_bytes")
            self.assertEqual(bundle.warder("update", "--memory", "67108864", container).code, 0)
            self.assertEqual(memory.read_text(), "67108864\n")

    def test_annotations_of_the_config_are_in_the_state(self):
        bundle = self.bundle(args=["sleep", "600"])
        bundle.config["annotations"] = {"org.example.key": "value"}
        bundle.warder("create", "-b", bundle.directory, bundle.id)
        self.assertEqual(bundle.state_of(bundle.id)["annotations"]["org.example.key"], "value")
