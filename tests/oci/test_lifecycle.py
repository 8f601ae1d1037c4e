"""create, start, state, kill, delete: what an engine reads at each step, and which names are taken."""
import ctypes
import os
import subprocess
import time

from harness.bundle import ContainerTest


PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """As conmon and containerd's shim are: the orphaned init of the container becomes a child of this process."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER)")


class Lifecycle(ContainerTest):
    def create(self, bundle, *options):
        outcome = bundle.warder("create", "-b", bundle.directory, *options, bundle.id)
        self.assertEqual(outcome.code, 0, outcome)

    def test_create_start_kill_delete_with_the_states_between(self):
        bundle = self.bundle(args=["sleep", "600"])
        pid_file = bundle.directory / "pid"
        self.create(bundle, "--pid-file", pid_file)
        state = bundle.state_of(bundle.id)
        self.assertEqual((state["id"], state["status"], state["bundle"]), (bundle.id, "created", str(bundle.directory)))
        self.assertEqual(state["pid"], int(pid_file.read_text()))
        self.assertRegex(state["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertRegex(state["ociVersion"], r"^1\.")
        self.assertEqual(bundle.warder("start", bundle.id).code, 0)
        self.assertEqual(bundle.state_of(bundle.id)["status"], "running")
        self.assertEqual(bundle.warder("kill", bundle.id, "KILL").code, 0)
        self.wait_for(lambda: bundle.state_of(bundle.id)["status"] == "stopped")
        self.assertEqual(bundle.state_of(bundle.id)["pid"], 0)
        self.assertEqual(bundle.warder("delete", bundle.id).code, 0)
        self.assertNotEqual(bundle.warder("state", bundle.id).code, 0)
        self.assert_nothing_left(bundle)

    def test_a_container_in_the_foreground_can_be_deleted_by_somebody_else(self):
        bundle = self.bundle(args=["sleep", "600"])
        bundle.save()
        with subprocess.Popen([*bundle.globals(), "run", "-b", str(bundle.directory), bundle.id], stdin=subprocess.DEVNULL) as run:
            self.wait_for(lambda: bundle.warder("state", bundle.id).code == 0 and bundle.state_of(bundle.id)["status"] == "running")
            outcome = bundle.warder("delete", bundle.id)
            self.assertIn("still running", outcome.err)
            outcome = bundle.warder("delete", "--force", bundle.id, timeout=20)
            self.assertEqual(outcome.code, 0, outcome)
            self.assertEqual(run.wait(20), 128 + 9)
        self.assertNotEqual(bundle.warder("state", bundle.id).code, 0)
        self.assert_nothing_left(bundle)

    def test_create_runs_nothing_of_the_image_before_start(self):
        bundle = self.bundle(args=["touch", "/work/ran"])
        self.create(bundle)
        time.sleep(0.3)
        self.assertFalse((bundle.rootfs / "work/ran").exists())
        self.assertEqual(bundle.warder("start", bundle.id).code, 0)
        self.wait_for(lambda: (bundle.rootfs / "work/ran").exists())

    def test_create_finds_a_missing_program_before_start(self):
        bundle = self.bundle(args=["no-such-program"])
        outcome = bundle.warder("create", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.code, 1)
        self.assertRegex(outcome.err, r'exec: \\?"no-such-program\\?": executable file not found in \$PATH')
        self.assert_nothing_left(bundle)

    def test_the_pid_of_the_pid_file_ends_with_the_exit_code_of_the_workload(self):
        # As conmon does: a subreaper that waits for the pid of the pid file.
        become_subreaper()
        for script, expected in (("exit 19", 19), ("sh -c 'kill -9 $$'; exit $?", 137)):
            with self.subTest(script=script):
                bundle = self.bundle(args=["sh", "-c", script])
                pid_file = bundle.directory / "pid"
                self.create(bundle, "--pid-file", pid_file)
                self.assertEqual(bundle.warder("start", bundle.id).code, 0)
                _, status = os.waitpid(int(pid_file.read_text()), 0)
                self.assertEqual(os.waitstatus_to_exitcode(status), expected)

    def test_killed_from_outside_the_status_is_137(self):
        become_subreaper()
        bundle = self.bundle(args=["sleep", "600"])
        pid_file = bundle.directory / "pid"
        self.create(bundle, "--pid-file", pid_file)
        bundle.warder("start", bundle.id)
        self.assertEqual(bundle.warder("kill", bundle.id, "9").code, 0)
        _, status = os.waitpid(int(pid_file.read_text()), 0)
        self.assertIn(os.waitstatus_to_exitcode(status), (137, -9))

    def test_delete_refuses_a_running_container_unless_forced(self):
        bundle = self.bundle()
        with bundle.running("sleep", "600") as container:
            outcome = bundle.warder("delete", container)
            self.assertNotEqual(outcome.code, 0)
            self.assertRegex(outcome.err, "not stopped|still running")
            self.assertEqual(bundle.warder("delete", "--force", container).code, 0)
        self.assert_nothing_left(bundle)

    def test_delete_force_of_what_does_not_exist_succeeds(self):
        self.assertEqual(self.bundle().warder("delete", "--force", "never-was").code, 0)

    def test_delete_of_a_created_container_needs_no_force(self):
        bundle = self.bundle(args=["sleep", "600"])
        for options in ([], ["--force"]):
            self.create(bundle)
            self.assertEqual(bundle.warder("delete", *options, bundle.id).code, 0)
            self.assert_nothing_left(bundle)

    def test_a_created_container_ends_by_the_signals_that_end_a_process(self):
        bundle = self.bundle(args=["touch", "/work/ran"])
        for signal in ("TERM", "INT", "HUP", "QUIT"):
            self.create(bundle)
            self.assertEqual(bundle.warder("kill", bundle.id, signal).code, 0)
            self.wait_for(lambda: bundle.state_of(bundle.id)["status"] == "stopped")
            self.assertIn("has stopped", bundle.warder("start", bundle.id).err)
            self.assertEqual(bundle.warder("delete", bundle.id).code, 0)
        self.create(bundle)
        self.assertEqual(bundle.warder("kill", bundle.id, "USR1").code, 0)
        self.assertEqual(bundle.warder("start", bundle.id).code, 0)
        self.wait_for((bundle.rootfs / "work/ran").exists)


class Names(ContainerTest):
    def test_an_unknown_container_does_not_exist(self):
        bundle = self.bundle()
        for command in (["state", "nope"], ["start", "nope"], ["kill", "nope"], ["delete", "nope"], ["exec", "nope", "true"],
                        ["ps", "nope"], ["pause", "nope"], ["resume", "nope"]):
            outcome = bundle.warder(*command)
            self.assertNotEqual(outcome.code, 0, command)
            self.assertIn("does not exist", outcome.err, command)

    def test_a_bad_id_is_refused(self):
        bundle = self.bundle(args=["true"])
        for bad in ("", ".", "..", ".a", "a/b", "../x", "a b", "é", "a\nb"):
            outcome = bundle.warder("run", "-b", bundle.directory, bad)
            self.assertEqual(outcome.code, 1, f"{bad!r}: {outcome!r}")
            if bad:
                self.assertIn("invalid container ID format", outcome.err, repr(bad))
                self.assertEqual(bool(set(bad) & set("/ é\n")), "invalid character" in outcome.err, repr(bad))

    def test_an_id_may_be_used_once(self):
        bundle = self.bundle(args=["sleep", "600"])
        self.assertEqual(bundle.warder("run", "-d", "-b", bundle.directory, bundle.id).code, 0)
        outcome = bundle.warder("run", "-d", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.code, 1)
        self.assertIn("container with given ID already exists", outcome.err)
        self.assertEqual(bundle.state_of(bundle.id)["status"], "running")
