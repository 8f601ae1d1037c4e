"""-t: a real terminal, for run and for exec, with its size and its signals."""
from harness.bundle import CGROUP
from harness.podman import IMAGE, PodmanTest
from harness.terminal import Terminal


class Interactive(PodmanTest):
    def terminal(self, *args, **kwargs):
        made = Terminal(self.podman.command(*args), env=self.podman.environment, **kwargs)
        self.enterContext(made)
        return made

    def run_shell(self, **kwargs):
        terminal = self.terminal("run", "--rm", "-it", "--name", self.name(), "--network", "none", "--cgroup-parent", CGROUP,
                                 "-e", "PS1=ready:", IMAGE, "sh", **kwargs)
        terminal.expect("ready:")
        return terminal

    def converse(self, terminal):
        """What holds for every shell on a terminal, in run and in exec alike."""
        terminal.type("test -t 0 && test -t 1 && test -t 2 && echo all $((2+1))\n")
        terminal.expect("all 3")
        terminal.type("tty; echo on $?\n")
        terminal.expect(r"/dev/(console|pts/\d+)")
        terminal.expect("on 0")
        terminal.type("echo to-tty-$((3+4)) > /dev/tty\n")
        terminal.expect("to-tty-7")
        terminal.type("stty size; echo shown\n")
        terminal.expect("33 101")
        terminal.size(44, 111)
        terminal.type("sleep 0.3; stty size; echo shown $((1+1))\n")
        terminal.expect("44 111")
        terminal.type("sh -c 'echo asleep $((2+2)); exec sleep 100'\n")
        terminal.expect("asleep 4")
        terminal.type("\x03")
        terminal.expect("ready:")
        terminal.type("exit 5\n")
        self.assertEqual(terminal.wait(), 5)

    def test_run_it_gives_a_terminal_that_follows_its_size(self):
        self.converse(self.run_shell(rows=33, columns=101))

    def test_exec_it_gives_a_terminal_that_follows_its_size(self):
        container = self.start()
        terminal = self.terminal("exec", "-it", "-e", "PS1=ready:", container, "sh", rows=33, columns=101)
        terminal.expect("ready:")
        self.converse(terminal)

    def test_job_control_works(self):
        terminal = self.run_shell()
        terminal.type("sh -c 'echo asleep $((2+2)); exec sleep 100'\n")
        terminal.expect("asleep 4")
        terminal.type("\x1a")
        terminal.expect("Stopped")
        terminal.type("jobs\n")
        terminal.expect(r"\[1\]\+\s+Stopped")

    def test_a_terminal_without_stdin_still_is_one(self):
        outcome = self.podman.run("-t", IMAGE, "sh", "-c", "test -t 1 && echo terminal")
        self.assertEqual(self.ok(outcome), "terminal")

    def test_detached_with_a_terminal_logs_its_output(self):
        name = self.name()
        self.ok(self.podman("run", "-dt", "--name", name, "--network", "none", "--cgroup-parent", CGROUP, IMAGE, "sh", "-c",
                            "test -t 0 && echo detached terminal; sleep 100"))
        self.wait_for(lambda: "detached terminal" in self.podman("logs", name).out, what="the line in the log")
