"""`audit: cheap`: addresses enforced by programs of the container's cgroup, with the verdicts that the supervisor would give."""

import contextlib
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import CGROUP, WARDER, ContainerTest, needs_guest, run_command  # noqa: E402

PROFILE = """\
warder: 1
audit: %s
network:
  connect:
    - "tcp 127.0.0.0/8:80"
    - "tcp 10.0.0.0/8:7000-7999"
    - "!tcp 127.0.0.66"
    - "tcp [::1]:80"
    - "tcp [2001:db8::]/33:80"
    - "udp 127.0.0.1:53,5000-5010"
    - "unix /**"
    - "abstract **"
  bind:
    - "tcp *:8080"
    - "udp 127.0.0.1:5353"
    - "unix /**"
    - "abstract **"
"""
WORDS = [f"connect {kind} {address}" for kind, address in (
    ("tcp", "127.0.0.1:80"), ("tcp", "127.0.0.1:81"), ("tcp", "127.1.2.3:80"), ("tcp", "127.0.0.66:80"), ("tcp", "0.0.0.0:80"),
    ("tcp", "0.0.0.0:81"), ("tcp", "10.1.2.3:7000"), ("tcp", "10.1.2.3:8000"), ("tcp", "11.1.2.3:7000"), ("tcp", "255.255.255.255:80"),
    ("tcp", "224.0.0.1:80"), ("tcp6", "[::1]:80"), ("tcp6", "[::1]:81"), ("tcp6", "[::]:80"), ("tcp6", "[::]:81"),
    ("tcp6", "[::ffff:127.0.0.1]:80"), ("tcp6", "[::ffff:127.0.0.1]:81"), ("tcp6", "[::ffff:127.0.0.66]:80"),
    ("tcp6", "[::ffff:0.0.0.0]:81"), ("tcp6", "[2001:db8:7fff::1]:80"), ("tcp6", "[2001:db8:8000::1]:80"), ("udp", "127.0.0.1:53"),
    ("udp", "127.0.0.1:54"), ("udp", "127.0.0.1:5010"), ("udp", "127.0.0.1:5011"), ("udp", "127.0.0.2:53"),
    ("udp6", "[::ffff:127.0.0.1]:53"), ("udp6", "[::ffff:127.0.0.1]:54"), ("udp6", "[::1]:53"))]
WORDS += [f"{way} {kind} {address}" for way in ("sendto", "sendmsg", "sendmmsg") for kind, address in (
    ("udp", "127.0.0.1:53"), ("udp", "127.0.0.1:54"), ("udp", "0.0.0.0:54"), ("udp6", "[::ffff:127.0.0.1]:53"),
    ("udp6", "[::ffff:127.0.0.1]:54"), ("udp6", "[::1]:53"))]
WORDS += ["reconnect tcp 127.0.0.1:81", "bind tcp 0.0.0.0:8080", "bind tcp 0.0.0.0:8081", "bind tcp 0.0.0.0:0", "bind tcp6 [::]:8080",
          "bind tcp6 [::]:8081", "bind udp 127.0.0.1:5353", "bind udp 0.0.0.0:5353", "bind udp 127.0.0.1:5354", "listen tcp 127.0.0.1:8080",
          "listen_unbound tcp 127.0.0.1:1", "connect unix /run/nothing", "connect abstract nothing", "bind unix /tmp/s", "bind abstract s",
          "socket 2 3", "socket 10 3", "socket 2 5", "fastopen tcp 127.0.0.1:81", "fastopen tcp 127.0.0.1:80"]


class InTheCgroup(ContainerTest):
    @classmethod
    def tearDownClass(cls):
        with contextlib.suppress(OSError):  # of a hybrid machine; other tests may still use it
            os.rmdir(f"/sys/fs/cgroup/unified{CGROUP}")

    def results(self, bundle, words):
        out = bundle.run(needs_guest("try_network"), *" -- ".join(words).split())
        self.assertEqual(len(out.lines()), len(words), out)
        return dict(zip(words, [line.split("= ")[1] for line in out.lines()]))

    def explained(self, bundle, *request):
        out = run_command([WARDER, "--profile-dir", str(bundle.profiles), "profile", "explain", "--profile", "net", *request])
        self.assertEqual(out.code, 0, out)
        return out.out

    def test_both_enforcers_say_the_same(self):
        cheap, logged = (self.bundle(hostname="net", profile=PROFILE % audit) for audit in ("cheap", "refused"))
        text = self.explained(cheap, "connect", "tcp 127.0.0.66:80")
        self.assertIn("cgroup eBPF (tens of ns", text)
        self.assertNotIn("sendmmsg", text)
        self.assertIn("notify", self.explained(logged, "connect", "tcp 127.0.0.66:80"))
        self.assertEqual(self.results(cheap, WORDS), self.results(logged, WORDS))
        self.assertEqual([line for line in cheap.audit() if line["syscall"] in ("connect", "sendto", "bind")], [])
        self.assertNotEqual(logged.audit(), [])

    def test_an_exec_session_is_held_by_it_too(self):
        bundle = self.bundle(hostname="net", profile=PROFILE % "cheap")
        with bundle.running() as container:
            out = bundle.exec(container, needs_guest("try_network"), *"connect tcp 127.0.0.1:81 -- connect tcp 127.0.0.1:80".split())
            self.assertEqual([line.split("= ")[1] for line in out.lines()], ["EACCES", "ECONNREFUSED"], out)

    def test_the_errno_of_the_profile(self):
        bundle = self.bundle(hostname="net", profile=PROFILE % "cheap" + "on-deny: {errno: ENETUNREACH}\n")
        self.assertEqual(self.results(bundle, ["connect tcp 127.0.0.1:81", "bind udp 127.0.0.1:1", "sendto udp 127.0.0.1:54"]),
                         {"connect tcp 127.0.0.1:81": "ENETUNREACH", "bind udp 127.0.0.1:1": "ENETUNREACH", "sendto udp 127.0.0.1:54": "ENETUNREACH"})

    def test_protocols_that_the_programs_do_not_see_are_refused(self):
        bundle = self.bundle(hostname="net", profile=PROFILE % "cheap")
        out = bundle.run("/guests/try_network", "socket3", "2", "1,262", "--", "socket3", "2", "2,1", "--", "socket3", "2", "1,6")
        self.assertEqual([line.split("= ")[1] for line in out.lines()], ["EPROTONOSUPPORT", "EPROTONOSUPPORT", "OK"], out)

    def test_the_directory_goes_with_the_container(self):
        bundle = self.bundle(hostname="net", profile=PROFILE % "cheap")
        with bundle.running():
            pid = (bundle.directory / "pid").read_text().strip()
            with open(f"/proc/{pid}/cgroup", encoding="utf-8") as table:
                own = [line for line in table.read().splitlines() if line.startswith("0::")]
            self.assertTrue(own and own[0].endswith(f"{CGROUP}/{bundle.id}"), own)
        self.assert_nothing_left(bundle)
        self.assertEqual(list(pathlib.Path("/sys/fs/cgroup").glob(f"**/{bundle.id}")), [])

    def test_whoever_may_leave_the_cgroup_is_held_by_the_supervisor(self):
        bundle = self.bundle(hostname="net", profile=PROFILE % "cheap")
        bundle.config["mounts"].append({"destination": "/cgroups", "type": "bind", "source": "/sys/fs/cgroup", "options": ["rbind", "rw"]})
        out = bundle.run("/bin/sh", "-c", "for d in $(find /cgroups -maxdepth 2 -name cgroup.procs); do echo 0 > $d; done 2>/dev/null; "
                                          "exec /guests/try_network connect tcp 127.0.0.1:81 -- connect tcp 127.0.0.1:80")
        self.assertEqual([line.split("= ")[1] for line in out.lines()], ["EACCES", "ECONNREFUSED"], out)

    def test_inside_a_cgroup_namespace_there_is_no_way_out(self):
        for namespaces in (("pid", "network", "ipc", "uts", "mount"), ("pid", "network", "ipc", "uts", "mount", "cgroup")):
            bundle = self.bundle(hostname="net", profile=PROFILE % "cheap")
            bundle.namespaces(*namespaces)
            bundle.config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]})
            out = bundle.run("/bin/sh", "-c", "for f in $(find /sys/fs/cgroup -name cgroup.procs) /sys/fs/cgroup/../../cgroup.procs; do "
                                              "echo 0 > $f; done 2>/dev/null; mount -t cgroup2 none /work 2>/dev/null && echo mounted; "
                                              "exec /guests/try_network connect tcp 127.0.0.1:81 -- connect tcp 127.0.0.1:80")
            self.assertEqual([line.split("= ")[-1] for line in out.lines()], ["EACCES", "ECONNREFUSED"], out)

    def test_a_second_container_is_not_held_by_the_first(self):
        bundle = self.bundle(hostname="net", profile=PROFILE % "cheap")
        free = self.bundle(hostname="free", profile="warder: 1\n")
        with bundle.running():
            self.assertEqual(self.results(free, ["connect tcp 127.0.0.1:81"]), {"connect tcp 127.0.0.1:81": "ECONNREFUSED"})
        self.assertEqual(run_command(["ls", "/sys/fs/cgroup"]).code, 0)


if __name__ == "__main__":
    unittest.main()
