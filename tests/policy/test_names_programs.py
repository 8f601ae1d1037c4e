"""DNS names as real programs look them up: the resolvers of glibc, musl and Node.js (c-ares), each under a profile with a name."""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import dns  # noqa: E402
from harness.bundle import ContainerTest  # noqa: E402
from harness.host_root import use_host_root  # noqa: E402

PROFILE = """\
warder: 1
network:
  connect: ["tcp good.example:80", "tcp alias.example:80"]
"""
ONE, TWO = dns.HOSTS4[:2]
SIX = dns.HOSTS6[0]

# Each looks up a name, connects to each address that it is told and to one that it is not told, and prints what came of it.
GLIBC = f"""\
import errno, socket, sys
def go(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as made:
        return errno.errorcode.get(made.connect_ex((address, 80)), "OK")
for name in sys.argv[1:]:
    try:
        found = sorted({{(family, where[0]) for family, _, _, _, where in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)}})
        print(name, *[address + " " + go(family, address) for family, address in found])
    except socket.gaierror as fault:
        print(name, "unknown")
print("raw", go(socket.AF_INET, "{TWO}"))
"""
NODE = f"""\
const dns = require('dns'), net = require('net');
const go = address => new Promise(done => {{
  const made = net.connect(80, address);
  made.on('connect', () => {{ made.destroy(); done('OK'); }}).on('error', fault => done(fault.code));
}});
(async () => {{
  for (const name of process.argv.slice(2)) {{
    let told = [];
    for (const kind of ['A', 'AAAA']) {{
      try {{ told.push(...await dns.promises.resolve(name, kind)); }} catch (fault) {{ }}
    }}
    const words = [];
    for (const address of told) words.push(address + ' ' + await go(address));
    console.log(name, words.length ? words.join(' ') : 'unknown');
  }}
  console.log('raw', await go('{TWO}'));
}})();
"""
MUSL = f"""\
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
static const char* go(int family, const struct sockaddr* address, socklen_t size) {{
  int fd = socket(family, SOCK_STREAM, 0);
  int failed = connect(fd, address, size) ? errno : 0;
  close(fd);
  return failed == 0 ? "OK" : failed == EACCES ? "EACCES" : "other";
}}
int main(int argc, char** argv) {{
  for (int i = 1; i < argc; i++) {{
    struct addrinfo hints = {{.ai_socktype = SOCK_STREAM}}, *found;
    printf("%s", argv[i]);
    if (getaddrinfo(argv[i], "80", &hints, &found)) {{ printf(" unknown\\n"); continue; }}
    for (; found; found = found->ai_next) {{
      char text[100];
      getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
      printf(" %s %s", text, go(found->ai_family, found->ai_addr, found->ai_addrlen));
    }}
    printf("\\n");
  }}
  struct sockaddr_in raw = {{.sin_family = AF_INET, .sin_port = htons(80)}};
  inet_pton(AF_INET, "{TWO}", &raw.sin_addr);
  printf("raw %s\\n", go(AF_INET, (struct sockaddr*)&raw, sizeof raw));
}}
"""


class Programs(ContainerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = dns.Network().__enter__()
        cls.addClassCleanup(cls.network.__exit__)
        cls.network.zone({"good.example": {"a": [ONE], "aaaa": [SIX]}, "alias.example": {"cname": "good.example"},
                          "other.example": {"a": [TWO]}})

    def check(self, prepare, *command):
        bundle = use_host_root(self.bundle(hostname="names", profile=PROFILE))
        (bundle.directory / "resolv.conf").write_text(f"nameserver {dns.SERVER4}\n")
        bundle.write("/etc/resolv.conf", "")
        bundle.config["mounts"].append({"destination": "/etc/resolv.conf", "type": "bind",
                                        "source": str(bundle.directory / "resolv.conf"), "options": ["rbind", "ro"]})
        for namespace in bundle.config["linux"]["namespaces"]:
            if namespace["type"] == "network":
                namespace["path"] = self.network.path
        prepare(bundle)
        out = bundle.run(*command, "good.example", "alias.example", "other.example")
        said = {line.split()[0]: line.split()[1:] for line in out.lines()}
        both = sorted([ONE, "OK", SIX, "OK"])
        self.assertEqual({name: sorted(words) for name, words in said.items()},
                         {"good.example": both, "alias.example": both, "other.example": ["unknown"], "raw": ["EACCES"]}, out)

    def test_glibc(self):
        self.check(lambda bundle: bundle.write("/work/look.py", GLIBC), "python3", "/work/look.py")

    def test_node(self):
        self.check(lambda bundle: bundle.write("/work/look.js", NODE), "node", "/work/look.js")

    def test_musl(self):
        def compile_it(bundle):
            source = bundle.write("/work/look.c", MUSL)
            subprocess.run(["musl-gcc", "-static", "-o", str(bundle.rootfs / "work/look"), str(source)], check=True)

        self.check(compile_it, "/work/look")


if __name__ == "__main__":
    unittest.main()
