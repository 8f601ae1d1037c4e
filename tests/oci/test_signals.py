"""`kill`: spellings, the semantics of an init, and who gets the signal."""
import time

from harness.bundle import ContainerTest


class Signals(ContainerTest):
    def test_kill_takes_every_spelling_of_a_signal(self):
        bundle = self.bundle()
        script = "trap 'echo got >> /work/got' USR1; echo ready > /work/ready; while :; do sleep 0.05; done"
        with bundle.running("sh", "-c", script) as container:
            self.wait_for(lambda: (bundle.rootfs / "work/ready").exists())
            got = bundle.rootfs / "work/got"
            for count, spelling in enumerate(("USR1", "SIGUSR1", "usr1", "10"), 1):
                outcome = bundle.warder("kill", container, spelling)
                self.assertEqual(outcome.code, 0, f"{spelling}: {outcome!r}")
                self.wait_for(lambda: got.exists() and len(got.read_text().split()) == count)

    def test_kill_without_a_signal_is_term(self):
        bundle = self.bundle()
        with bundle.running("sh", "-c", "trap 'exit 0' TERM; echo > /work/ready; while :; do sleep 0.05; done") as container:
            self.wait_for(lambda: (bundle.rootfs / "work/ready").exists())
            self.assertEqual(bundle.warder("kill", container).code, 0)
            self.wait_for(lambda: bundle.state_of(container)["status"] == "stopped")

    def test_a_sleep_ignores_term_as_pid_1_does_under_runc(self):
        bundle = self.bundle()
        with bundle.running("sleep", "600") as container:
            self.assertEqual(bundle.warder("kill", container, "TERM").code, 0)
            time.sleep(0.3)
            self.assertEqual(bundle.state_of(container)["status"], "running")

    def test_an_unknown_signal_is_refused(self):
        bundle = self.bundle()
        with bundle.running("sleep", "600") as container:
            for bad in ("NOSUCH", "0x9", "-1", "999"):
                self.assertNotEqual(bundle.warder("kill", container, bad).code, 0, bad)
            self.assertEqual(bundle.state_of(container)["status"], "running")

    def test_kill_of_a_stopped_container_says_not_running(self):
        bundle = self.bundle(args=["true"])
        bundle.warder("run", "--keep", "-b", bundle.directory, bundle.id)
        outcome = bundle.warder("kill", bundle.id, "TERM")
        self.assertNotEqual(outcome.code, 0)
        self.assertIn("container not running", outcome.err)

    def test_kill_all_reaches_every_process(self):
        bundle = self.bundle()
        with bundle.running("sh", "-c", "sleep 601 & sleep 602 & wait") as container:
            self.assertEqual(bundle.warder("kill", "--all", container, "KILL").code, 0)
            self.wait_for(lambda: bundle.state_of(container)["status"] == "stopped")
