"""Descriptors that cross the line: the console socket, preserved fds, and nothing else."""
import array
import os
import socket
import struct

from harness.bundle import ContainerTest, run_command


def receive_fd(listener, seconds=20):
    """Takes one connection and one descriptor from it, as conmon does."""
    listener.settimeout(seconds)
    peer, _ = listener.accept()
    with peer:
        _, ancillary, _, _ = peer.recvmsg(4096, socket.CMSG_LEN(struct.calcsize("i")))
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
    return fds[0]


class ConsoleSocket(ContainerTest):
    def listener(self, bundle):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(made.close)
        made.bind(str(bundle.directory / "c.sock"))
        made.listen(1)
        return made

    def read_until(self, fd, words):
        seen = b""
        while words not in seen:
            seen += os.read(fd, 4096)
        return seen

    def test_create_sends_the_master_of_a_terminal_before_it_ends(self):
        bundle = self.bundle(args=["sh", "-c", "stty size; echo on $(tty)"], terminal=True,
                             consoleSize={"height": 21, "width": 87})
        listener = self.listener(bundle)
        outcome = bundle.warder("create", "-b", bundle.directory, "--console-socket", bundle.directory / "c.sock", bundle.id)
        self.assertEqual(outcome.code, 0, outcome)
        master = receive_fd(listener)
        self.assertTrue(os.isatty(master))
        bundle.warder("start", bundle.id)
        self.assertIn(b"21 87", self.read_until(master, b"on /dev/"))
        os.close(master)

    def test_exec_sends_one_too(self):
        bundle = self.bundle()
        listener = self.listener(bundle)
        with bundle.running() as container:
            outcome = bundle.exec(container, "sh", "-c", "test -t 0 && echo terminal $((1+1))",
                                  options=("-t", "-d", "--console-socket", bundle.directory / "c.sock"))
            self.assertEqual(outcome.code, 0, outcome)
            master = receive_fd(listener)
            self.assertIn(b"terminal 2", self.read_until(master, b"2"))
            os.close(master)

    def test_a_terminal_without_a_socket_is_refused(self):
        bundle = self.bundle(args=["true"], terminal=True)
        outcome = bundle.warder("create", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.code, 1)
        self.assertIn("console", outcome.err)
        self.assert_nothing_left(bundle)


class Inheritance(ContainerTest):
    """Links of /proc/self/fd as the workload sees them, started by a parent with many open descriptors."""

    def links(self, bundle, *options):
        bundle.save()
        opened = [os.open("/", os.O_PATH) for _ in range(20)] + [os.open("/etc/passwd", os.O_RDONLY)]
        pipe = os.pipe()
        # 3 and 4 are the preserved ones; all the others are what a careless parent leaks.
        os.dup2(pipe[0], 903)
        script = "exec 3<&903 4</etc/passwd 903<&-; exec \"$@\""
        command = [*bundle.globals(), "run", "-b", str(bundle.directory), *options, bundle.id]
        bundle.started.add(bundle.id)
        outcome = run_command(["bash", "-c", script, "bash", *command], pass_fds=(*opened, 903))
        for fd in (*opened, *pipe, 903):
            os.close(fd)
        self.assertEqual(outcome.code, 0, outcome)
        return {int(line.split(" -> ")[0].split()[-1]): line.split(" -> ")[1] for line in outcome.out.splitlines()
                if " -> " in line and "/fd" not in line.split(" -> ")[1]}

    def test_nothing_but_stdio_reaches_the_workload(self):
        self.assertEqual(sorted(self.links(self.bundle(args=["ls", "-l", "/proc/self/fd"]))), [0, 1, 2])

    def test_preserved_descriptors_and_only_those_reach_it(self):
        links = self.links(self.bundle(args=["ls", "-l", "/proc/self/fd"]), "--preserve-fds", "1")
        self.assertEqual(sorted(links), [0, 1, 2, 3])
        self.assertTrue(links[3].startswith("pipe:"), links)

    def test_the_environment_is_what_config_says(self):
        bundle = self.bundle(args=["env"], env=["PATH=/bin", "A=b"])
        outcome = bundle.warder("run", "-b", bundle.directory, bundle.id,
                                env={**os.environ, "NOTIFY_SOCKET_X": "1", "LISTEN_FDNAMES": "x", "_OCI_SYNCPIPE": "9"})
        self.assertEqual(sorted(line for line in outcome.out.splitlines() if not line.startswith("HOME=")),
                         ["A=b", "PATH=/bin"], outcome)
