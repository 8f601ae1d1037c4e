"""Those who stand beside a container and talk to it: a seccomp notification agent, a service manager, a pidfd's receiver."""
import array
import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import threading

from harness.bundle import ContainerTest

NOTIF_RECV, NOTIF_SEND, CONTINUE = 0xC0502100, 0xC0182101, 1


def receive_fd(connection):
    """The text of one message and the descriptor that came with it."""
    text, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(64))
    fds = array.array("i")
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return text, list(fds)


class Agent:
    """Listens like a seccomp agent: mkdir answers `error`, everything else is let through."""

    def __init__(self, path, refused=(83,), error=errno.ENOMEDIUM):
        self.path, self.refused, self.error, self.states = str(path), refused, error, []
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(self.path)
        self.server.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                with self.server.accept()[0] as connection:
                    text, fds = receive_fd(connection)
                self.states.append(json.loads(text))
                threading.Thread(target=self.answer, args=(fds[0],), daemon=True).start()

    def answer(self, listener):
        with contextlib.suppress(OSError):
            while True:
                request = bytearray(80)
                fcntl.ioctl(listener, NOTIF_RECV, request)
                identity, _, _, number = struct.unpack_from("=QIIi", request)
                refused = number in self.refused
                response = struct.pack("=QqiI", identity, 0, -self.error if refused else 0, 0 if refused else CONTINUE)
                fcntl.ioctl(listener, NOTIF_SEND, bytearray(response))

    def close(self):
        self.server.close()


class SeccompAgent(ContainerTest):
    def notifying(self, names, path, **changes):
        bundle = self.bundle(**changes)
        bundle.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "listenerPath": str(path or bundle.directory / "agent.sock"), "listenerMetadata": "whose",
            "syscalls": [{"names": list(names), "action": "SCMP_ACT_NOTIFY"}]}
        return bundle

    def agent(self, bundle, **options):
        made = Agent(bundle.directory / "agent.sock", **options)
        self.addCleanup(made.close)
        return made

    def test_the_agent_answers_with_and_without_new_privileges(self):
        for no_new_privileges in (False, True):
            with self.subTest(no_new_privileges):
                bundle = self.notifying(["mkdir"], None)
                agent = self.agent(bundle)
                outcome = bundle.run("sh", "-c", "mkdir /work/a; touch /work/b && echo still", noNewPrivileges=no_new_privileges)
                self.assertEqual(outcome.out, "still\n", outcome)
                self.assertIn("No medium found", outcome.err)
                self.assertFalse((bundle.rootfs / "work/a").exists())
                state = agent.states[0]
                self.assertEqual((state["fds"], state["metadata"], state["state"]["status"]), (["seccompFd"], "whose", "creating"))
                self.assertGreater(state["pid"], 0)

    def test_exec_has_a_listener_of_its_own(self):
        bundle = self.notifying(["mkdir"], None)
        agent = self.agent(bundle)
        with bundle.running() as container:
            self.assertIn("No medium found", bundle.exec(container, "mkdir", "/work/x").err)
        self.assertEqual(len(agent.states), 2)

    def test_an_agent_may_answer_what_starting_needs(self):
        bundle = self.notifying(["execve", "openat", "open", "read", "close"], None)
        self.agent(bundle, refused=())
        self.assertEqual(bundle.run("echo", "started").out, "started\n")

    def test_an_agent_that_is_gone_means_enosys(self):
        bundle = self.notifying(["mkdir"], None)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        receiver.bind(str(bundle.directory / "agent.sock"))
        receiver.listen()

        def take_and_drop():
            with receiver.accept()[0] as connection:
                for fd in receive_fd(connection)[1]:
                    os.close(fd)

        thread = threading.Thread(target=take_and_drop)
        thread.start()
        outcome = bundle.run("mkdir", "/work/x")
        thread.join()
        receiver.close()
        self.assertIn("Function not implemented", outcome.err)

    def test_without_an_agent_nothing_starts(self):
        bundle = self.notifying(["mkdir"], "/nobody/listens.sock")
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("failed to connect with seccomp agent", outcome.err)
        self.assert_nothing_left(bundle)

    def test_a_profile_that_needs_the_listener_says_so(self):
        bundle = self.notifying(["mkdir"], None, profile='warder: 1\npaths:\n  "/**": rwx\n  "/work/*.key": none\n')
        agent = self.agent(bundle)
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("SCMP_ACT_NOTIFY", outcome.err)
        self.assertEqual(agent.states, [])

    def test_a_hook_in_the_container_gets_no_descriptor_of_it(self):
        bundle = self.notifying(["mkdir"], None)
        self.agent(bundle)
        script = "test $(ls /proc/self/fd | wc -l) -eq 4"
        bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin"]}]}
        self.assertEqual(bundle.run("true").code, 0)


class ServiceManager(ContainerTest):
    """NOTIFY_SOCKET."""

    def manager(self, bundle):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.bind(str(bundle.directory / "manager.sock"))
        made.settimeout(20)
        self.addCleanup(made.close)
        return made, {**os.environ, "NOTIFY_SOCKET": str(bundle.directory / "manager.sock")}

    def notifying(self, *lines):
        return self.bundle(args=["sh", "-c", "echo $NOTIFY_SOCKET > /work/where; sleep 600"]), lines

    def send_from_inside(self, bundle, lines):
        """To the socket as the workload sees it: busybox has no program for UNIX datagrams, so that a root of the container's is
        what we go through."""
        self.wait_for(lambda: (bundle.rootfs / "work/where").exists() and (bundle.rootfs / "work/where").read_text().strip())
        where = (bundle.rootfs / "work/where").read_text().strip()
        pid = bundle.state_of(bundle.id)["pid"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            root = os.open(f"/proc/{pid}/root", os.O_PATH)
            try:
                sender.connect(f"/proc/self/fd/{root}{where}")
                sender.send("\n".join(lines).encode())
            finally:
                os.close(root)
        return where

    def test_run_passes_readiness_on_and_nothing_dangerous(self):
        bundle, lines = self.notifying("STATUS=half way", "MAINPID=1", "FDSTORE=1", "READY=1")
        manager, env = self.manager(bundle)
        bundle.save()
        bundle.started.add(bundle.id)
        with subprocess.Popen([*bundle.globals(), "run", "-b", str(bundle.directory), bundle.id], env=env,
                              stdin=subprocess.DEVNULL) as child:
            where = self.send_from_inside(bundle, lines)
            self.assertEqual(where, env["NOTIFY_SOCKET"] + "/notify")
            self.assertEqual(manager.recv(4096), b"STATUS=half way\nREADY=1")
            self.assertEqual(manager.recv(4096), f"MAINPID={bundle.state_of(bundle.id)['pid']}".encode())
            bundle.warder("kill", bundle.id, "KILL")
            self.assertEqual(child.wait(20), 128 + signal.SIGKILL)

    def test_start_waits_for_readiness(self):
        bundle, lines = self.notifying("READY=1")
        manager, env = self.manager(bundle)
        self.assertEqual(bundle.warder("create", "-b", bundle.directory, bundle.id, env=env).code, 0)
        with subprocess.Popen([*bundle.globals(), "start", bundle.id], env=env, stdin=subprocess.DEVNULL) as start:
            self.wait_for(lambda: (bundle.rootfs / "work/where").exists())
            self.assertIsNone(start.poll())
            self.assertEqual(bundle.exec(bundle.id, "true").code, 0, "others may work with the container meanwhile")
            self.send_from_inside(bundle, lines)
            self.assertEqual(start.wait(20), 0)
        self.assertEqual(manager.recv(4096), b"READY=1")

    def test_a_workload_that_ends_unready_does_not_hang_its_start(self):
        bundle = self.bundle(args=["true"])
        _, env = self.manager(bundle)
        self.assertEqual(bundle.warder("run", "-d", "-b", bundle.directory, bundle.id, env=env, timeout=20).code, 0)

    def test_the_managers_own_socket_stays_outside(self):
        bundle = self.bundle(args=["sh", "-c", "ls ${NOTIFY_SOCKET%/*} ${NOTIFY_SOCKET%/*}/..; touch ${NOTIFY_SOCKET%/*}/x 2>&1"])
        _, env = self.manager(bundle)
        outcome = bundle.warder("run", "-b", bundle.directory, bundle.id, env=env)
        self.assertEqual(outcome.out.count("notify\n"), 1, outcome)
        self.assertNotIn("profiles", outcome.out)
        self.assertIn("Read-only file system", outcome.out)
        self.assertEqual(bundle.run("env").out.count("NOTIFY_SOCKET"), 0)

    def test_an_annotation_wants_none(self):
        bundle = self.bundle(args=["env"])
        bundle.config["annotations"] = {"io.warder.sd-notify": "ignore"}
        _, env = self.manager(bundle)
        self.assertNotIn("NOTIFY_SOCKET", bundle.warder("run", "-b", bundle.directory, bundle.id, env=env).out)


class PidfdReceiver(ContainerTest):
    def receiver(self, bundle):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(str(bundle.directory / "pidfd.sock"))
        made.listen()
        made.settimeout(20)
        self.addCleanup(made.close)
        return made

    def kill_by_pidfd(self, receiver):
        with receiver.accept()[0] as connection:
            _, fds = receive_fd(connection)
        signal.pidfd_send_signal(fds[0], signal.SIGKILL)
        os.close(fds[0])

    def test_a_pidfd_of_the_container_ends_it(self):
        for how in ("option", "annotation"):
            with self.subTest(how):
                bundle = self.bundle(args=["sleep", "600"])
                receiver = self.receiver(bundle)
                options = ["--pidfd-socket", bundle.directory / "pidfd.sock"] if how == "option" else []
                if how == "annotation":
                    bundle.config["annotations"] = {"run.oci.pidfd_receiver": str(bundle.directory / "pidfd.sock")}
                outcome = bundle.warder("run", "-d", "-b", bundle.directory, *options, bundle.id)
                self.assertEqual(outcome.code, 0, outcome)
                self.kill_by_pidfd(receiver)
                self.wait_for(lambda: bundle.state_of(bundle.id)["status"] == "stopped")

    def test_a_pidfd_of_a_session_ends_that_alone(self):
        bundle = self.bundle()
        receiver = self.receiver(bundle)
        with bundle.running() as container:
            outcome = bundle.exec(container, "sleep", "600",
                                  options=["-d", "--pidfd-socket", str(bundle.directory / "pidfd.sock")])
            self.assertEqual(outcome.code, 0, outcome)
            self.kill_by_pidfd(receiver)
            self.wait_for(lambda: len(json.loads(bundle.warder("ps", "-f", "json", container).out)) == 1)
            self.assertEqual(bundle.state_of(container)["status"], "running")

    def test_nobody_there_is_an_error_and_leaves_nothing(self):
        bundle = self.bundle(args=["true"])
        outcome = bundle.warder("create", "-b", bundle.directory, "--pidfd-socket", "/nobody.sock", bundle.id)
        self.assertEqual(outcome.code, 1)
        self.assertIn("--pidfd-socket", outcome.err)
        self.assert_nothing_left(bundle)
