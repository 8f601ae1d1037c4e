"""What happens to a running container: exec, stop, kill, rm, logs, top, inspect, stats, pause, restart."""
import json
import subprocess
import time

from harness.podman import IMAGE, PodmanTest

# A shell that answers SIGTERM, as a well-behaved service does.
TRAPS_TERM = ("sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done")


class Exec(PodmanTest):
    def test_exec_gives_output_and_exit_code(self):
        name = self.start()
        outcome = self.podman("exec", name, "sh", "-c", "echo out; echo err >&2; exit 3")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (3, "out\n", "err\n"))

    def test_exec_reads_standard_input(self):
        outcome = self.podman("exec", "-i", self.start(), "cat", stdin="through exec\n")
        self.assertEqual(self.ok(outcome), "through exec")

    def test_exec_of_a_missing_program_is_127(self):
        outcome = self.podman("exec", self.start(), "no-such-program")
        self.assertEqual(outcome.code, 127, outcome)

    def test_exec_of_a_file_without_the_execute_bit_is_126(self):
        outcome = self.podman("exec", self.start(), "/etc/not-executable")
        self.assertEqual(outcome.code, 126, outcome)

    def test_exec_takes_user_environment_and_directory(self):
        out = self.ok(self.podman("exec", "-u", "1000", "-e", "A=b c", "-w", "/var/www", self.start(), "sh", "-c",
                                  "id -u; echo $A; pwd"))
        self.assertEqual(out, "1000\nb c\n/var/www")

    def test_exec_sees_the_processes_of_the_container(self):
        out = self.ok(self.podman("exec", self.start(), "cat", "/proc/1/cmdline"))
        self.assertEqual(out.replace("\0", " ").strip(), "sleep 600")

    def test_exec_does_not_get_capabilities_as_inheritable(self):
        out = self.ok(self.podman("exec", self.start(), "grep", "CapInh", "/proc/self/status"))
        self.assertEqual(int(out.split()[1], 16), 0)

    def test_a_detached_exec_runs_on(self):
        name = self.start()
        self.ok(self.podman("exec", "-d", name, "sh", "-c", "echo ran > /tmp/mark"))
        self.wait_for(lambda: self.podman("exec", name, "cat", "/tmp/mark").out == "ran\n", what="the mark of the detached exec")

    def test_many_sessions_at_once(self):
        name = self.start()
        script = "for i in 1 2 3; do cat /proc/self/status > /dev/null; done; echo done"
        for _ in range(5):
            self.assertEqual(self.ok(self.podman("exec", name, "sh", "-c", script)), "done")

    def test_exec_in_a_stopped_container_is_refused(self):
        name = self.start(command=("true",))
        self.ok(self.podman("wait", name))
        self.assertNotEqual(self.podman("exec", name, "true").code, 0)


class Ending(PodmanTest):
    def wait_code(self, name):
        return int(self.ok(self.podman("wait", name)))

    def started(self, *options, command):
        """A container whose command says "ready" when it is; a signal before that would find no handler."""
        name = self.start(*options, command=command)
        self.wait_for(lambda: "ready" in self.podman("logs", name).out, what="ready in the log")
        return name

    def test_stop_lets_a_service_end_by_itself(self):
        name = self.started(command=TRAPS_TERM)
        self.ok(self.podman("stop", "-t", "20", name))
        self.assertEqual(self.wait_code(name), 9)

    def test_stop_of_a_sleep_waits_and_then_kills_as_under_runc(self):
        name = self.start()
        started = time.monotonic()
        self.ok(self.podman("stop", "-t", "2", name))
        self.assertGreater(time.monotonic() - started, 1.5)
        self.assertEqual(self.wait_code(name), 137)

    def test_stop_of_a_sleep_below_an_init_is_immediate(self):
        name = self.started("--init", command=("sh", "-c", "echo ready; exec sleep 600"))
        started = time.monotonic()
        self.ok(self.podman("stop", "-t", "30", name))
        self.assertLess(time.monotonic() - started, 20)
        self.assertEqual(self.wait_code(name), 143)

    def test_kill_sends_the_named_signal(self):
        name = self.started(command=("sh", "-c", "trap 'exit 44' USR1; echo ready; while :; do sleep 0.05; done"))
        self.ok(self.podman("kill", "-s", "USR1", name))
        self.assertEqual(self.wait_code(name), 44)

    def test_kill_without_a_signal_is_137(self):
        name = self.start()
        self.ok(self.podman("kill", name))
        self.assertEqual(self.wait_code(name), 137)

    def test_an_orphan_does_not_outlive_its_container(self):
        name = self.start(command=("sh", "-c", "sleep 4321 & sleep 0.5"))
        self.assertEqual(self.wait_code(name), 0)
        self.wait_for(lambda: not _running("sleep 4321"), what="the end of the orphan")

    def test_rm_force_removes_a_running_container(self):
        name = self.start()
        self.ok(self.podman("rm", "-f", "-t", "0", name))
        self.assertEqual(self.podman("container", "exists", name).code, 1)

    def test_restart_runs_it_again(self):
        name = self.start(command=("sh", "-c", "echo x >> /var/www/runs; wc -l < /var/www/runs; exec sleep 600"))
        self.wait_for(lambda: self.podman("logs", name).out.split() == ["1"])
        self.ok(self.podman("restart", "-t", "0", name))
        self.wait_for(lambda: self.podman("logs", name).out.split() == ["1", "2"])

    def test_start_again_after_the_end(self):
        name = self.start(command=("sh", "-c", "echo again"))
        self.assertEqual(self.wait_code(name), 0)
        self.assertEqual(self.ok(self.podman("start", "--attach", name)), "again")

    def test_a_container_may_be_created_first_and_started_later(self):
        name = self.name()
        self.ok(self.podman("create", "--name", name, "--network", "none", IMAGE, "sh", "-c", "echo later; exit 6"))
        self.ok(self.podman("init", name))
        outcome = self.podman("start", "--attach", name)
        self.assertEqual((outcome.code, outcome.out), (6, "later\n"), outcome)


class Looking(PodmanTest):
    def test_logs_has_both_streams(self):
        name = self.start(command=("sh", "-c", "echo one; echo two >&2; exec sleep 600"))
        self.wait_for(lambda: self.podman("logs", name).err == "two\n" and self.podman("logs", name).out == "one\n")

    def test_top_lists_the_workload(self):
        self.assertIn("sleep 600", self.ok(self.podman("top", self.start(), "pid", "args")))

    def test_inspect_knows_state_pid_and_runtime(self):
        name = self.start()
        told = self.inspect(name)
        self.assertEqual(told["State"]["Status"], "running")
        self.assertTrue(told["OCIRuntime"].endswith(self.podman.runtime.rsplit("/", 1)[-1]), told["OCIRuntime"])
        pid = told["State"]["Pid"]
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            ids = next(line for line in status if line.startswith("NSpid")).split()[1:]
        self.assertEqual(ids[1], "1", "the pid of the pid file is PID 1 of the outer PID namespace")

    def test_stats_counts_processes_and_memory(self):
        name = self.start()
        told = json.loads(self.ok(self.podman("stats", "--no-stream", "--format", "json", name)))[0]
        self.assertGreaterEqual(int(told["pids"]), 1)

    def test_pause_freezes_and_unpause_thaws(self):
        name = self.start(command=("sh", "-c", "while :; do echo tick; sleep 0.05; done"))
        self.wait_for(lambda: "tick" in self.podman("logs", name).out)
        self.ok(self.podman("pause", name))
        self.assertEqual(self.inspect(name)["State"]["Status"], "paused")
        time.sleep(0.5)  # conmon writes down what was in its pipe
        before = self.podman("logs", name).out
        time.sleep(0.5)
        self.assertEqual(self.podman("logs", name).out, before)
        self.ok(self.podman("unpause", name))
        self.wait_for(lambda: len(self.podman("logs", name).out) > len(before), what="ticking after unpause")

    def test_cp_brings_files_in_and_out(self):
        name = self.start()
        self.ok(self.podman("exec", name, "sh", "-c", "echo content > /var/www/f"))
        self.assertEqual(self.ok(self.podman("exec", name, "cat", "/var/www/f")), "content")
        self.assertIn("f", self.ok(self.podman("diff", name)))


def _running(words):
    with subprocess.Popen(["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True) as ps:
        return words in ps.stdout.read()
