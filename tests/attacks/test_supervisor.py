"""Law 7: the workload cannot see, signal, trace, starve or write PID 1; and when PID 1 dies, everything dies with it."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import DEFAULT_CAPABILITIES, WARDER, ContainerTest, busy, needs_guest  # noqa: E402

PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n  "/nowhere/*.x": hide\n'
TRACER = [*DEFAULT_CAPABILITIES, "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_RESOURCE", "CAP_SYS_NICE"]


class Reach(ContainerTest):
    def strong(self):
        bundle = self.bundle(hostname="reach", profile=PROFILE)
        bundle.config["process"]["capabilities"] = {name: list(TRACER) for name in ("bounding", "effective", "permitted")}
        return bundle

    def check(self, out, processes=None):
        lines = out.lines()
        self.assertEqual(lines[-1:], ["end"], out)
        self.assertEqual([line for line in lines if line.startswith("reached")], [])
        self.assertIn("still answered: open OK, stat OK", lines)
        self.assertIn("still refused: open EACCES", lines)
        if processes is not None:
            self.assertIn(f"processes {processes}", lines)
            self.assertIn("parent 0", lines)

    def test_the_workload_cannot_reach_it(self):
        self.check(self.strong().run(needs_guest("reach")), processes=1)

    def test_a_child_of_the_workload_cannot_reach_it(self):
        self.check(self.strong().run("sh", "-c", "/guests/reach; true"))

    def test_an_exec_session_cannot_reach_it(self):
        bundle = self.strong()
        with bundle.running() as container:
            self.check(bundle.exec(container, needs_guest("reach")))
            self.assertEqual(json.loads(bundle.warder("state", container).out)["status"], "running")

    def test_no_socket_tells_a_pidfd_of_it(self):
        """Whoever asks the other end of a UNIX socket for a pidfd of who connected, listened or sent (SO_PEERPIDFD, SO_PASSPIDFD)."""
        for profile in (PROFILE + 'network:\n  connect: ["unix /work/**"]\n  bind: ["unix /work/**"]\n', "warder: 1\nlive: true\n", None):
            bundle = self.bundle(hostname="reach", profile=profile)
            bundle.config["process"]["capabilities"] = {name: list(TRACER) for name in ("bounding", "effective", "permitted")}
            outs = [bundle.run(needs_guest("peer"), "/work/s")]
            with bundle.running() as container:
                outs.append(bundle.exec(container, needs_guest("peer"), "/work/s"))
            for out in outs:
                self.assertEqual(out.lines(), ["pass: ENOPROTOOPT", "server: ENOPROTOOPT", "client: ENOPROTOOPT", "pass: ENOPROTOOPT", "end"], out)
        native = bundle.native(needs_guest("peer"), "/work/s").out
        if "server: OK" in native:  # Linux 6.5
            self.assertIn("datagram: of a process in here", native)

    def test_the_workload_sees_itself_as_pid_1(self):
        out = self.strong().run("sh", "-c", "echo $$; cat /proc/1/comm; ls -d /proc/[0-9]* | wc -l")
        self.assertEqual(out.lines()[:2], ["1", "sh"], out)

    def test_the_binary_is_out_of_reach(self):
        before = pathlib.Path(WARDER).with_name("warder-init").read_bytes()
        bundle = self.strong()
        out = bundle.run("sh", "-c", "for p in /proc/[0-9]*/exe; do echo x >> $p; done 2>/dev/null; find / -xdev -name 'warder*' 2>/dev/null")
        self.assertNotIn("/warder", out.out.replace("/proc/", ""))
        self.assertEqual(pathlib.Path(WARDER).with_name("warder-init").read_bytes(), before)

    def test_its_mounts_are_not_in_the_containers_table(self):
        out = self.strong().run("cat", "/proc/self/mountinfo")
        self.assertNotIn("warder-init", out.out)
        self.assertEqual(out.out.count(" - proc proc"), len([x for x in out.lines() if " /proc" in x and " - proc proc" in x]))


class Host(ContainerTest):
    """PID 1 as the host sees it."""

    time_limit = 180

    def status(self, pid):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in text.splitlines()}

    def pid_1(self, bundle):
        return int((bundle.directory / "pid").read_text())

    def test_it_is_confined_itself(self):
        bundle = self.bundle(hostname="host", profile=PROFILE)
        with bundle.running():
            pid = self.pid_1(bundle)
            status = self.status(pid)
            self.assertEqual(status["NSpid"].split()[-1], "1")
            self.assertEqual(status["Seccomp"], "2")
            self.assertEqual(status["NoNewPrivs"], "1")
            kept = int(status["CapEff"], 16)
            for name, bit in (("SYS_MODULE", 16), ("SYS_RAWIO", 17), ("SYS_BOOT", 22), ("NET_ADMIN", 12), ("MAC_ADMIN", 33)):
                self.assertFalse(kept >> bit & 1, f"PID 1 keeps CAP_{name}")
            self.assertEqual(pathlib.Path(f"/proc/{pid}/exe").read_bytes(), pathlib.Path(WARDER).with_name("warder-init").read_bytes())

    def test_it_holds_nothing_of_the_host(self):
        bundle = self.bundle(hostname="host", profile=PROFILE)
        with bundle.running():
            pid = self.pid_1(bundle)
            links = {}
            for number in os.listdir(f"/proc/{pid}/fd"):
                links[number] = os.readlink(f"/proc/{pid}/fd/{number}")
            for number, link in links.items():
                if int(number) <= 2:
                    continue
                self.assertFalse(link.startswith(("/etc", "/home", "/root", "/work/main")), links)

    def test_its_descriptors_and_threads_stay_bounded(self):
        """A worker keeps what it opened of its last callers; nothing grows with the number of calls."""
        bundle = self.bundle(hostname="host", profile=PROFILE)
        with bundle.running() as container:
            pid = self.pid_1(bundle)
            counts = []
            for _ in range(4):
                for storm in ("killed", "sigkill", "descriptors", "unmap"):
                    bundle.exec(container, needs_guest("storm"), storm, 200)
                time.sleep(0.3)
                counts.append(len(os.listdir(f"/proc/{pid}/fd")))
            workers = len(os.listdir(f"/proc/{pid}/task"))
            self.assertLess(workers, 64)
            # Sixteen callers by up to four descriptors each, whatever was asked how often.
            self.assertLess(max(counts), 64 + 72 * workers, counts)
            # And nothing of them stays when nobody has called for some seconds.
            self.wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) < 64)

    def container_processes(self, pid):
        """Every process whose pid namespace is the container's, seen from the host."""
        found = []
        workload = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        inner = os.readlink(f"/proc/{workload}/ns/pid")
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    if os.readlink(f"/proc/{name}/ns/pid") == inner:
                        found.append(int(name))
                except OSError:
                    pass
        return found

    def test_killed_from_the_host_everything_is_gone_and_nothing_succeeds(self):
        for _ in range(5):
            bundle = self.bundle(hostname="host", profile=PROFILE)
            with bundle.running(needs_guest("pulse"), "/work/pulse-file"):
                pid = self.pid_1(bundle)
                notes = bundle.rootfs / "work/pulse-file"
                self.wait_for(lambda: notes.exists() and any(notes.read_bytes()[:8]))
                time.sleep(0.2)
                processes = self.container_processes(pid)
                self.assertGreaterEqual(len(processes), 4)
                os.kill(pid, signal.SIGKILL)
                killed = time.monotonic()
                # Dying takes the processor's time as well: a second on a machine that is not overloaded.
                limit = max(1.0, os.getloadavg()[0] / os.cpu_count())
                while any(os.path.exists(f"/proc/{p}") and self.alive(p) for p in processes):
                    self.assertLess(time.monotonic() - killed, limit, "something of the container lives on")
                    time.sleep(0.002)
                success, _, secrets = struct.unpack("<3Q", notes.read_bytes()[:24])
                self.assertEqual(secrets, 0)
                self.assertLess(success / 1e6, killed + 0.05 * busy(), "a trapped call succeeded after the death of PID 1")

    def alive(self, pid):
        try:
            return self.status(pid)["State"][0] not in "ZX"
        except (OSError, KeyError):
            return False

    def test_stopped_it_answers_nothing_and_nothing_passes(self):
        bundle = self.bundle(hostname="host", profile=PROFILE)
        with bundle.running(needs_guest("pulse"), "/work/pulse-file"):
            pid = self.pid_1(bundle)
            notes = bundle.rootfs / "work/pulse-file"
            self.wait_for(lambda: notes.exists() and any(notes.read_bytes()[:8]))
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.1)
            before = notes.read_bytes()[:8]
            time.sleep(0.3)
            self.assertEqual(notes.read_bytes()[:8], before, "a trapped call succeeded while PID 1 was stopped")
            os.kill(pid, signal.SIGCONT)
            self.wait_for(lambda: notes.read_bytes()[:8] != before)

    def test_a_session_of_a_container_whose_pid_1_is_gone_is_refused(self):
        bundle = self.bundle(hostname="host", profile=PROFILE)
        with bundle.running() as container:
            os.kill(self.pid_1(bundle), signal.SIGKILL)
            time.sleep(0.3)
            out = bundle.exec(container, "true")
            self.assertNotEqual(out.code, 0)

    def test_pause_in_the_middle_of_calls(self):
        bundle = self.bundle(hostname="host", profile=PROFILE)
        with bundle.running(needs_guest("pulse"), "/work/pulse-file") as container:
            notes = bundle.rootfs / "work/pulse-file"
            self.wait_for(lambda: notes.exists() and any(notes.read_bytes()[:8]))
            for _ in range(10):
                self.assertEqual(bundle.warder("pause", container).code, 0)
                before = notes.read_bytes()[:8]
                time.sleep(0.05)
                self.assertEqual(notes.read_bytes()[:8], before)
                self.assertEqual(bundle.warder("resume", container).code, 0)
                self.wait_for(lambda b=before: notes.read_bytes()[:8] != b)


class Debuggers(ContainerTest):
    def test_tracing_inside_the_container_still_works(self):
        """Sanitizers and debuggers need it; the profile stays in force for the traced."""
        bundle = self.bundle(hostname="trace", profile='warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": [exec]\n')
        strace = subprocess.run(["sh", "-c", "command -v strace"], capture_output=True, text=True, check=False).stdout.strip()
        if not strace:
            self.skipTest("no strace on this machine")
        libraries = subprocess.run(["ldd", strace], capture_output=True, text=True, check=True).stdout
        for word in [strace, *[w for w in libraries.split() if w.startswith("/")]]:
            target = bundle.rootfs / word.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(pathlib.Path(word).read_bytes())
            target.chmod(0o755)
        out = bundle.run(strace, "-f", "-o", "/work/trace", "/guests/try", *"open /etc/shadow r -- open /etc/passwd r".split())
        self.assertEqual(out.lines(), ["open /etc/shadow r = EACCES", "open /etc/passwd r = OK"], out)
        self.assertIn("/etc/shadow", (bundle.rootfs / "work/trace").read_text())


class Tricks(ContainerTest):
    def test_a_filter_of_the_workloads_own_gives_nothing(self):
        bundle = self.bundle(hostname="tricks", profile=PROFILE)
        out = bundle.run(needs_guest("stacked"), "/guests/try", *"open /etc/shadow r -- openat2 /etc/shadow r -- openat /etc/shadow r".split(),
                         "--", *"open /nowhere/a.x r -- stat /nowhere/a.x -- open /etc/passwd r -- reopen /etc/shadow r".split())
        results = [line.split("= ")[1] for line in out.lines()]
        self.assertEqual(results, ["EACCES", "ENOSYS", "EACCES", "ENOENT", "ENOENT", "OK", "EACCES"], out)

    def test_a_tracer_that_rewrites_a_call_reaches_nothing(self):
        bundle = self.bundle(hostname="tricks", profile=PROFILE)
        out = bundle.run(needs_guest("rewrite"), "/etc/shadow")
        self.assertIn(out.lines(), (["rewritten: EACCES"], ["no tracing: EPERM"]), out)
        self.assertEqual(bundle.native("/guests/rewrite", "/etc/shadow").out, "rewritten: OK\n", "the trick itself works")

    def test_a_program_that_confines_itself_is_confined_or_told_that_it_is_not(self):
        """A Landlock domain of the caller's own: what the supervisor does for it would be done outside. Never a sandbox that holds nothing."""
        connect = "warder: 1\nnetwork:\n  connect: [\"tcp 127.0.0.1:7\"]\n"
        holds, absent = "ruleset OK, open EACCES, connect EACCES", "ruleset ENOSYS, open OK, connect ECONNREFUSED"
        for profile, expected in ((None, holds), (PROFILE, absent), (connect, absent)):
            bundle = self.bundle(hostname="domain", profile=profile)
            self.assertEqual(bundle.run(needs_guest("own_domain")).out.strip(), expected, profile)
            with bundle.running() as container:
                self.assertEqual(bundle.exec(container, needs_guest("own_domain")).out.strip(), expected, profile)

    def test_hooks_in_the_container_are_under_the_profile(self):
        bundle = self.bundle(hostname="tricks", profile=PROFILE)
        bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "cat /etc/shadow > /work/stolen; echo $? > /work/code; "
                                                                              "/guests/doors bpf io_uring_setup > /work/doors"],
                                                      "env": ["PATH=/bin"]}]}
        self.assertEqual(bundle.run("true").code, 0)
        self.assertEqual((bundle.rootfs / "work/stolen").read_text(), "")
        self.assertNotEqual((bundle.rootfs / "work/code").read_text(), "0\n")
        self.assertNotIn("OK", (bundle.rootfs / "work/doors").read_text())

    def test_a_listener_of_the_engines_own_is_refused_with_words(self):
        bundle = self.bundle(hostname="tricks", profile=PROFILE)
        bundle.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock", "syscalls": [
            {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
        out = bundle.run("true")
        self.assertNotEqual(out.code, 0)
        self.assertTrue(out.err.strip())

    def test_files_of_two_containers_meet_only_where_both_may(self):
        """A descriptor passed over a shared volume was opened under the sender's profile; a name is judged by the receiver's."""
        bundle = self.bundle(hostname="tricks", profile=PROFILE)
        out = bundle.run("sh", "-c", "exec 5</etc/passwd; cat <&5 | head -1; exec 5</etc/shadow; echo alive")
        self.assertNotIn("secret", out.out)


if __name__ == "__main__":
    unittest.main()
