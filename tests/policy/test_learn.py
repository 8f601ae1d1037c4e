"""mode: learn: everything that a workload uses is recorded once, and nothing is refused."""

import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import toolchain  # noqa: E402
from harness.bundle import ContainerTest, needs_guest, run_command, SOURCE, WARDER  # noqa: E402

LEARN = "warder: 1\nmode: learn\n"


class Learn(ContainerTest):
    def recording(self, *args, profile=LEARN, **changes):
        bundle = self.bundle(hostname="learn", profile=profile)
        out = bundle.run(*args, **changes)
        self.assertEqual(out.code, 0, out)
        return bundle, out, {(line.get("right") or line.get("section"), line.get("path") or line.get("address")): line for line in bundle.audit()}

    def test_reads_writes_and_programs_are_recorded_from_the_first(self):
        _, _, seen = self.recording("sh", "-c", "cat /etc/passwd >/work/copy; mkdir /work/d; mv /work/copy /work/d/new; ls /work; rm -r /work/d")
        for right, path in (("exec", "/bin/busybox"), ("read", "/etc/passwd"), ("mkdir", "/work/d"), ("rename", "/work/copy"),
                            ("rename", "/work/d/new"), ("list", "/work"), ("delete", "/work/d/new"), ("rmdir", "/work/d")):
            self.assertIn((right, path), seen)
            self.assertEqual(seen[right, path]["verdict"], "learned")
        self.assertTrue(any("create" in right and path == "/work/copy" for right, path in seen), seen.keys())

    def test_what_a_user_without_privileges_does_is_recorded_too(self):
        _, out, seen = self.recording("sh", "-c", "id -u; cat /etc/passwd >/work/copy", user={"uid": 1000, "gid": 1000, "umask": 0o022})
        self.assertEqual(out.lines(), ["1000"])
        self.assertEqual(seen["read", "/etc/passwd"]["uid"], 1000)

    def test_a_use_is_recorded_once_however_many_make_it(self):
        bundle, _, _ = self.recording("sh", "-c", "for i in $(seq 60); do cat /etc/passwd; done")
        self.assertEqual([line.get("count", 1) for line in bundle.audit() if line.get("path") == "/etc/passwd"], [1])

    def test_more_uses_than_the_rate_of_refusals_allows_are_all_recorded(self):
        bundle, _, seen = self.recording("sh", "-c", "cd /work; i=0; while [ $i -lt 3000 ]; do : >f$i; i=$((i+1)); done", timeout=120)
        missing = [i for i in range(3000) if not any(path == f"/work/f{i}" for _, path in seen)]
        self.assertEqual(missing, [])
        self.assertFalse([line for line in bundle.audit() if "lost" in line])

    def test_addresses_are_recorded(self):
        _, _, seen = self.recording("sh", "-c", "ip link set lo up 2>/dev/null; nc -w 1 127.0.0.1 9 </dev/null; nc -w 1 -l -p 8080 </dev/null & sleep 1; kill $!; true")
        self.assertIn(("connect", "tcp 127.0.0.1:9"), seen)
        self.assertTrue([address for section, address in seen if section == "bind" and address.endswith(":8080")], seen.keys())

    def test_what_the_profile_would_refuse_is_marked(self):
        _, out, seen = self.recording(needs_guest("try"), *"open /etc/shadow r -- open /etc/passwd r".split(),
                                      profile=LEARN + 'paths:\n  "/**": all\n  "/etc/shadow": none\n')
        self.assertEqual(out.out.count("= OK"), 2, out)
        self.assertEqual([seen["read", path]["verdict"] for path in ("/etc/shadow", "/etc/passwd")], ["would-refuse", "learned"])

    def test_an_exec_session_is_recorded(self):
        bundle = self.bundle(hostname="learn", profile=LEARN)
        with bundle.running() as container:
            self.assertEqual(bundle.exec(container, "cat", "/etc/group").code, 0)
        self.assertIn("/etc/group", [line.get("path") for line in bundle.audit()])

    def test_the_hardening_set_stays_and_other_modes_record_no_uses(self):
        bundle, _, _ = self.recording("cat", "/etc/passwd", profile='warder: 1\npaths: {"/**": rwx}\n')
        self.assertEqual(bundle.audit(), [])

    JOB = ("mkdir -p /work/out; for i in $(seq 12); do echo $i >/work/out/part$i.o; done; cat /work/out/part*.o >/work/prog;"
           "cp /bin/busybox /work/tool; chmod 755 /work/tool; mv /work/tool /work/out/true; /work/out/true && echo $$ >/tmp/pid.$$; rm /work/prog;"
           "readlink /proc/self/exe >/dev/null; echo done")

    def learned_from(self, *bundles):
        return run_command([WARDER, "profile", "--profile-dir", str(SOURCE / "profiles"), "learn", *[str(bundle.audit_log) for bundle in bundles]])

    def test_what_was_learned_runs_the_job_again_and_stops_an_attack(self):
        first, _, _ = self.recording("sh", "-c", self.JOB)
        second, _, _ = self.recording("sh", "-c", self.JOB)
        learned = self.learned_from(first, second)
        self.assertEqual(learned.code, 0, learned)
        self.assertIn("seen in 2 of 2 runs", learned.out)
        self.assertLess(len(learned.lines()), 40, learned)
        bundle = self.bundle(hostname="learned", profile=learned.out)
        shutil.copy(SOURCE / "profiles" / "base.yaml", bundle.profiles)
        out = bundle.run("sh", "-c", self.JOB)
        self.assertEqual((out.code, out.lines()), (0, ["done"]), f"{out}\n{learned.out}")
        self.assertEqual(bundle.audit(), [])
        for attack in ("cat /etc/shadow", "echo x >/etc/passwd", "echo x >/usr/bin/x", "cp /bin/busybox /tmp/ls && /tmp/ls", "nc -w 1 127.0.0.1 9"):
            out = bundle.run("sh", "-c", attack)
            self.assertNotEqual(out.code, 0, attack)
            self.assertTrue([line for line in bundle.audit() if line["verdict"] == "refused"], attack)
            bundle.audit_log.unlink()

    def test_a_compilation_in_c_runs_under_what_was_learned_of_it(self):
        job = ("cd /work && printf '#include <stdio.h>\nint main(void) { return puts(\"hi\") < 0; }\n' >a.c &&"
               "gcc -c a.c -o a.o && gcc a.o -o prog && ./prog && rm a.o")
        bundle = self.bundle(hostname="learn", profile=LEARN)
        shutil.rmtree(bundle.rootfs)
        toolchain.make_root(bundle.rootfs)
        for directory in ("proc", "sys", "dev", "work", "guests", "tmp"):
            (bundle.rootfs / directory).mkdir(exist_ok=True)
        self.assertEqual(bundle.run("bash", "-c", job).lines(), ["hi"])
        learned = self.learned_from(bundle)
        self.assertEqual(learned.code, 0, learned)
        bundle.audit_log.unlink()
        bundle.profile(learned.out)
        shutil.copy(SOURCE / "profiles" / "base.yaml", bundle.profiles)
        out = bundle.run("bash", "-c", job)
        self.assertEqual((out.code, out.lines()), (0, ["hi"]), f"{out}\n{learned.out}")
        self.assertEqual(bundle.audit(), [])
        out = bundle.run("bash", "-c", job + "; echo x >/usr/lib/evil")
        self.assertNotEqual(out.code, 0)
        self.assertIn("/usr/lib/evil", {line["path"] for line in bundle.audit()})

    def test_a_recording_with_an_unreadable_line_teaches_nothing(self):
        bundle, _, _ = self.recording("true")
        with open(bundle.audit_log, "a", encoding="utf-8") as log:
            log.write('{"v":1,"time"')
        out = self.learned_from(bundle)
        self.assertEqual((out.code, out.out), (1, ""), out)

    def test_warder_audit_shows_it(self):
        bundle, _, _ = self.recording("cat", "/etc/passwd")
        out = run_command([WARDER, "--audit-log", str(bundle.audit_log), "audit"])
        self.assertEqual(out.code, 0, out)
        self.assertRegex(out.out, r"learned +read +/etc/passwd")


if __name__ == "__main__":
    unittest.main()
