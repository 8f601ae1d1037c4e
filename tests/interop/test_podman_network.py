"""`podman run --network`: none, host and bridge, and published ports; names of a profile."""
import pathlib
import socket
import threading
import time
import urllib.error
import urllib.request

from harness import dns
from harness.podman import PodmanTest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Greeter(threading.Thread):
    """Says hello to the first peer on a port of the loopback device; gives the port to its block."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.start()
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.join()
        self.listener.close()

    def run(self):
        with self.listener.accept()[0] as peer:
            peer.sendall(b"hello\n")


class Network(PodmanTest):
    def test_none_has_only_loopback(self):
        self.assertEqual(self.in_container("ls /sys/class/net", "--network", "none"), "lo")

    def test_host_sees_the_interfaces_of_the_host(self):
        with Greeter() as port:
            self.assertEqual(self.in_container(f"nc 127.0.0.1 {port}", "--network", "host"), "hello")

    def test_a_published_port_of_a_bridge_is_served(self):
        port = free_port()
        self.start("-p", f"127.0.0.1:{port}:80", network=None,
                   command=("sh", "-c", "echo served > /var/www/index.html; exec httpd -f -p 80 -h /var/www"))

        def fetched():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
                return None

        self.assertEqual(self.wait_for(fetched, what="an answer from the published port"), b"served\n")

    def test_a_bridge_gives_an_address_and_a_route(self):
        out = self.in_container("ip -4 addr show eth0; ip route", "--network", "bridge")
        self.assertIn("inet 10.88.", out)
        self.assertIn("default via", out)

    def test_a_container_joins_the_network_of_another(self):
        first = self.start(command=("httpd", "-f", "-p", "127.0.0.1:4000", "-h", "/etc"))
        out = self.in_container("until wget -qO- http://127.0.0.1:4000/group; do sleep 0.05; done", "--network",
                                f"container:{first}")
        self.assertIn("user:x:1000:", out)

    def test_names_of_a_profile_are_those_that_the_engines_files_give(self):
        host = self.name("names")
        profile = pathlib.Path(f"/etc/warder/profiles/{host}.yaml")
        profile.write_text('warder: 1\nnetwork:\n  connect: ["tcp good.example:80", "tcp added.example:80"]\n')
        self.addCleanup(profile.unlink)
        one, two, three = dns.HOSTS4[:3]
        script = "; ".join(f"nc -w 3 {address} 80 </dev/null && echo {address}"
                           for address in (one, two, three)) + "; nslookup good.example | tail -n +3"
        with dns.Network() as network:
            network.zone({"good.example": {"a": [one]}})
            options = ("--hostname", host, "--network", f"ns:{network.path}", "--dns", dns.SERVER4, "--add-host", f"added.example:{two}")
            out = self.in_container(f"nslookup good.example; nslookup other.example; {script}; true", *options)
        self.assertIn(f"Address: {one}", out)
        self.assertIn("NXDOMAIN", out)
        self.assertEqual([line for line in out.splitlines() if line in (one, two, three)], [one, two], out)
