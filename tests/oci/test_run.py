"""`run` in the foreground and detached, on a bare bundle: what a shell user sees."""
import os
import signal
import subprocess

from harness.bundle import ContainerTest
from harness.terminal import Terminal


class Run(ContainerTest):
    def test_gives_the_output_and_the_exit_code_of_the_program(self):
        outcome = self.bundle().run("sh", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (7, "out\n", "err\n"), outcome)

    def test_passes_standard_input(self):
        self.assertEqual(self.bundle().run("cat", stdin="typed\n").out, "typed\n")

    def test_death_by_signal_is_128_and_its_number(self):
        outcome = self.bundle().run("sh", "-c", "sh -c 'kill -USR1 $$'; exit $?")
        self.assertEqual(outcome.code, 128 + signal.SIGUSR1)

    def test_leaves_nothing_behind(self):
        bundle = self.bundle()
        self.assertEqual(bundle.run("true").code, 0)
        self.assert_nothing_left(bundle)

    def test_a_missing_program_fails_with_words_and_leaves_nothing(self):
        bundle = self.bundle()
        outcome = bundle.run("no-such-program")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertRegex(outcome.err, r'exec: \\?"no-such-program\\?": executable file not found in \$PATH')
        self.assert_nothing_left(bundle)

    def test_a_program_without_the_execute_bit_says_permission_denied(self):
        bundle = self.bundle()
        bundle.write("/etc/plain", "text\n")
        outcome = bundle.run("/etc/plain")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("permission denied", outcome.err)

    def test_detached_runs_on_after_the_command(self):
        bundle = self.bundle(args=["sleep", "600"])
        pid_file = bundle.directory / "pid"
        outcome = bundle.warder("run", "-d", "-b", bundle.directory, "--pid-file", pid_file, bundle.id)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(bundle.state_of(bundle.id)["status"], "running")
        self.assertTrue(os.path.exists(f"/proc/{int(pid_file.read_text())}"))

    def test_keep_leaves_the_stopped_container(self):
        bundle = self.bundle(args=["true"])
        self.assertEqual(bundle.warder("run", "--keep", "-b", bundle.directory, bundle.id).code, 0)
        self.assertEqual(bundle.state_of(bundle.id)["status"], "stopped")
        self.assertEqual(bundle.warder("delete", bundle.id).code, 0)

    def test_signals_to_the_foreground_command_reach_the_program(self):
        bundle = self.bundle(args=["sh", "-c", "trap 'exit 33' TERM; echo ready > /work/ready; while :; do sleep 0.05; done"])
        bundle.save()
        bundle.started.add(bundle.id)
        with subprocess.Popen([*bundle.globals(), "run", "-b", str(bundle.directory), bundle.id],
                              stdin=subprocess.DEVNULL) as child:
            self.wait_for(lambda: (bundle.rootfs / "work/ready").exists())
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(20), 33)

    def test_a_terminal_is_given_in_the_foreground(self):
        bundle = self.bundle(args=["sh"], terminal=True, env=["PATH=/bin", "PS1=ready:", "TERM=dumb"])
        bundle.save()
        bundle.started.add(bundle.id)
        with Terminal([*bundle.globals(), "run", "-b", str(bundle.directory), bundle.id], rows=31, columns=97) as terminal:
            terminal.expect("ready:")
            terminal.type("stty size; tty; echo sum $((4+5))\n")
            terminal.expect("31 97")
            terminal.expect("sum 9")
            terminal.type("exit 4\n")
            self.assertEqual(terminal.wait(), 4)
