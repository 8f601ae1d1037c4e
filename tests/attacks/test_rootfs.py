"""A malicious root file system: links where the runtime makes mounts, devices, masks and directories. The host is never touched."""

import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest  # noqa: E402

PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n'


def snapshot(directory):
    return sorted(os.path.join(top, name) for top, directories, files in os.walk(directory) for name in directories + files)


class Rootfs(ContainerTest):
    def made(self, profile=PROFILE):
        bundle = self.bundle(hostname="rootfs", profile=profile)
        outside = bundle.directory / "outside"
        outside.mkdir()
        (outside / "kept").write_text("kept")
        self.outside = outside
        return bundle

    def replace(self, bundle, name, target):
        path = bundle.rootfs / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def untouched(self):
        self.assertEqual(snapshot(self.outside), [str(self.outside / "kept")])
        self.assertEqual((self.outside / "kept").read_text(), "kept")

    def mounts(self, bundle):
        """The host's mounts that have to do with this bundle; others come and go while tests run side by side."""
        table = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in table if str(bundle.directory) in line]

    def run_and_look(self, bundle, *args):
        mounts = self.mounts(bundle)
        out = bundle.run(*(args or ("true",)))
        self.untouched()
        self.assertEqual(self.mounts(bundle), mounts, "the host's mount table changed")
        return out

    def test_a_symlinked_proc_is_refused(self):
        for target in ("evil", "/evil", "../../..", "/work", "."):
            bundle = self.made()
            self.replace(bundle, "proc", target)
            self.assertNotEqual(self.run_and_look(bundle).code, 0, target)

    def test_a_symlinked_sys_is_refused_or_stays_inside(self):
        for target in ("/evil", str(pathlib.Path("/sys"))):
            bundle = self.made()
            self.replace(bundle, "sys", target)
            self.run_and_look(bundle)

    def test_a_symlinked_dev_does_not_reach_the_host(self):
        for target in (None, "../outside", "/proc/self/root"):
            bundle = self.made()
            self.replace(bundle, "dev", target or str(self.outside))
            self.run_and_look(bundle)

    def test_links_at_every_mount_point(self):
        for name in ("dev/pts", "dev/shm", "dev/mqueue", "guests"):
            bundle = self.made()
            (bundle.rootfs / "dev").mkdir(exist_ok=True)
            self.replace(bundle, name, str(self.outside))
            self.run_and_look(bundle)

    def test_mount_points_through_a_link_are_made_inside(self):
        bundle = self.made()
        (bundle.rootfs / "way").symlink_to("../" * 20 + str(self.outside).lstrip("/"))
        bundle.config["mounts"].append({"destination": "/way/made/deep", "type": "tmpfs", "source": "tmpfs", "options": ["rw"]})
        self.run_and_look(bundle)

    def test_a_bind_over_a_link_lands_inside(self):
        bundle = self.made()
        (bundle.rootfs / "way").symlink_to(str(self.outside))
        source = bundle.directory / "source"
        source.mkdir()
        bundle.config["mounts"].append({"destination": "/way", "type": "bind", "source": str(source), "options": ["rbind", "rw"]})
        self.run_and_look(bundle)

    def test_masks_are_not_made_from_the_images_dev_null(self):
        bundle = self.made()
        bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] not in ("/dev",)]
        self.replace(bundle, "dev/null", "/proc/sys/kernel/core_pattern")
        before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
        out = self.run_and_look(bundle, "sh", "-c", "cat /proc/keys; echo x > /proc/keys; echo x > /proc/timer_list; true")
        self.assertEqual(pathlib.Path("/proc/sys/kernel/core_pattern").read_text(), before)
        self.assertNotIn(before.strip() + "\n", out.out + "\n" if out.code == 0 else "")

    def test_masked_and_read_only_paths_through_links(self):
        bundle = self.made()
        (bundle.rootfs / "mask-me").symlink_to(str(self.outside))
        bundle.config["linux"]["maskedPaths"].append("/mask-me")
        bundle.config["linux"]["readonlyPaths"].append("/mask-me")
        self.run_and_look(bundle)

    def test_masks_hold(self):
        bundle = self.made()
        script = "cat /proc/keys /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sysrq-trigger; " \
                 "echo x > /proc/sys/kernel/core_pattern"
        out = bundle.run("sh", "-c", script)
        self.assertEqual(out.lines()[:2], ["0", "0"], out)
        self.assertIn("core_pattern", out.err)

    def test_a_fake_procfs_from_a_volume(self):
        bundle = self.made()
        fake = bundle.directory / "fake"
        (fake / "self/attr").mkdir(parents=True)
        (fake / "self/attr/exec").write_text("")
        bundle.config["mounts"].append({"destination": "/proc", "type": "bind", "source": str(fake), "options": ["rbind"]})
        out = self.run_and_look(bundle)
        self.assertNotEqual(out.code, 0, "a directory over /proc was taken")
        bundle.config["mounts"][-1]["destination"] = "/proc/self/attr"
        self.assertNotEqual(self.run_and_look(bundle).code, 0)

    def test_a_destination_with_dots(self):
        bundle = self.made()
        bundle.config["mounts"].append({"destination": "/../../../../../" + str(self.outside), "type": "tmpfs", "source": "tmpfs",
                                        "options": []})
        self.run_and_look(bundle)

    def test_a_policy_in_the_image_means_nothing(self):
        bundle = self.made()
        bundle.write("/etc/warder/profiles/rootfs.yaml", "warder: 1\n")
        bundle.write("/.oci.syd-3", "sandbox/read:off\n")
        out = bundle.run("cat", "/etc/shadow")
        self.assertNotIn("secret", out.out)
        self.assertNotIn("rootfs.yaml", bundle.run("sh", "-c", "ls /; mount").out)

    def test_nothing_of_ours_is_written_into_the_root(self):
        bundle = self.made()
        before = snapshot(bundle.rootfs)
        bundle.run("true")
        made = [name for name in snapshot(bundle.rootfs) if name not in before]
        self.assertEqual(made, [])

    def test_the_entry_point_proc_self_exe_runs_nothing_of_the_host(self):
        bundle = self.made()
        out = bundle.run("/proc/self/exe")
        self.assertNotEqual(out.code, 0)
        bundle.write("/bin/loop", "#!/proc/self/exe\n", 0o755)
        self.assertNotEqual(bundle.run("/bin/loop").code, 0)

    def test_a_terminal_link_in_dev(self):
        bundle = self.made()
        bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev"]
        self.replace(bundle, "dev/console", "/proc/sys/kernel/core_pattern")
        self.replace(bundle, "dev/ptmx", str(self.outside / "kept"))
        self.run_and_look(bundle)

    def test_container_ids_with_a_path_in_them(self):
        bundle = self.made()
        for name in ("../x", "a/b", "..", ".", "", "a\nb", "/abs"):
            out = bundle.warder("run", "-b", bundle.directory, name)
            self.assertNotEqual(out.code, 0, name)
        self.assertEqual([name for name in os.listdir(bundle.state) if not name.startswith("@")], [])

    def test_cgroup_paths_with_dots(self):
        bundle = self.made()
        bundle.config["linux"]["cgroupsPath"] = "../../escape"
        bundle.run("true")
        for top in pathlib.Path("/sys/fs/cgroup").glob("*"):
            self.assertFalse((top / "escape").exists() and top.parent.name != "cgroup")

    def test_two_containers_race_over_a_shared_volume(self):
        """CVE-2019-19921, CVE-2021-30465: while one swaps a directory for a link, others are made; the host stays as it was."""
        import subprocess
        bundle = self.made()
        volume = bundle.rootfs / "vol"
        (volume / "real").mkdir(parents=True)
        (volume / "link").symlink_to("../" * 20 + str(self.outside).lstrip("/"))
        swapper = subprocess.Popen([sys.executable, "-c", """
import ctypes, sys
libc = ctypes.CDLL(None)
a, b = sys.argv[1].encode(), sys.argv[2].encode()
while True:
    libc.renameat2(-100, a, -100, b, 2)
""", str(volume / "real"), str(volume / "link")])
        self.addCleanup(swapper.wait)
        self.addCleanup(swapper.kill)
        bundle.config["mounts"].append({"destination": "/vol/real/sub", "type": "tmpfs", "source": "tmpfs", "options": ["rw"]})
        for _ in range(30):
            bundle.run("true")
        self.untouched()


class Borrowed(ContainerTest):
    serial = True  # other tests look at the same nodes

    def test_the_machines_devices_are_used_and_not_changed(self):
        """In a user namespace nodes are the machine's own; with the machine's ids, root in there owns them."""
        bundle = self.bundle()
        bundle.config["linux"]["namespaces"].append({"type": "user"})
        for kind in ("uidMappings", "gidMappings"):
            bundle.config["linux"][kind] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        before = os.stat("/dev/null")
        if before.st_uid != 0:
            self.skipTest("the machine's /dev/null is not root's")
        out = bundle.run("sh", "-c", "echo x > /dev/null && head -c 3 /dev/zero | wc -c; chmod 0666 /dev/null; chown 0:0 /dev/null")
        self.assertEqual(out.out.strip(), "3", out)
        self.assertEqual(out.err.count("Read-only file system"), 2, out)
        after = os.stat("/dev/null")
        self.assertEqual((after.st_mode, after.st_uid, after.st_ctime), (before.st_mode, before.st_uid, before.st_ctime))


if __name__ == "__main__":
    unittest.main()
