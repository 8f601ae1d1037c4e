"""DNS names in `network.connect`: what the workload is told and what it may reach are the same, whoever asks and however.

A DNS server of the test's own stands in a network namespace next to the container's; it rotates, lies and truncates.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import dns  # noqa: E402
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

PROFILE = """\
warder: 1
network:
  connect:
    - "tcp good.example:80"
    - "tcp alias.example:80"
    - "tcp db:80"
    - "tcp hosts.example:80"
    - "tcp special.example"
    - "tcp bad.example"
    - "!tcp bad.example"
"""
SERVER, SERVER6 = dns.SERVER4, dns.SERVER6
ONE, TWO, THREE = dns.HOSTS4[:3]
RESOLV_CONF = f"nameserver {SERVER}\nnameserver {SERVER6}\nsearch corp.example\n"


class Names(ContainerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = dns.Network().__enter__()
        cls.addClassCleanup(cls.network.__exit__)

    def names_bundle(self, profile=PROFILE, hosts="", resolv_conf=RESOLV_CONF, **process):
        bundle = self.bundle(hostname="names", profile=profile, **process)
        for name, text in (("resolv.conf", resolv_conf), ("hosts", hosts)):
            (bundle.directory / name).write_text(text)
            bundle.write(f"/etc/{name}", "")
            bundle.config["mounts"].append({"destination": f"/etc/{name}", "type": "bind", "source": str(bundle.directory / name),
                                            "options": ["rbind", "rw"]})
        for namespace in bundle.config["linux"]["namespaces"]:
            if namespace["type"] == "network":
                namespace["path"] = self.network.path
        return bundle

    def said(self, *words, bundle=None, timeout=60):
        bundle = bundle or self.names_bundle()
        out = bundle.run(needs_guest("try_names"), *" -- ".join(words).split(), timeout=timeout)
        self.assertEqual(len(out.lines()), len(words), out)
        return out.lines()

    def test_an_allowed_name_gives_its_addresses_and_no_others(self):
        self.network.zone({"good.example": {"a": [ONE, TWO]}})
        for way in ("connect", "sendto", "sendmsg", "sendmmsg", "tcp", "bound", "edns"):
            with self.subTest(way):
                bundle = self.names_bundle()
                self.assertEqual(self.said(f"go {ONE} 80", f"ask {way} {SERVER} good.example", f"go {ONE} 80", f"go {TWO} 80",
                                           f"go {ONE} 443", f"go {THREE} 80", bundle=bundle),
                                 ["EACCES", f"told {ONE} {TWO}", "OK", "OK", "EACCES", "EACCES"])

    def test_a_copy_of_the_connected_socket_asks_the_same_resolver(self):
        self.network.zone({"good.example": {"a": [ONE]}})
        self.assertEqual(self.said(f"ask dup {SERVER} good.example", f"go {ONE} 80"), [f"told {ONE}", "OK"])

    def test_ipv6_to_ask_and_to_reach(self):
        six = dns.HOSTS6[0]
        self.network.zone({"good.example": {"a": [ONE], "aaaa": [six]}})
        for way in ("connect", "sendto", "bound", "tcp"):
            self.assertEqual(self.said(f"go {six} 80", f"ask {way} {SERVER6} good.example aaaa", f"go {six} 80",
                                       f"go ::ffff:{ONE} 80", f"ask {way} {SERVER6} good.example", f"go ::ffff:{ONE} 80"),
                             ["EACCES", f"told {six}", "OK", "EACCES", f"told {ONE}", "OK"], way)

    def test_a_name_that_no_line_allows_is_not_told_and_not_asked_for(self):
        self.network.zone({"good.example": {"a": [ONE]}, "secret.example": {"a": [THREE]}, "bad.example": {"a": [TWO]}})
        bundle = self.names_bundle()
        self.assertEqual(self.said(f"ask connect {SERVER} secret.example", f"ask tcp {SERVER} secret.example", f"go {THREE} 80",
                                   f"ask sendto {SERVER} data-to-smuggle.evil.example txt", f"ask sendto {SERVER} bad.example",
                                   f"go {TWO} 80", bundle=bundle),
                         ["NXDOMAIN", "NXDOMAIN", "EACCES", "NXDOMAIN", "NXDOMAIN", "EACCES"])
        self.assertEqual([line for line in self.network.questions() if "secret" in line or "evil" in line or "bad." in line], [])
        lines = [line for line in bundle.audit() if line["syscall"] == "dns"]
        self.assertEqual([(line["host"], line["address"], line["verdict"], line["rule"].rsplit(":", 1)[1]) for line in lines],
                         [("secret.example", f"udp {SERVER}:53", "refused", "3"), ("secret.example", f"tcp {SERVER}:53", "refused", "3"),
                          ("data-to-smuggle.evil.example", f"udp {SERVER}:53", "refused", "3"),
                          ("bad.example", f"udp {SERVER}:53", "refused", "10")], lines)
        self.assertEqual(lines[0]["hint"], 'connect: ["tcp secret.example"]')
        self.assertEqual({line["exe"] for line in lines}, {"/guests/try_names"})
        self.assertTrue(all(line["pid"] > 0 for line in lines), lines)

    def test_where_the_resolver_is_allowed_any_name_is_told_but_gives_nothing(self):
        self.network.zone({"good.example": {"a": [ONE]}, "other.example": {"a": [THREE]}})
        bundle = self.names_bundle(PROFILE + f'    - "udp {SERVER}:53"\n')
        self.assertEqual(self.said(f"ask connect {SERVER} other.example", f"go {THREE} 80", f"ask sendto {SERVER} good.example",
                                   f"go {ONE} 80", f"ask tcp {SERVER} other.example", bundle=bundle),
                         [f"told {THREE}", "EACCES", f"told {ONE}", "OK", "NXDOMAIN"])
        line = [line for line in bundle.audit() if line["syscall"] == "connect"][0]
        self.assertEqual((line["address"], line["host"], line["hint"]),
                         (f"tcp {THREE}:80", "other.example", 'connect: ["tcp other.example:80"]'), line)

    def test_aliases_are_followed_and_may_be_asked_for(self):
        self.network.zone({"alias.example": {"cname": "edge.cdn.example"}, "edge.cdn.example": {"cname": "pop.cdn.example"},
                           "pop.cdn.example": {"a": [TWO]}})
        self.assertEqual(self.said(f"ask connect {SERVER} pop.cdn.example", f"ask connect {SERVER} alias.example", f"go {TWO} 80",
                                   f"ask connect {SERVER} pop.cdn.example", f"go {TWO} 80"),
                         ["NXDOMAIN", f"told {TWO}", "OK", f"told {TWO}", "OK"])

    def test_rotating_answers_are_allowed_as_they_are_told(self):
        self.network.zone({"good.example": {"a": dns.HOSTS4, "rotate": True, "ttl": 0}})
        words = [f"ask connect {SERVER} good.example"] * 20
        told = self.said(*words)
        self.assertGreater(len(set(told)), 8, told)
        out = self.said(f"storm {SERVER} good.example 80 8 30", timeout=120)[0]
        self.assertTrue(out.startswith("reached 240 failed 0 unanswered 0"), out)

    def test_search_domains_lead_to_the_name_of_the_profile(self):
        self.network.zone({"db.corp.example": {"a": [TWO]}, "db.elsewhere.example": {"a": [THREE]}})
        self.assertEqual(self.said(f"ask connect {SERVER} db.corp.example", f"go {TWO} 80", f"ask connect {SERVER} db.elsewhere.example",
                                   f"ask connect {SERVER} db", f"ask connect {SERVER} good.example.corp.example"),
                         [f"told {TWO}", "OK", "NXDOMAIN", "NXDOMAIN", "NXDOMAIN"])

    def test_the_hosts_file_of_the_engine_counts_and_what_the_workload_writes_there_does_not(self):
        bundle = self.names_bundle(hosts=f"{ONE} hosts.example\n{TWO} other.example\n")
        self.assertEqual(self.said(f"go {ONE} 80", f"go {TWO} 80", bundle=bundle), ["OK", "EACCES"])
        out = bundle.run("/bin/sh", "-c", f"echo {THREE} hosts.example >> /etc/hosts; echo nameserver {THREE} > /etc/resolv.conf; "
                                          f"/guests/try_names go {THREE} 80 -- go {ONE} 80 -- ask sendto {THREE} good.example")
        self.assertEqual(out.lines()[:2], ["EACCES", "OK"], out)
        self.assertTrue(out.lines()[2].startswith("EACCES"), out)

    def test_hosts_of_the_image_are_the_images_to_write(self):
        bundle = self.names_bundle()
        bundle.config["mounts"] = [mount for mount in bundle.config["mounts"] if mount["destination"] != "/etc/hosts"]
        bundle.write("/etc/hosts", f"{THREE} hosts.example\n")
        self.assertEqual(self.said(f"go {THREE} 80", bundle=bundle), ["EACCES"])

    def test_hostile_answers(self):
        for mode in ("garbage", "short", "loop", "unrelated", "other-question"):
            with self.subTest(mode):
                self.network.zone({"good.example": {"a": [ONE], "mode": mode}})
                bundle = self.names_bundle()
                self.assertEqual(self.said(f"ask connect {SERVER} good.example", f"ask tcp {SERVER} good.example", f"go {ONE} 80",
                                           "go 10.9.1.9 80", bundle=bundle), ["SERVFAIL", "SERVFAIL", "EACCES", "EACCES"])
        for mode in ("wrong-id", "silent"):
            self.network.zone({"good.example": {"a": [ONE], "mode": mode}})
            self.assertEqual(self.said(f"ask connect {SERVER} good.example", f"go {ONE} 80"), ["nothing", "EACCES"])

    def test_a_name_does_not_lead_to_this_host_or_to_the_link(self):
        self.network.zone({"special.example": {"a": ["127.0.0.1", "169.254.169.254", "0.0.0.0"], "aaaa": ["::1", "fe80::1"]}})
        self.assertEqual(self.said(f"ask connect {SERVER} special.example", f"ask connect {SERVER} special.example aaaa",
                                   "go 127.0.0.1 80", "go 169.254.169.254 80", "go 0.0.0.0 80", "go ::1 80"),
                         ["told 127.0.0.1 169.254.169.254 0.0.0.0", "told ::1 fe80::1"] + ["EACCES"] * 4)

    def test_truncated_answers_come_whole_by_tcp(self):
        self.network.zone({"good.example": {"a": dns.HOSTS4, "mode": "truncate"}})
        many = " ".join(dns.HOSTS4)
        self.assertEqual(self.said(f"ask connect {SERVER} good.example", f"ask tcp {SERVER} good.example", f"go {THREE} 80"),
                         ["told truncated", f"told {many}", "OK"])
        # An answer that the client has no room for is cut here.
        self.network.zone({"good.example": {"a": [f"10.9.1.{1 + i % 16}" for i in range(40)]}})
        self.assertEqual(self.said(f"ask connect {SERVER} good.example")[0], "told truncated")
        self.assertEqual(len(self.said(f"ask edns {SERVER} good.example")[0].split()), 33)

    def test_hostile_questions(self):
        self.network.zone({"good.example": {"a": [ONE]}})
        broken = ["00", "0001", "0001010000010000000000", "000101000001000000000000c00c00010001", "0001010000020000000000000161000001000101610000010001",
                  "00012800000100000000000001610000010001", "ff" * 600, "0001010000010000000000003f" + "61" * 10]
        words = [f"raw {SERVER} {one}" for one in broken]
        self.assertEqual(self.said(*words, f"ask connect {SERVER} good.example"), ["-1"] * len(broken) + [f"told {ONE}"])

    def test_the_socket_that_asked_goes_back_to_the_containers_network(self):
        self.network.zone({"good.example": {"a": [ONE]}})
        bundle = self.names_bundle(PROFILE + f'    - "udp {TWO}:9"\n')
        self.assertEqual(self.said(f"shared {SERVER} good.example {TWO}", f"shared {SERVER} good.example {THREE}", bundle=bundle),
                         ["0:1 OK 0:1 OK ", "0:1 EACCES 0:1 EACCES "])

    def test_other_ports_of_the_resolver_and_other_resolvers_are_judged_as_addresses(self):
        self.network.zone({"good.example": {"a": [ONE]}})
        self.assertEqual(self.said(f"refused {SERVER} 5353", f"go {SERVER} 54", f"ask sendto {ONE} good.example"),
                         ["EACCES", "EACCES", "EACCES nothing"])

    def test_nobody_stands_in_the_resolvers_place(self):
        self.network.zone({})
        bundle = self.names_bundle(resolv_conf="nameserver 127.0.0.1\n")
        self.assertEqual(self.said("bind 127.0.0.1 53", "bind 0.0.0.0 53", "bind ::1 5353", "bind 127.0.0.2 53", bundle=bundle),
                         ["EADDRINUSE", "EADDRINUSE", "OK", "OK"])
        capable = self.names_bundle(capabilities={kind: ["CAP_NET_ADMIN", "CAP_KILL"] for kind in ("bounding", "effective", "permitted")})
        out = capable.run("/bin/sh", "-c", "grep Cap /proc/self/status")
        for line in out.lines():
            self.assertEqual(int(line.split()[1], 16) & 1 << 12, 0, out)

    def test_without_a_resolver_that_answers_nothing_hangs(self):
        bundle = self.names_bundle(resolv_conf="nameserver 10.9.0.77\n")
        self.assertEqual(self.said("ask sendto 10.9.0.77 good.example", f"go {ONE} 80", bundle=bundle)[-1], "EACCES")

    def test_an_exec_session_is_told_the_same(self):
        self.network.zone({"good.example": {"a": [ONE]}, "other.example": {"a": [TWO]}})
        bundle = self.names_bundle()
        with bundle.running() as container:
            out = bundle.exec(container, needs_guest("try_names"), *f"ask connect {SERVER} good.example -- go {ONE} 80 -- "
                              f"ask tcp {SERVER} other.example -- go {TWO} 80".split())
            self.assertEqual(out.lines(), [f"told {ONE}", "OK", "NXDOMAIN", "EACCES"], out)

    def test_mode_audit_tells_every_name_and_says_so(self):
        self.network.zone({"other.example": {"a": [THREE]}})
        bundle = self.names_bundle(PROFILE.replace("network:", "mode: audit\nnetwork:"))
        self.assertEqual(self.said(f"ask connect {SERVER} other.example", f"go {THREE} 80", bundle=bundle), [f"told {THREE}", "OK"])
        self.assertEqual([(line["verdict"], line["host"]) for line in bundle.audit()], [("would-refuse", "other.example")] * 2)


if __name__ == "__main__":
    unittest.main()
