"""`network`: addresses in every spelling, sockets of every kind, each allowed one with its refused twin."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import DEFAULT_CAPABILITIES, ContainerTest, needs_guest  # noqa: E402

PROFILE = """\
warder: 1
network:
  connect:
    - "tcp 127.0.0.0/8:80"
    - "!tcp 127.0.0.66:*"
    - "tcp [::1]:80"
    - "udp 127.0.0.1:53"
    - "unix /run/ok/*"
    - "abstract ok-*"
  bind:
    - "tcp *:8080"
    - "udp 127.0.0.1:5353"
    - "unix /work/*"
    - "abstract ok-*"
  families: [inet, inet6, unix]
"""
REFUSED = "EACCES"


class NetworkRules(ContainerTest):
    def results(self, *words, profile=PROFILE, bundle=None):
        bundle = bundle or self.bundle(hostname="net", profile=profile)
        out = bundle.run(needs_guest("try_network"), *" -- ".join(words).split())
        self.assertEqual(len(out.lines()), len(words), out)
        return [line.split("= ")[1] for line in out.lines()]

    def check(self, table, profile=PROFILE):
        bundle = self.bundle(hostname="net", profile=profile)
        found = self.results(*table, bundle=bundle)
        self.assertEqual(dict(zip(table, found)), dict(table))
        return bundle

    def test_spellings_of_an_address(self):
        reached = "ECONNREFUSED"  # nobody listens: the kernel was asked
        self.check({
            "connect tcp 127.0.0.1:80": reached,
            "connect tcp 127.1.2.3:80": reached,
            "connect tcp 127.0.0.1:81": REFUSED,
            "connect tcp 127.0.0.66:80": REFUSED,
            "connect tcp 0.0.0.0:81": REFUSED,
            "connect tcp 10.0.0.1:80": REFUSED,
            "connect tcp 169.254.169.254:80": REFUSED,
            "connect tcp6 [::1]:80": reached,
            "connect tcp6 [::1]:81": REFUSED,
            "connect tcp6 [::ffff:127.0.0.1]:80": reached,
            "connect tcp6 [::ffff:127.0.0.1]:81": REFUSED,
            "connect tcp6 [::ffff:127.0.0.66]:80": REFUSED,
            "connect tcp6 [::ffff:10.0.0.1]:80": REFUSED,
            "connect tcp6 [::ffff:0.0.0.0]:81": REFUSED,
            "connect tcp6 [::]:81": REFUSED,
            "connect tcp6 [64:ff9b::7f00:1]:80": REFUSED,
            "connect udp 127.0.0.1:53": "OK",
            "connect udp 127.0.0.1:54": REFUSED,
            "connect udp 127.0.0.1:80": REFUSED,
            "connect tcp 127.0.0.1:53": REFUSED,
            "reconnect tcp 127.0.0.1:81": REFUSED,
        })

    def test_every_way_to_send(self):
        self.check({
            "sendto udp 127.0.0.1:53": "OK",
            "sendmsg udp 127.0.0.1:53": "OK",
            "sendmmsg udp 127.0.0.1:53": "OK",
            "sendto udp 127.0.0.1:54": REFUSED,
            "sendmsg udp 127.0.0.1:54": REFUSED,
            "sendmmsg udp 127.0.0.1:54": REFUSED,
            "sendto udp6 [::ffff:127.0.0.1]:54": REFUSED,
            "sendmmsg2 udp 127.0.0.1:54": REFUSED,  # the first of the two, to port 9, is refused already
        })

    def test_a_source_route_is_no_way_around(self):
        table = ("route tcp 127.0.0.66:80", "route udp 127.0.0.66:53", "route tcp6 [::1]:80", "route_message udp 127.0.0.66:53")
        bundle = self.bundle(hostname="net", profile=PROFILE)
        bundle.config["process"]["capabilities"] = {kind: [*DEFAULT_CAPABILITIES, "CAP_NET_RAW"]
                                                    for kind in ("bounding", "effective", "permitted")}
        native = bundle.native(needs_guest("try_network"), *" -- ".join(table).split())
        self.assertEqual([line.split("= ")[1] for line in native.lines()], ["OK"] * len(table), native)
        self.assertEqual(self.results(*table, bundle=bundle), ["EPERM"] * len(table))

    def test_fast_open_is_no_way_around(self):
        found = self.results("fastopen tcp 127.0.0.1:81", "fastopen_msg tcp 127.0.0.1:81", "fastopen_connect tcp 127.0.0.1:81")
        for result in found:
            self.assertIn(result, (REFUSED, "EOPNOTSUPP"))

    def test_binding(self):
        self.check({
            "bind tcp 0.0.0.0:8080": "OK",
            "listen tcp 127.0.0.1:8080": "OK",
            "bind tcp 0.0.0.0:8081": REFUSED,
            "bind tcp 0.0.0.0:0": REFUSED,
            "bind tcp6 [::]:8080": "OK",
            "bind tcp6 [::]:8081": REFUSED,
            "bind udp 127.0.0.1:5353": "OK",
            "bind udp 0.0.0.0:5353": REFUSED,
            "bind udp 127.0.0.1:8080": REFUSED,
            "bind unix /work/a": "OK",
            "bind unix /tmp/a": REFUSED,
            "bind unix /work/../tmp/a": REFUSED,
            "bind abstract ok-1": "OK",
            "bind abstract no-1": REFUSED,
        })

    def test_listening_without_a_bind_is_judged(self):
        self.assertEqual(self.results("listen_unbound tcp 127.0.0.1:1"), [REFUSED])

    def test_unix_sockets(self):
        bundle = self.bundle(hostname="net", profile=PROFILE)
        (bundle.rootfs / "run/ok").mkdir()
        (bundle.rootfs / "run/no").mkdir()
        (bundle.rootfs / "run/ok/link").symlink_to("../no/s")
        (bundle.rootfs / "run/no/link").symlink_to("../ok/s")
        found = self.results("connect unix /run/ok/s", "connect unix /run/no/s", "connect unix /run/ok/../no/s",
                             "connect unix /run/no/link", "connect abstract ok-x", "connect abstract no-x",
                             "connect abstract ok-", "sendto unixdgram /run/no/s", "sendto unixdgram /run/ok/s", bundle=bundle)
        self.assertEqual(found[0], "ENOENT")
        self.assertIn(found[1], (REFUSED, "ENOENT"))
        self.assertIn(found[2], (REFUSED, "ENOENT"))
        self.assertEqual(found[4:6], ["ECONNREFUSED", REFUSED])
        self.assertEqual(found[8], "ENOENT")

    def test_a_link_to_a_refused_socket_is_refused(self):
        import socket
        bundle = self.bundle(hostname="net", profile=PROFILE)
        (bundle.rootfs / "run/ok").mkdir()
        (bundle.rootfs / "run/no").mkdir()
        (bundle.rootfs / "run/ok/link").symlink_to("../no/s")
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(str(bundle.rootfs / "run/no/s"))
        server.listen(5)
        allowed = socket.socket(socket.AF_UNIX)
        self.addCleanup(allowed.close)
        allowed.bind(str(bundle.rootfs / "run/ok/s"))
        allowed.listen(5)
        self.assertEqual(self.results("connect unix /run/ok/s", "connect unix /run/no/s", "connect unix /run/ok/link", bundle=bundle),
                         ["OK", REFUSED, REFUSED])

    def test_families(self):
        table = {f"socket {family} {kind}": "EAFNOSUPPORT" for family, kind in
                 ((16, 3), (17, 2), (38, 5), (40, 1), (44, 3), (30, 5), (29, 3), (21, 5))}
        table |= {"socket 2 1": "OK", "socket 10 2": "OK", "socket 1 5": "OK", "socketpair 1 1": "OK"}
        self.check(table)

    def test_raw_and_other_transports(self):
        for result in self.results("socket 2 3", "socket 10 3", "socket 2 5"):
            self.assertNotEqual(result, "OK")

    def test_an_absent_section_restricts_nothing(self):
        self.assertEqual(self.results("connect tcp 127.0.0.1:81", "bind tcp 0.0.0.0:9999", "connect udp 127.0.0.1:1", "bind unix /tmp/s",
                                      profile='warder: 1\npaths:\n  "/**": all\n  "/x/*": none\n'),
                         ["ECONNREFUSED", "OK", "OK", "OK"])

    def test_a_socket_file_needs_mksock_too(self):
        profile = PROFILE + 'paths:\n  "/**": all\n  "/work/no-*": rx\n'
        self.assertEqual(self.results("bind unix /work/yes-s", "bind unix /work/no-s", profile=profile), ["OK", REFUSED])

    def test_the_log_names_address_line_and_hint(self):
        bundle = self.check({"connect tcp 127.0.0.66:80": REFUSED, "connect tcp 10.0.0.1:443": REFUSED, "bind udp 0.0.0.0:99": REFUSED})
        lines = bundle.audit()
        self.assertEqual([(line["address"], line["rule"].rsplit(":", 1)[1]) for line in lines],
                         [("tcp 127.0.0.66:80", "5"), ("tcp 10.0.0.1:443", "3"), ("udp 0.0.0.0:99", "10")], lines)
        self.assertIn('"tcp 10.0.0.1:443"', lines[1]["hint"])
        self.assertEqual({line["enforcer"] for line in lines}, {"notify"})

    def test_the_errno_of_the_profile(self):
        profile = PROFILE + "on-deny: {errno: ECONNREFUSED}\n"
        self.assertEqual(self.results("connect tcp 10.0.0.1:80", profile=profile), ["ECONNREFUSED"])


if __name__ == "__main__":
    unittest.main()
