"""Rows 14 and 58: the many names that a procfs gives to files, and the files of the kernel that must not be written."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402
from test_doors import ALL_CAPABILITIES  # noqa: E402

PROFILE = """\
warder: 1
paths:
  "/**": all
  "/etc/shad[o]w": none
  "/pro[c]/sys/**": ro
  "/pro[c]/sysrq-trigger": none
  "/sy[s]/**": ro
"""
# Names of /etc/shadow. SIBLING is another process of the container; /other is a second mount of the container's procfs.
NAMES = [prefix + suffix
         for prefix in ("/proc/self", "/proc/thread-self", "/proc/1", "/proc/1/task/1", "/proc/SIBLING", "/proc/./self",
                        "/proc//self/../self", "/other/self", "/other/SIBLING", "/work/proc-link/self")
         for suffix in ("/root/etc/shadow", "/cwd/etc/shadow", "/root/etc/../etc/shadow", "/root/work/link")]
# Files of the kernel by which a host is taken over, where nothing masks them.
KERNEL_FILES = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches", "/proc/sys/fs/file-max",
                "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run", "/sys/kernel/uevent_seqnum", "/proc/self/root/proc/sys/kernel/core_pattern",
                "/proc/1/root/proc/sysrq-trigger", "/proc/../proc/sys/kernel/core_pattern", "/work/proc-link/sys/kernel/core_pattern",
                "/proc/self/../sys/kernel/core_pattern", "/proc/thread-self/root/sys/kernel/mm/ksm/run"]



class Procfs(ContainerTest):
    def make(self, masked=True):
        bundle = self.bundle(hostname="procfs", profile=PROFILE)
        bundle.config["process"]["capabilities"] = {name: list(ALL_CAPABILITIES) for name in ("bounding", "effective", "permitted")}
        bundle.config["mounts"].append({"destination": "/other", "type": "proc", "source": "proc", "options": ["nosuid", "nodev"]})
        if not masked:
            bundle.config["linux"].update(maskedPaths=[], readonlyPaths=[])
            for mount in bundle.config["mounts"]:
                mount["options"] = [option for option in mount["options"] if option != "ro" or mount["destination"] == "/guests"]
        (bundle.rootfs / "work/link").symlink_to("../etc/shadow")
        (bundle.rootfs / "work/proc-link").symlink_to("/proc")
        return bundle

    def outcomes(self, run, names, how):
        """Each name opened in the way `how`, in one process with a sibling that stays."""
        words = " -- ".join(f"{how} {name} {'w' if how == 'open_write' else 'r'}" for name in names).replace("open_write", "open")
        script = f"sleep 60 & cd /; sib=$!; {needs_guest('try')} {words.replace('SIBLING', '$sib')}; kill $sib"
        out = run("sh", "-c", script)
        results = [line.split("= ")[1].split()[0] for line in out.lines() if " = " in line]
        self.assertEqual(len(results), len(names), out)
        return dict(zip(names, results))

    def through_both(self, bundle, names, how):
        yield "workload", self.outcomes(bundle.run, names, how)
        with bundle.running() as container:
            yield "session", self.outcomes(lambda *args: bundle.exec(container, *args), names, how)

    def test_no_magic_link_gives_a_refused_file_another_name(self):
        native = self.outcomes(self.make().native, NAMES, "open")
        self.assertEqual([name for name, result in native.items() if result != "OK"], [], "the names themselves do not work")
        for how in ("open", "openat", "reopen", "openat2"):
            for entrance, found in self.through_both(self.make(), NAMES, how):
                reached = {name: result for name, result in found.items() if result not in ("EACCES",)}
                self.assertEqual(reached, {}, f"{how} in the {entrance}")

    def test_files_of_the_kernel_are_read_only_by_every_name(self):
        native = self.outcomes(self.make(masked=False).native, KERNEL_FILES, "open_write")
        writable = [name for name, result in native.items() if result == "OK"]
        self.assertGreater(len(writable), 8, f"without masks they can be written: {native}")
        for entrance, found in self.through_both(self.make(masked=False), KERNEL_FILES, "open_write"):
            reached = {name: result for name, result in found.items() if result not in ("EACCES", "ENOENT")}
            self.assertEqual(reached, {}, entrance)

    def test_masks_and_read_only_paths_of_the_engine_hold_without_a_profile(self):
        bundle = self.make()
        (bundle.profiles / "procfs.yaml").unlink()
        names = KERNEL_FILES
        for entrance, found in self.through_both(bundle, names, "open_write"):
            reached = {name: result for name, result in found.items() if result not in ("EACCES", "EROFS", "ENOENT")}
            self.assertEqual(reached, {}, entrance)


if __name__ == "__main__":
    unittest.main()
