"""Real jobs, learned once: the same job runs under what was learned with nothing refused, and an attack added to it is refused."""

import gzip
import io
import json
import pathlib
import sys
import tarfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, SOURCE, WARDER, run_command  # noqa: E402
from harness.host_root import use_host_root  # noqa: E402
from harness.settings import use_settings  # noqa: E402



class Jobs(ContainerTest):
    """The container gets the built-in default; the annotation alone makes a run a recording."""

    def job_bundle(self, profile=None, learning=False):
        bundle = use_host_root(self.bundle(hostname="job", profile=profile, cwd="/work"))
        if learning:
            bundle.config["annotations"] = {"io.warder.mode": "learn"}
            use_settings(bundle, f"allow-modes: [learn]\nlearn-directory: {bundle.directory}/recordings\n")
        self.prepare(bundle)
        return bundle

    def prepare(self, bundle):
        """Puts the job's files in place."""

    def learn(self, script, runs=2):
        logs = []
        for _ in range(runs):
            bundle = self.job_bundle(learning=True)
            out = bundle.run("bash", "-c", script, timeout=180)
            self.assertEqual(out.code, 0, out)
            # The container is gone by now, as with --rm; what was recorded is not.
            logs += [str(path) for path in (bundle.directory / "recordings").glob("*.log")]
        self.assertEqual(len(logs), runs)
        learned = run_command([WARDER, "profile", "--profile-dir", str(SOURCE / "profiles"), "learn", *logs])
        self.assertEqual(learned.code, 0, learned)
        return learned.out, logs

    def enforced(self, learned, script):
        bundle = self.job_bundle(learned)
        out = bundle.run("bash", "-c", script, timeout=180)
        return out, [line for line in bundle.audit() if line["verdict"] in ("refused", "hidden")]

    def learn_once_then_enforce(self, script, last_line, attacks):
        learned, logs = self.learn(script)
        self.assertLess(len(learned.splitlines()), 150, learned)
        out, refused = self.enforced(learned, script)
        self.assertEqual((out.code, out.lines()[-1:], refused), (0, [last_line], []), f"{out}\n{learned}")
        for attack, name in attacks:
            out, refused = self.enforced(learned, f"{script}\n{attack} && echo BREACH")
            self.assertNotIn("BREACH", out.out, out)
            self.assertIn(name, {line.get("path") or line.get("address") for line in refused}, f"{attack}\n{out}\n{learned}")
        # The recording is all allowed by what was made of it, and tells which stock profile is too narrow for it.
        profile = self.job_bundle(learned).profiles / "job.yaml"
        out = run_command([WARDER, "profile", "--profile-dir", str(SOURCE / "profiles"), "diff", str(profile), logs[0]])
        self.assertEqual(out.code, 0, out)
        self.assertNotIn("refused by", out.out)
        out = run_command([WARDER, "profile", "--profile-dir", str(SOURCE / "profiles"), "diff", "-f", "json", "base", logs[0]])
        self.assertEqual(out.code, 1, out)
        self.assertTrue(json.loads(out.out)["refused"])
        return learned


class CBuild(Jobs):
    def prepare(self, bundle):
        bundle.write("/work/Makefile", "prog: a.o b.o\n\tgcc -o $@ $^\n%.o: %.c\n\tgcc -O1 -c $<\nclean:\n\trm -f *.o prog\n")
        bundle.write("/work/a.c", "int b(void);\nint main(void) { return b(); }\n")
        bundle.write("/work/b.c", '#include <stdio.h>\nint b(void) { return puts("built") < 0; }\n')

    def test_make(self):
        learned = self.learn_once_then_enforce("make -j2 >/dev/null && ./prog && make clean >/dev/null && make >/dev/null && ./prog", "built",
                                               [("cat /etc/shadow", "/etc/shadow"), ("echo x >/etc/cron.evil", "/etc/cron.evil"),
                                                ("python3 -c 'import socket; socket.create_connection((\"203.0.113.9\", 443), 1)'", "tcp 203.0.113.9:443")])
        self.assertIn("seen in 2 of 2 runs", learned)


class PythonTests(Jobs):
    def prepare(self, bundle):
        bundle.write("/work/calc.py", "def add(a, b): return a + b\n")
        bundle.write("/work/test_calc.py", "import tempfile, unittest, calc\nclass T(unittest.TestCase):\n def test_add(self):\n"
                                           "  with tempfile.NamedTemporaryFile('w') as file: file.write(str(calc.add(1, 2)))\n"
                                           "  with tempfile.TemporaryDirectory() as d: open(d + '/x', 'w').close()\n")

    def test_unittest(self):
        self.learn_once_then_enforce("python3 -m unittest -q 2>&1 | tail -1", "OK",
                                     [("cat /etc/shadow", "/etc/shadow"), ("python3 -c 'open(\"/root/evil\", \"w\")'", "/root/evil"),
                                      ("cp /bin/true /work/true && /work/true", "/work/true")])


class NpmBuild(Jobs):
    def prepare(self, bundle):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, text in (("package.json", '{"name": "left", "version": "1.0.0", "main": "index.js"}'), ("index.js", "module.exports = t => t.trim();")):
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
        bundle.write("/work/package.json", json.dumps({"name": "app", "version": "1.0.0", "scripts": {"build": "node build.js"},
                                                       "dependencies": {"left": "file:left.tgz"}}))
        bundle.write("/work/build.js", 'require("fs").mkdirSync("dist", {recursive: true}); require("fs").writeFileSync("dist/app.js", require("left")(" x "));')
        # The same bytes in each run: npm's cache is named by their hash.
        (bundle.rootfs / "work/left.tgz").write_bytes(gzip.compress(archive.getvalue(), mtime=0))

    def test_npm(self):
        self.learn_once_then_enforce("npm install --offline --no-audit --no-fund >/dev/null && npm run build >/dev/null && cat dist/app.js; echo", "x",
                                     [("cat /etc/shadow", "/etc/shadow"), ("echo x >/root/.bashrc", "/root/.bashrc"),
                                      ("node -e 'require(\"net\").connect(443, \"203.0.113.9\").on(\"error\", () => process.exit(1))'", "tcp 203.0.113.9:443")])


class Nginx(Jobs):
    def prepare(self, bundle):
        bundle.write("/etc/nginx/nginx.conf", "pid /run/nginx.pid; error_log /var/log/nginx/error.log; events {}\nuser user user;\n"
                                              "http { access_log /var/log/nginx/access.log; server { listen 8080; root /srv; } }\n")
        bundle.write("/srv/index.html", "hello\n")
        (bundle.rootfs / "var/lib/nginx").mkdir(parents=True)
        (bundle.rootfs / "var/log/nginx").mkdir(parents=True)

    def test_nginx(self):
        fetch = "python3 -c 'import urllib.request; print(urllib.request.urlopen(\"http://127.0.0.1:8080/\").read().decode().strip())'"
        self.learn_once_then_enforce(f"nginx && {fetch} && nginx -s quit; sleep 0.5; {fetch} 2>/dev/null || echo quit", "quit",
                                     [("cat /etc/shadow", "/etc/shadow"), ("echo x >/srv/index.html", "/srv/index.html")])


if __name__ == "__main__":
    unittest.main()
