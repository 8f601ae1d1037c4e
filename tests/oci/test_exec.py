"""`exec`: sessions in a running container."""
import json
import os
import pathlib
import subprocess

from harness.bundle import ContainerTest


class Exec(ContainerTest):
    def test_gives_output_and_exit_code(self):
        bundle = self.bundle()
        with bundle.running() as container:
            outcome = bundle.exec(container, "sh", "-c", "echo out; echo err >&2; exit 5")
            self.assertEqual((outcome.code, outcome.out, outcome.err), (5, "out\n", "err\n"))

    def test_reads_standard_input(self):
        bundle = self.bundle()
        with bundle.running() as container:
            self.assertEqual(bundle.exec(container, "cat", stdin="in\n").out, "in\n")

    def test_takes_user_directory_and_environment(self):
        bundle = self.bundle()
        with bundle.running() as container:
            outcome = bundle.exec(container, "sh", "-c", "id -u; id -g; pwd; echo $A",
                                  options=("-u", "1000:2000", "--cwd", "/tmp", "-e", "A=b"))
            self.assertEqual(outcome.out, "1000\n2000\n/tmp\nb\n", outcome)

    def test_user_ids_are_exact_or_refused(self):
        bundle = self.bundle()
        with bundle.running() as container:
            self.assertEqual(bundle.exec(container, "id", "-u", options=("-u", "1")).out, "1\n")
            for bad in ("1x", "-1", "4294967296", "4294967295", "+1", "", "1:", ":2", "root"):
                outcome = bundle.exec(container, "id", "-u", options=("-u", bad))
                self.assertNotEqual(outcome.code, 0, f"{bad!r}: {outcome!r}")
                self.assertEqual(outcome.out, "")

    def test_a_process_file_decides_everything(self):
        bundle = self.bundle()
        process = {"args": ["sh", "-c", "id -u; pwd; echo $X"], "cwd": "/tmp", "env": ["PATH=/bin", "X=y"],
                   "user": {"uid": 5, "gid": 6}}
        file = bundle.directory / "process.json"
        file.write_text(json.dumps(process))
        with bundle.running() as container:
            outcome = bundle.warder("exec", "--process", file, container)
            self.assertEqual((outcome.code, outcome.out), (0, "5\n/tmp\ny\n"), outcome)

    def test_detached_writes_a_pid_file(self):
        bundle = self.bundle()
        pid_file = bundle.directory / "exec.pid"
        with bundle.running() as container:
            outcome = bundle.exec(container, "sleep", "300", options=("-d", "--pid-file", pid_file))
            self.assertEqual(outcome.code, 0, outcome)
            pid = int(pid_file.read_text())
            self.assertIn(b"sleep\x00300", pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())

    def test_a_missing_program_is_255_with_words_and_no_pid_file(self):
        bundle = self.bundle()
        pid_file = bundle.directory / "exec.pid"
        with bundle.running() as container:
            outcome = bundle.exec(container, "no-such-program", options=("-d", "--pid-file", pid_file))
            self.assertNotEqual(outcome.code, 0)
            self.assertIn("executable file not found in $PATH", outcome.err)
            self.assertFalse(pid_file.exists())

    def test_an_added_capability_is_not_inheritable(self):
        bundle = self.bundle()
        with bundle.running() as container:
            out = bundle.exec(container, "grep", "^Cap", "/proc/self/status", options=("--cap", "CAP_NET_ADMIN")).out
            sets = dict(line.split(":\t") for line in out.splitlines())
            self.assertTrue(int(sets["CapEff"], 16) >> 12 & 1)
            self.assertEqual((int(sets["CapInh"], 16), int(sets["CapAmb"], 16)), (0, 0))

    def test_a_capability_that_nobody_knows_is_none(self):
        bundle = self.bundle()
        with bundle.running() as container:
            sets = [bundle.exec(container, "grep", "^Cap", "/proc/self/status", options=options)
                    for options in ((), ("--cap", "CAP_NO_SUCH"))]
            self.assertEqual((sets[1].code, sets[1].out), (0, sets[0].out), sets[1])
            told = bundle.warder("--log-level", "warning", "exec", "--cap", "CAP_NO_SUCH", container, "true")
            self.assertIn("CAP_NO_SUCH", told.err)

    def test_the_session_is_scheduled_as_the_container(self):
        bundle = self.bundle()
        bundle.config["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
        bundle.config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
        pid_file = bundle.directory / "exec.pid"

        def started(*options):
            outcome = bundle.warder("exec", "-d", "--pid-file", pid_file, *options)
            self.assertEqual(outcome.code, 0, outcome)
            pid = int(pid_file.read_text())
            return pid, os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK

        with bundle.running() as container:
            pid, policy = started(container, "sleep", "300")
            self.assertEqual((policy, os.getpriority(os.PRIO_PROCESS, pid)), (os.SCHED_BATCH, 5))
            self.assertIn("prio 6", subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True).stdout)
            process = bundle.directory / "process.json"
            for scheduler, wanted in (({"policy": "SCHED_IDLE"}, os.SCHED_IDLE),
                                      ({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, os.SCHED_OTHER),
                                      ({"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 42000,
                                        "deadline": 100000, "period": 1000000}, 6)):
                process.write_text(json.dumps({"args": ["/bin/sleep", "300"], "cwd": "/", "scheduler": scheduler}))
                self.assertEqual(started("--process", process, container)[1], wanted, scheduler)
            process.write_text(json.dumps({"args": ["/bin/sleep", "300"], "cwd": "/", "scheduler":
                                           {"policy": "SCHED_DEADLINE", "runtime": 200000, "deadline": 100000, "period": 1000000}}))
            refused = bundle.warder("exec", "--process", process, container)
            self.assertEqual(refused.code, 255)
            self.assertIn("sched_setattr", refused.err)

    def test_the_session_belongs_to_the_cgroup_of_the_container(self):
        bundle = self.bundle()
        with bundle.running() as container:
            inside = bundle.exec(container, "cat", "/proc/1/cgroup").out
            self.assertEqual(bundle.exec(container, "cat", "/proc/self/cgroup").out, inside)

    def test_a_stopped_container_is_refused(self):
        bundle = self.bundle(args=["true"])
        bundle.warder("run", "--keep", "-b", bundle.directory, bundle.id)
        outcome = bundle.exec(bundle.id, "true")
        self.assertNotEqual(outcome.code, 0)
        self.assertRegex(outcome.err, "not running|stopped container")
