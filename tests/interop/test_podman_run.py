"""`podman run`: what each flag promises is seen from inside the container."""
import os
import pathlib
import re
import tempfile

from harness.podman import IMAGE, PodmanTest


class Output(PodmanTest):
    def test_stdout_stderr_and_stdin_pass_through(self):
        outcome = self.podman.run("-i", IMAGE, "sh", "-c", "cat; echo err >&2", stdin="typed in\n")
        self.assertEqual((outcome.code, outcome.out, outcome.err), (0, "typed in\n", "err\n"))

    def test_large_input_arrives_whole(self):
        outcome = self.podman.run("-i", IMAGE, "sh", "-c", "cat | wc -c", stdin="x" * 3_000_000)
        self.assertEqual(self.ok(outcome), "3000000")

    def test_rm_leaves_no_container_and_no_cgroup(self):
        name = self.name()
        self.ok(self.podman.run("--name", name, IMAGE, "true"))
        self.assertEqual(self.podman("container", "exists", name).code, 1)
        left = [path for path in pathlib.Path("/sys/fs/cgroup/pids" + os.environ["WARDER_TEST_CGROUP"]).glob("libpod-*")
                if name in path.name]
        self.assertEqual(left, [])


class ExitCodes(PodmanTest):
    def exit_code(self, *command):
        return self.podman.run(IMAGE, *command)

    def test_the_workload_decides(self):
        for code in (0, 1, 7, 255):
            with self.subTest(code=code):
                self.assertEqual(self.exit_code("sh", "-c", f"exit {code}").code, code)

    def test_death_by_a_signal_is_128_and_its_number(self):
        self.assertEqual(self.exit_code("sh", "-c", "sh -c 'kill -SEGV $$'; exit $?").code, 139)

    def test_a_missing_program_is_127(self):
        outcome = self.exit_code("no-such-program")
        self.assertEqual(outcome.code, 127, outcome)
        self.assertIn("executable file not found in $PATH", outcome.err)

    def test_a_missing_path_is_127(self):
        outcome = self.exit_code("/no/such/program")
        self.assertEqual(outcome.code, 127, outcome)
        self.assertIn("no such file or directory", outcome.err.lower())

    def test_a_file_without_the_execute_bit_is_126(self):
        outcome = self.exit_code("/etc/not-executable")
        self.assertEqual(outcome.code, 126, outcome)
        self.assertIn("permission denied", outcome.err.lower())

    def test_a_directory_as_a_program_is_126(self):
        self.assertEqual(self.exit_code("/etc").code, 126)

    def test_an_error_of_podman_itself_is_125(self):
        self.assertEqual(self.podman.run("--no-such-flag", IMAGE, "true").code, 125)


class Identity(PodmanTest):
    def test_user_by_number_and_name_with_groups(self):
        self.assertEqual(self.in_container("id -u; id -g", "--user", "1234:2345"), "1234\n2345")
        self.assertEqual(self.in_container("id -u; id -g", "--user", "user"), "1000\n1000")
        self.assertEqual(self.in_container("id -G", "--user", "1000:1000", "--group-add", "77"), "1000 77")

    def test_hostname_is_set(self):
        self.assertEqual(self.in_container("hostname; cat /proc/sys/kernel/hostname", "--hostname", "story"), "story\nstory")

    def test_environment_is_what_was_asked_for(self):
        out = self.in_container("echo $A-$B", "--env", "A=one", "-e", "B=two words")
        self.assertEqual(out, "one-two words")

    def test_working_directory_is_entered(self):
        self.assertEqual(self.in_container("pwd", "--workdir", "/var/www"), "/var/www")

    def test_umask_is_set(self):
        self.assertEqual(self.in_container("umask", "--umask", "0077"), "0077")


class Capabilities(PodmanTest):
    def sets(self, *options):
        return dict(line.split(":\t") for line in self.in_container("grep ^Cap /proc/self/status", *options).splitlines())

    def test_default_sets_are_those_of_podman_and_nothing_is_inheritable(self):
        sets = self.sets()
        self.assertEqual(sets["CapBnd"], sets["CapEff"])
        self.assertEqual(int(sets["CapInh"], 16), 0)
        self.assertEqual(int(sets["CapAmb"], 16), 0)
        self.assertFalse(int(sets["CapBnd"], 16) >> 19 & 1, "CAP_SYS_PTRACE is the supervisor's, never the workload's")

    def test_drop_all_leaves_none(self):
        self.assertEqual(int(self.sets("--cap-drop", "all")["CapBnd"], 16), 0)

    def test_drop_all_and_add_one(self):
        self.assertEqual(int(self.sets("--cap-drop", "all", "--cap-add", "NET_ADMIN")["CapEff"], 16), 1 << 12)

    def test_a_user_other_than_root_has_no_effective_capabilities(self):
        self.assertEqual(int(self.sets("--user", "1000")["CapEff"], 16), 0)

    def test_chown_works_with_the_capability_and_is_refused_without(self):
        script = "touch /tmp/f && chown 1:1 /tmp/f"
        self.in_container(script)
        self.in_container(script + " 2>&1", "--cap-drop", "CHOWN", code=1)

    def test_no_new_privileges_is_seen_in_status(self):
        script = "grep NoNewPrivs /proc/self/status"
        self.assertEqual(self.in_container(script, "--security-opt", "no-new-privileges").split()[-1], "1")

    def test_privileged_has_all_that_podman_has(self):
        self.assertEqual(self.sets("--privileged")["CapEff"],
                         next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd")))

    def test_privileged_sees_the_devices_of_the_host(self):
        self.assertIn("kmsg", self.in_container("ls /dev", "--privileged"))


class Mounts(PodmanTest):
    def setUp(self):
        super().setUp()
        self.directory = tempfile.TemporaryDirectory(prefix="volume-")
        self.addCleanup(self.directory.cleanup)

    def test_a_volume_is_shared_with_the_host(self):
        self.in_container("echo inside > /v/f", "-v", f"{self.directory.name}:/v")
        self.assertEqual(pathlib.Path(self.directory.name, "f").read_text(), "inside\n")

    def test_a_read_only_volume_refuses_writes(self):
        out = self.in_container("touch /v/f 2>&1; echo $?", "-v", f"{self.directory.name}:/v:ro")
        self.assertIn("Read-only file system", out)
        self.assertFalse(os.listdir(self.directory.name))

    def test_a_volume_over_a_file(self):
        file = pathlib.Path(self.directory.name, "file")
        file.write_text("from the host\n")
        self.assertEqual(self.in_container("cat /etc/hostfile", "-v", f"{file}:/etc/hostfile"), "from the host")

    def test_a_read_only_root_refuses_writes_but_tmpfs_does_not(self):
        out = self.in_container("touch /x 2>&1; touch /scratch/x && echo written", "--read-only", "--tmpfs", "/scratch")
        self.assertIn("Read-only file system", out)
        self.assertIn("written", out)

    def test_tmpfs_has_its_size_and_mode(self):
        out = self.in_container("stat -c %a /scratch; grep ' /scratch ' /proc/mounts", "--tmpfs", "/scratch:size=1m,mode=700")
        self.assertTrue(out.startswith("700\n"), out)
        self.assertIn("size=1024k", out)

    def test_a_named_volume_survives_its_container(self):
        volume = f"v-{os.getpid()}"
        self.addCleanup(self.podman, "volume", "rm", "-f", volume)
        self.in_container("echo kept > /v/f", "-v", f"{volume}:/v")
        self.assertEqual(self.in_container("cat /v/f", "-v", f"{volume}:/v"), "kept")

    def test_masked_and_read_only_paths_are_in_force(self):
        out = self.in_container("cat /proc/kcore | wc -c; ls -A /sys/firmware | wc -l; "
                                "echo 1 2>/dev/null > /proc/sysrq-trigger && echo open; echo end")
        self.assertEqual(out.split(), ["0", "0", "end"])

    def test_dev_has_its_nodes_and_links(self):
        out = self.in_container("echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; "
                                "readlink /dev/stdin; readlink /dev/fd; test -d /dev/shm; echo $?; stat -c %F /dev/tty")
        self.assertEqual(out.splitlines()[:5], ["4", "4", "/proc/self/fd/0", "/proc/self/fd", "0"])

    def test_other_devices_are_refused(self):
        out = self.in_container("mknod /tmp/mem c 1 1 2>&1; echo $?", "--cap-add", "MKNOD")
        device = self.in_container("mknod /tmp/mem c 1 1 && cat /tmp/mem 2>&1 | head -c 100", "--cap-add", "MKNOD") \
            if out.endswith("0") else "Operation not permitted"
        self.assertIn("Operation not permitted", device)

    def test_a_device_that_was_asked_for_is_there(self):
        self.assertEqual(self.in_container("head -c 3 /dev/full | wc -c", "--device", "/dev/full"), "3")


class Limits(PodmanTest):
    def in_cgroup(self, controller, file, *options):
        return self.in_container(f"cat /sys/fs/cgroup/{controller}/{file}", *options)

    def test_memory_pids_and_cpus_reach_the_cgroup(self):
        self.assertEqual(self.in_cgroup("memory", "memory.limit_in_bytes", "-m", "64m"), str(64 << 20))
        self.assertEqual(self.in_cgroup("pids", "pids.max", "--pids-limit", "77"), "77")
        quota = self.in_cgroup("cpu", "cpu.cfs_quota_us", "--cpus", "0.5")
        period = self.in_cgroup("cpu", "cpu.cfs_period_us", "--cpus", "0.5")
        self.assertEqual(int(quota) * 2, int(period))

    def test_memory_beyond_the_limit_is_killed(self):
        outcome = self.podman.run("-m", "32m", IMAGE, "sh", "-c", "x=$(head -c 200m /dev/zero | tr '\\0' x); echo ${#x}")
        self.assertEqual(outcome.code, 137, outcome)

    def test_processes_beyond_the_limit_are_refused(self):
        outcome = self.podman.run("--pids-limit", "30", IMAGE, "sh", "-c", "for i in $(seq 60); do sleep 5 & done")
        self.assertRegex(outcome.err, "(?i)can't fork|resource temporarily unavailable")

    def test_ulimit_is_set(self):
        self.assertEqual(self.in_container("ulimit -n; ulimit -Hn", "--ulimit", "nofile=321:654", "--ulimit", "nproc=99"),
                         "321\n654")

    def test_oom_score_adj_is_set(self):
        self.assertEqual(self.in_container("cat /proc/self/oom_score_adj", "--oom-score-adj", "500"), "500")

    def test_sysctl_of_the_container_is_set(self):
        self.assertEqual(self.in_container("cat /proc/sys/kernel/shmmni", "--sysctl", "kernel.shmmni=1234"), "1234")


class Seccomp(PodmanTest):
    def test_the_default_profile_of_the_engine_is_in_force(self):
        self.assertEqual(re.search(r"Seccomp:\s+(\d)", self.in_container("cat /proc/self/status"))[1], "2")

    def test_a_profile_of_the_user_decides(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as profile:
            profile.write('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], '
                          '"action": "SCMP_ACT_ERRNO", "errnoRet": 71}]}')
            profile.flush()
            out = self.in_container("mkdir /tmp/d 2>&1; touch /tmp/f && echo touched", "--security-opt",
                                    f"seccomp={profile.name}")
        self.assertIn("Protocol error", out)
        self.assertIn("touched", out)
