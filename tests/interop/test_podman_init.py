"""What the workload believes about itself: it is PID 1, whatever stands above it; and the PID namespaces that it may be given."""
import os
import signal

from harness.podman import IMAGE, PodmanTest


class FirstProcess(PodmanTest):
    def test_the_workload_is_pid_1_and_sees_no_other_process(self):
        out = self.in_container("echo $$; ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm; true")
        pid, count, name = out.splitlines()
        self.assertEqual((pid, name), ("1", "sh"))
        self.assertLessEqual(int(count), 3)

    def test_its_parent_is_0_and_it_leads_its_session(self):
        out = self.in_container("cut -d' ' -f4-6 /proc/1/stat")
        self.assertEqual(out, "0 1 1")

    def test_nothing_of_the_runtime_is_left_open(self):
        out = self.ok(self.podman.run(IMAGE, "ls", "-l", "/proc/1/fd"))
        links = [line.split(" -> ") for line in out.splitlines() if " -> " in line]
        self.assertEqual([left.split()[-1] for left, right in links if right != "/proc/1/fd"], ["0", "1", "2"], out)

    def test_an_init_of_the_image_gets_the_orphans(self):
        out = self.in_container("sh -c 'sleep 0.1 & exec true'; sleep 0.5; grep -l '^State:.Z' /proc/[0-9]*/status; echo end",
                                "--init")
        self.assertEqual(out, "end")

    def test_signals_without_a_handler_are_ignored_by_pid_1(self):
        out = self.in_container("kill -TERM 1; kill -KILL 1; kill -STOP 1; echo alive")
        self.assertEqual(out, "alive")

    def test_with_init_the_workload_is_its_child(self):
        out = self.in_container("echo $$; cat /proc/1/comm", "--init")
        pid, name = out.splitlines()
        self.assertNotEqual(pid, "1")
        self.assertIn(name, ("catatonit", "podman-init"))

    def test_with_init_the_exit_code_is_the_workloads(self):
        self.in_container("exit 17", "--init", code=17)

    def test_a_supervision_tree_as_in_images_with_their_own_init(self):
        # s6 and its like: PID 1 insists on being 1, starts services, replaces itself and reaps.
        script = ("test $$ = 1 || exit 100; (sleep 0.1; exit 3) & service=$!; wait $service; test $? = 3 || exit 101; "
                  "exec sh -c 'test $$ = 1 && exit 42'")
        self.in_container(script, code=42)

    def test_the_end_of_pid_1_ends_everything(self):
        name = self.start()
        os.kill(self.inspect(name)["State"]["Pid"], signal.SIGKILL)
        self.assertEqual(self.ok(self.podman("wait", name)), "137")


class SharedPids(PodmanTest):
    def test_pid_host_sees_the_processes_of_the_host(self):
        out = self.in_container(f"test -d /proc/{os.getpid()} && echo seen; echo $$", "--pid=host")
        self.assertEqual(out.splitlines()[0], "seen")
        self.assertNotEqual(out.splitlines()[1], "1")

    def test_pid_host_gives_the_exit_code_and_ends_on_kill(self):
        self.in_container("exit 23", "--pid=host", code=23)
        name = self.start("--pid=host")
        self.ok(self.podman("kill", name))
        self.assertEqual(self.ok(self.podman("wait", name)), "137")

    def test_pid_host_stop_works(self):
        name = self.start("--pid=host", command=("sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"))
        self.wait_for(lambda: "ready" in self.podman("logs", name).out)
        self.ok(self.podman("stop", "-t", "20", name))
        self.assertEqual(self.ok(self.podman("wait", name)), "9")

    def test_pid_of_another_container_is_its_inner_namespace(self):
        first = self.start()
        out = self.in_container("cat /proc/1/cmdline | tr '\\0' ' '; ls -d /proc/[0-9]* | wc -l", f"--pid=container:{first}")
        self.assertTrue(out.startswith("sleep 600"), out)
        self.assertLessEqual(int(out.split()[-1]), 6)

    def test_the_end_of_a_guest_in_a_shared_namespace_leaves_the_owner(self):
        first = self.start()
        self.in_container("true", f"--pid=container:{first}")
        self.assertEqual(self.ok(self.podman("exec", first, "echo", "still here")), "still here")

    def test_a_pod_shares_its_network(self):
        pod = f"pod-{os.getpid()}"
        self.addCleanup(self.podman, "pod", "rm", "-f", "-t", "0", pod)
        made = self.podman("pod", "create", "--name", pod, "--network", "none", "--infra-image", IMAGE, "--infra-command",
                           "/bin/sleep 600")
        self.ok(made)
        out = self.ok(self.podman("run", "--rm", "--pod", pod, IMAGE, "ls", "/sys/class/net"))
        self.assertEqual(out, "lo")
