"""`warder spec`: documents to begin with, and hardened ones from flags; each of them runs."""
import json
import os
import pathlib
import tempfile

from harness.bundle import WARDER, ContainerTest, run_command


class Spec(ContainerTest):
    def spec(self, *flags):
        """The document for the flags, and the bundle that runs it."""
        bundle = self.bundle()
        outcome = run_command([WARDER, "spec", "-f", "-", *map(str, flags)])
        self.assertEqual(outcome.code, 0, outcome)
        bundle.config = json.loads(outcome.out)
        bundle.config["linux"]["cgroupsPath"] = f"{os.environ.get('WARDER_TEST_CGROUP', '/warder-test')}/{bundle.id}"
        return bundle

    def run_spec(self, *flags):
        bundle = self.spec(*flags)
        bundle.save()
        return bundle.warder("run", "-b", bundle.directory, bundle.id)

    def refused(self, words, *flags):
        outcome = run_command([WARDER, "spec", "-f", "-", *map(str, flags)])
        self.assertEqual((outcome.code, outcome.out), (1, ""), outcome)
        self.assertIn(words, outcome.err)
        return outcome.err

    def test_the_plain_document_is_written_once(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(run_command([WARDER, "spec", "-b", directory]).code, 0)
            document = json.loads((pathlib.Path(directory) / "config.json").read_text())
            self.assertEqual((document["process"]["args"], document["process"]["terminal"]), (["sh"], True))
            self.assertIn("exists", run_command([WARDER, "spec", "-b", directory]).err)

    def test_a_hardened_document_from_a_command(self):
        outcome = self.run_spec("--hostname", "spec", "--", "sh", "-c",
                                "hostname; grep -E 'CapBnd|NoNewPrivs' /proc/self/status; touch /x 2>&1; cat /proc/self/limits")
        self.assertIn("spec\n", outcome.out, outcome)
        self.assertIn("CapBnd:\t0000000000000000", outcome.out)
        self.assertIn("NoNewPrivs:\t1", outcome.out)
        self.assertIn("Read-only file system", outcome.out)

    def test_process_flags_have_their_effect(self):
        outcome = self.run_spec("-e", "GREETING=hello there", "-u", "1000:2000", "--cwd", "/tmp", "--cap", "CAP_KILL", "--rlimit",
                                "nofile=100:200", "--writable-root", "--", "sh", "-c",
                                "echo $GREETING; id -u; id -g; pwd; grep CapBnd /proc/self/status; ulimit -n; ulimit -Hn")
        self.assertEqual(outcome.out.split("\n")[:7],
                         ["hello there", "1000", "2000", "/tmp", "CapBnd:\t0000000000000020", "100", "200"], outcome)

    def test_limits_sysctls_and_namespaces(self):
        bundle = self.spec("--memory", "64M", "--cpus", "0.5", "--pids", "33", "--sysctl", "net.ipv4.ip_forward=1", "--namespace",
                           "cgroup=host", "--annotation", "a=b", "--profile", "default", "--", "cat", "/proc/sys/net/ipv4/ip_forward")
        resources = bundle.config["linux"]["resources"]
        self.assertEqual((resources["memory"]["limit"], resources["cpu"], resources["pids"]),
                         (64 << 20, {"quota": 50000, "period": 100000}, {"limit": 33}))
        self.assertEqual(bundle.config["annotations"], {"a": "b", "io.warder.profile": "default"})
        self.assertEqual(bundle.warder("run", "-b", bundle.directory, bundle.id).out, "1\n")

    def test_volumes_tmpfs_and_secrets(self):
        source = pathlib.Path(tempfile.mkdtemp(prefix="warder-volume-"))
        self.addCleanup(run_command, ["rm", "-r", str(source)])
        (source / "file").write_text("given\n")
        secret = pathlib.Path(f"/dev/shm/warder-secret-{os.getpid()}")
        secret.write_text("open sesame\n")
        secret.chmod(0o600)
        self.addCleanup(secret.unlink)
        outcome = self.run_spec("-v", f"{source}:/work/volume:ro", "--tmpfs", "/scratch", "--secret", f"door={secret}", "--", "sh",
                                "-c", "cat /work/volume/file /run/secrets/door; touch /scratch/x && echo scratch;"
                                "touch /work/volume/y /run/secrets/door 2>&1")
        self.assertEqual(outcome.out.split("\n")[:3], ["given", "open sesame", "scratch"], outcome)
        self.assertEqual(outcome.out.count("Read-only file system"), 2, outcome)

    def test_an_id_map_makes_a_user_namespace(self):
        bundle = self.spec("--uidmap", "0:100000:1000", "--gidmap", "0:100000:1000", "--", "cat", "/proc/self/uid_map")
        outcome = bundle.warder("run", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.out.split(), ["0", "100000", "1000"], outcome)

    def test_hooks(self):
        marker = pathlib.Path(tempfile.mkdtemp(prefix="warder-hook-")) / "marker"
        self.addCleanup(run_command, ["rm", "-r", str(marker.parent)])
        self.assertEqual(self.run_spec("--hook", f"createRuntime=/usr/bin/touch,{marker}", "--", "true").code, 0)
        self.assertTrue(marker.exists())

    def test_sensitive_sources_are_refused_unless_forced(self):
        for source in ("/", "/proc/sys", "/sys", "/dev", "/etc", "/etc/shadow", "/proc/self/root", "/usr/../etc"):
            self.refused("--volume", "-v", f"{source}:/work/x")
        with tempfile.TemporaryDirectory() as directory:
            link = pathlib.Path(directory) / "innocent"
            link.symlink_to("/etc")
            self.refused("/etc as a whole", "-v", f"{link}:/work/x")
        self.assertIn("root", self.run_spec("-v", "/etc:/work/x:ro", "--force", "--", "cat", "/work/x/passwd").out)

    def test_secrets_on_a_disk_or_readable_by_others_are_refused(self):
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as on_disk, tempfile.NamedTemporaryFile(dir="/dev/shm") as in_memory:
            self.refused("a file in memory", "--secret", f"x={on_disk.name}")
            os.chmod(in_memory.name, 0o644)
            self.refused("mode 0600", "--secret", f"x={in_memory.name}")
            self.refused("NAME=FILE", "--secret", f"../x={in_memory.name}")

    def test_all_wrong_flags_are_named_at_once(self):
        flags = {"-v": "relative:/x", "--tmpfs": "/proc/x", "--user": "root", "--env": "novalue", "--cap": "NOPE", "--memory": "much",
                 "--cpus": "-1", "--rlimit": "nofile=9:1", "--hook": "sometime=/bin/true", "--namespace": "planet", "--uidmap": "0:0",
                 "--sysctl": "kernel", "--sd-notify": "perhaps"}
        error = self.refused("accepted", *[word for pair in flags.items() for word in pair])
        for flag in flags:
            self.assertIn({"-v": "--volume"}.get(flag, flag) + " '", error)
        self.refused("linux.sysctl.kernel.panic", "--sysctl", "kernel.panic=1")
