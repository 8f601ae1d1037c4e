"""A network of a test's own: a container's side and a server's side, with a DNS server that says what the test wants.

As a module: `Network()` is a context manager. `network.path` is the container's network namespace, `network.zone(...)` sets what the
server answers, `network.questions()` what it was asked. As a program it is the server: DIRECTORY ADDRESS...
"""

import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

SERVER4, SERVER6 = "10.9.0.1", "fd09::1"
CLIENT4, CLIENT6 = "10.9.0.2", "fd09::2"
HOSTS4 = [f"10.9.1.{last}" for last in range(1, 17)]  # of the server's side; each listens on ports 80 and 443
HOSTS6 = [f"fd09:1::{last}" for last in range(1, 5)]
TYPES = {"a": 1, "cname": 5, "txt": 16, "aaaa": 28}


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def read_name(message, offset):
    labels = []
    while message[offset]:
        length = message[offset]
        labels.append(message[offset + 1:offset + 1 + length].decode("latin-1"))
        offset += 1 + length
    return ".".join(labels).lower(), offset + 1


def record(owner, kind, ttl, data):
    return name_bytes(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def data_of(kind, value):
    if kind == "a":
        return socket.inet_aton(value)
    if kind == "aaaa":
        return socket.inet_pton(socket.AF_INET6, value)
    return name_bytes(value) if kind == "cname" else bytes([len(value)]) + value.encode()


class Zone:
    """What a directory's zone.json says: {NAME: {ttl, a: [...], aaaa: [...], cname, rotate, mode}}."""

    def __init__(self, directory):
        self.file = directory / "zone.json"
        self.log = open(directory / "questions", "a", encoding="utf-8", buffering=1)
        self.turn = 0

    def records(self, zone, name, wanted, depth=0):
        entry = zone.get(name)
        if entry is None or depth > 8:
            return []
        ttl = entry.get("ttl", 60)
        if "cname" in entry:
            return [record(name, 5, ttl, name_bytes(entry["cname"]))] + self.records(zone, entry["cname"], wanted, depth + 1)
        values = [(kind, value) for kind in TYPES if kind != "cname" and TYPES[kind] == wanted for value in entry.get(kind, [])]
        if entry.get("rotate") and values:
            values = [values[self.turn % len(values)]]
            self.turn += 1
        return [record(name, TYPES[kind], ttl, data_of(kind, value)) for kind, value in values]

    def answer(self, message, stream):
        """The answer's bytes, or None for silence."""
        number, = struct.unpack_from(">H", message)
        name, offset = read_name(message, 12)
        wanted, = struct.unpack_from(">H", message, offset)
        question = message[12:offset + 4]
        self.log.write(f"{'tcp' if stream else 'udp'} {name} {wanted}\n")
        zone = json.loads(self.file.read_text())
        entry = zone.get(name, {})
        mode = entry.get("mode", "")
        found = self.records(zone, name, wanted)
        code = 0 if name in zone else 3
        flags = 0x8180 | code
        if mode == "silent":
            return None
        if mode == "garbage":
            return message[:2] + bytes(range(1, 200))
        if mode == "short":
            return struct.pack(">HHHHHH", number, flags, 1, 9, 0, 0) + question
        if mode == "loop":  # a name that points to itself
            return struct.pack(">HHHHHH", number, flags, 1, 1, 0, 0) + question + struct.pack(">H", 0xc000 | 12 + len(question)) + \
                struct.pack(">HHIH", 1, 1, 60, 4) + bytes([10, 9, 1, 1])
        if mode == "unrelated":  # addresses of somebody else in the same answer
            found.append(record("elsewhere.example", 1, 60, socket.inet_aton("10.9.1.9")))
        if mode == "other-question":
            question = name_bytes("elsewhere.example") + question[-4:]
            found = [record("elsewhere.example", 1, 60, socket.inet_aton("10.9.1.9"))]
        if mode == "wrong-id":
            number ^= 1
        if mode == "truncate" and not stream:
            flags, found = flags | 0x200, []
        return struct.pack(">HHHHHH", number, flags, 1, len(found), 0, 0) + question + b"".join(found)


def serve(directory, addresses):
    zone = Zone(directory)
    datagrams, listeners, sources = [], [], []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        datagram = socket.socket(family, socket.SOCK_DGRAM)
        datagram.bind((address, 53))
        datagrams.append(datagram)
        listeners.append(socket.create_server((address, 53), family=family))
    for host in HOSTS4 + HOSTS6:
        for port in (80, 443):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sources.append(socket.create_server((host, port), family=family, backlog=200))
    (directory / "ready").touch()
    while True:
        for one in select.select(datagrams + listeners + sources, [], [])[0]:
            try:
                if one in datagrams:
                    message, peer = one.recvfrom(2000)
                    answer = zone.answer(message, False)
                    if answer is not None:
                        one.sendto(answer, peer)
                elif one in listeners:
                    peer = one.accept()[0]
                    peer.settimeout(2)
                    length, = struct.unpack(">H", peer.recv(2, socket.MSG_WAITALL))
                    answer = zone.answer(peer.recv(length, socket.MSG_WAITALL), True)
                    if answer is not None:
                        peer.sendall(struct.pack(">H", len(answer)) + answer)
                    peer.close()
                else:
                    peer, _ = one.accept()
                    peer.close()
            except (OSError, IndexError, struct.error, ValueError) as fault:
                print("dns server:", fault, file=sys.stderr, flush=True)


class Network:
    """Two network namespaces with a wire between them."""

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="warder-test-dns-"))
        self.zone({})
        self.holders = [subprocess.Popen(["unshare", "-n", "sleep", "1000"], stdin=subprocess.DEVNULL) for _ in range(2)]
        container, server = self.holders
        for holder in self.holders:
            own = os.readlink("/proc/self/ns/net")
            deadline = time.monotonic() + 10
            while os.readlink(f"/proc/{holder.pid}/ns/net") == own and time.monotonic() < deadline:
                time.sleep(0.01)
        self.path = f"/proc/{container.pid}/ns/net"
        self.inside(container, f"ip link add wire type veth peer name wire netns {server.pid}")
        for holder, own4, own6 in ((container, CLIENT4, CLIENT6), (server, SERVER4, SERVER6)):
            self.inside(holder, "ip link set lo up && ip link set wire up && "
                        f"ip addr add {own4}/24 dev wire && ip -6 addr add {own6}/64 dev wire nodad")
        self.inside(server, " && ".join([f"ip addr add {host}/32 dev lo" for host in HOSTS4] +
                                        [f"ip -6 addr add {host}/128 dev lo nodad" for host in HOSTS6]))
        self.inside(container, f"ip route add default via {SERVER4} && ip -6 route add default via {SERVER6}")
        self.server = subprocess.Popen(["nsenter", f"--net=/proc/{server.pid}/ns/net", sys.executable, "-B", __file__,
                                        str(self.directory), SERVER4, SERVER6], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not (self.directory / "ready").exists():
            if time.monotonic() > deadline or self.server.poll() is not None:
                self.__exit__()
                raise AssertionError("the DNS server of the test does not start")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        for process in [getattr(self, "server", None), *self.holders]:
            if process is not None:
                process.kill()
                process.wait()
        for name in os.listdir(self.directory):
            os.unlink(self.directory / name)
        self.directory.rmdir()

    @staticmethod
    def inside(holder, command):
        subprocess.run(["nsenter", f"--net=/proc/{holder.pid}/ns/net", "sh", "-c", command], check=True, stdin=subprocess.DEVNULL)

    def zone(self, names):
        fresh = self.directory / "zone.new"
        fresh.write_text(json.dumps(names))
        fresh.rename(self.directory / "zone.json")

    def questions(self):
        """What the server was asked: "udp NAME TYPE" each."""
        return (self.directory / "questions").read_text().splitlines()


if __name__ == "__main__":
    serve(pathlib.Path(sys.argv[1]), sys.argv[2:])
