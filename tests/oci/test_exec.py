"""`exec`: sessions in a running container."""
import json
import pathlib

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
