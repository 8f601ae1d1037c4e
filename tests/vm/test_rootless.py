"""An ordinary user on a machine with cgroup v2 and a session manager: warder itself and rootless podman."""
import json
import pathlib
import subprocess
import tempfile

from harness.bundle import WARDER, ContainerTest, run_command
from harness.podman import make_busybox_root

SESSION = ["XDG_RUNTIME_DIR=/run/user/1000", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus", "HOME=/home/user",
           "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]


class UserTest(ContainerTest):
    time_limit = 300

    def outside_session(self, *command, **keywords):
        """As the user, in a cgroup that is not the user's."""
        return run_command(["runuser", "-u", "user", "--", "env", "-i", "-C", "/home/user", *SESSION, *map(str, command)], 200, **keywords)

    def in_session(self, *command, **keywords):
        """As a service of the user's manager, where processes may be moved about below it."""
        return self.outside_session("systemd-run", "--user", "--quiet", "--pipe", "--wait", "--collect", "--property=Delegate=yes",
                                    "--", *command, **keywords)

    def ok(self, outcome, code=0):
        self.assertEqual(outcome.code, code, outcome)
        return outcome.out.strip()

    def home(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="rootless-", dir="/home/user"))
        self.addCleanup(run_command, ["rm", "-rf", str(directory)])
        make_busybox_root(directory / "rootfs")
        subprocess.run(["chown", "-R", "user:", str(directory)], check=True)
        return directory

    def scopes(self):
        out = self.ok(self.outside_session("systemctl", "--user", "list-units", "--plain", "--no-legend", "--type=scope"))
        return [line.split()[0] for line in out.splitlines() if line.startswith("wt-")]


class Bare(UserTest):
    def bundle_of(self, *args, **resources):
        directory = self.home()
        self.ok(self.outside_session(WARDER, "spec", "--rootless", "-b", directory))
        config = json.loads((directory / "config.json").read_text())
        config["process"] |= {"args": list(args), "terminal": False}
        config["root"] = {"path": "rootfs", "readonly": False}
        config["linux"] |= {"cgroupsPath": "", "resources": resources}
        (directory / "config.json").write_text(json.dumps(config))
        return directory, config

    def run_in(self, place, directory, name, *options):
        return place(WARDER, *options, "run", "-b", directory, name)

    def test_a_container_of_spec_rootless_runs_without_any_right_to_cgroups(self):
        directory, _ = self.bundle_of("sh", "-c", "id -u; cat /proc/self/uid_map")
        lines = self.ok(self.run_in(self.outside_session, directory, "wt-a")).splitlines()
        self.assertEqual((lines[0], lines[1].split()), ("0", ["0", "1000", "1"]))

    def test_a_limit_needs_a_cgroup_and_systemd_gives_one(self):
        directory, config = self.bundle_of("sleep", "600", memory={"limit": 64 << 20}, pids={"limit": 50})
        config["linux"]["cgroupsPath"] = "wt.slice:wt:limited"
        (directory / "config.json").write_text(json.dumps(config))
        for place in (self.in_session, self.outside_session):
            with self.subTest(place=place.__name__):
                self.ok(place(WARDER, "--systemd-cgroup", "create", "-b", directory, "limited"))
                self.addCleanup(self.outside_session, WARDER, "delete", "--force", "limited")
                self.ok(place(WARDER, "start", "limited"))
                unit = self.ok(self.outside_session("systemctl", "--user", "show", "wt-limited.scope", "-pControlGroup", "--value"))
                top = pathlib.Path("/sys/fs/cgroup" + unit)
                self.assertEqual(((top / "memory.max").read_text(), (top / "pids.max").read_text()), (f"{64 << 20}\n", "50\n"))
                pid = json.loads(self.ok(place(WARDER, "state", "limited")))["pid"]
                self.assertIn(str(pid), (top / "cgroup.procs").read_text().split())
                before = len((top / "cgroup.procs").read_text().split())
                self.ok(place(WARDER, "exec", "-d", "limited", "sleep", "500"))
                self.assertEqual(len((top / "cgroup.procs").read_text().split()), before + 1)
                self.ok(place(WARDER, "update", "--pids-limit", "60", "limited"))
                self.assertEqual((top / "pids.max").read_text(), "60\n")
                self.ok(place(WARDER, "pause", "limited"))
                self.ok(place(WARDER, "resume", "limited"))
                self.ok(place(WARDER, "delete", "--force", "limited"))
                self.assertEqual((self.scopes(), top.exists()), ([], False))

    def test_without_a_session_manager_the_systemd_manager_says_what_is_missing(self):
        directory, _ = self.bundle_of("true")
        done = run_command(["runuser", "-u", "user", "--", "env", "-i", "XDG_RUNTIME_DIR=/home/user", "PATH=/usr/bin:/bin", WARDER,
                            "--root", f"{directory}/state", "--systemd-cgroup", "run", "-b", str(directory), "x"])
        self.assertEqual(done.code, 1, done)
        self.assertIn("loginctl enable-linger", done.err)
        self.assertEqual(list((directory / "state").glob("[!@]*")), [])


class Podman(UserTest):
    def podman(self, *words, storage=(), network="none", **keywords):
        return self.in_session("podman", "--runtime", WARDER, "--cgroup-manager", "systemd", "--log-level", "error",
                               "--events-backend", "file", *storage, *words, **keywords)

    def setUp(self):
        self.directory = self.home()
        subprocess.run(["tar", "-C", str(self.directory / "rootfs"), "-cf", str(self.directory / "root.tar"), "."], check=True)
        (self.directory / "root.tar").chmod(0o644)

    def image(self, storage=()):
        self.ok(self.podman("import", "-c", "ENV PATH=/bin", self.directory / "root.tar", "localhost/busybox", storage=storage))
        return "localhost/busybox"

    def test_run_exec_and_limits_in_a_map_of_many_ids(self):
        image = self.image()
        lines = self.ok(self.podman("run", "--rm", "--network", "none", image, "sh", "-c",
                                    "id -u; cat /proc/self/uid_map | wc -l; su user -s /bin/sh -c 'id -u'")).splitlines()
        self.assertEqual(lines, ["0", "2", "1000"])
        self.addCleanup(self.podman, "rm", "-f", "-i", "-t", "0", "limited")
        self.ok(self.podman("run", "-d", "--name", "limited", "--network", "none", "--memory", "64m", "--pids-limit", "77", image,
                            "sleep", "600"))
        self.assertEqual(self.ok(self.podman("exec", "limited", "cat", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max")),
                         f"{64 << 20}\n77")
        self.ok(self.podman("pause", "limited"))
        self.assertEqual(self.ok(self.podman("inspect", "-f", "{{.State.Status}}", "limited")), "paused")
        self.ok(self.podman("unpause", "limited"))
        self.ok(self.podman("rm", "-f", "-t", "0", "limited"))

    def test_the_user_may_keep_his_id(self):
        outcome = self.podman("run", "--rm", "--network", "none", "--userns", "keep-id", self.image(), "id", "-u")
        self.assertEqual(self.ok(outcome), "1000")

    def test_slirp4netns_gives_a_network(self):
        out = self.ok(self.podman("run", "--rm", "--network", "slirp4netns", self.image(), "ip", "-o", "addr", "show", "tap0"))
        self.assertIn("10.0.2.100", out)

    def test_fuse_overlayfs_holds_the_image(self):
        storage = ["--root", self.directory / "fuse", "--storage-driver", "overlay", "--storage-opt",
                   "overlay.mount_program=/usr/bin/fuse-overlayfs"]
        image = self.image(storage)
        out = self.ok(self.podman("run", "--rm", "--network", "none", image, "sh", "-c", "echo x > /new; cat /new; grep ' / ' /proc/mounts",
                                  storage=storage))
        self.assertIn("fuse-overlayfs", out)
        self.ok(self.podman("unshare", "rm", "-rf", self.directory / "fuse"))
