"""The stock profiles, each with the real program that it is for, and with what an attacker would try there."""

import json
import pathlib
import shutil
import sys
import unittest

import jsonschema
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, SOURCE, WARDER, run_command  # noqa: E402
from harness.host_root import use_host_root  # noqa: E402

STOCK = ["base", "default", "ci", "ci-offline", "web", "database", "python", "node", "shell"]


class Files(unittest.TestCase):
    def test_every_profile_fits_the_schema_that_editors_use(self):
        schema = json.loads((SOURCE / "profiles/profile.schema.json").read_text())
        self.assertEqual(sorted(STOCK), sorted(path.stem for path in (SOURCE / "profiles").glob("*.yaml")))
        for name in STOCK:
            jsonschema.validate(yaml.safe_load((SOURCE / f"profiles/{name}.yaml").read_text()), schema)
        for bad in ({"warder": 1, "pahts": {}}, {"paths": {}}, {"warder": 1, "mode": "learned"}, {"warder": 1, "network": {"connect": [5]}}):
            with self.assertRaises(jsonschema.ValidationError, msg=bad):
                jsonschema.validate(bad, schema)

    def test_every_profile_keeps_what_its_tests_promise(self):
        out = run_command([WARDER, "profile", "--profile-dir", str(SOURCE / "profiles"), "test", *STOCK])
        self.assertEqual(out.code, 0, out)


class Stock(ContainerTest):
    def stock(self, name, more="", **changes):
        bundle = use_host_root(self.bundle(hostname="stock", profile=f"warder: 1\nextends: [{name}]\n{more}", **changes))
        bundle.config["process"]["env"].append("LANG=C.UTF-8")
        return bundle

    def refusals(self, bundle):
        return [line for line in bundle.audit() if line["verdict"] in ("refused", "hidden")]

    def assert_works(self, bundle, out, expected):
        self.assertEqual((out.code, out.out.splitlines()[-1:]), (0, [expected]), out)
        self.assertEqual(self.refusals(bundle), [])

    def assert_refused(self, bundle, out, *objects):
        """Each attack failed, and the log says that the profile was it."""
        self.assertNotIn("BREACH", out.out, out)
        named = {line.get("path") or line.get("address") or line["syscall"] for line in self.refusals(bundle)}
        for one in objects:
            self.assertTrue([name for name in named if name.startswith(one)], f"{one} is not among {named}\n{out}")

    ATTACKS = ("attempt() { \"$@\" 2>/dev/null && echo BREACH \"$@\"; }; attempt cat /etc/shadow; attempt sh -c 'echo x >/etc/cron.evil';"
               "attempt sh -c 'echo x >/etc/passwd'; ")

    def attack(self, bundle, container, script, *objects):
        network = ("for a in 169.254.169.254:80 203.0.113.9:4444; do /guests/try_network connect tcp $a | grep -q EACCES || echo BREACH $a; done;"
                   "attempt strace -o /dev/null true; true")
        out = bundle.exec(container, "bash", "-c", self.ATTACKS + script + "\n" + network)
        self.assert_refused(bundle, out, "/etc/shadow", "/etc/cron.evil", "/etc/passwd", "tcp 169.254.169.254:80", "ptrace", *objects)

    def served(self, bundle, container, url):
        code = f"import urllib.request; print(urllib.request.urlopen('{url}', timeout=5).read().decode())"
        return bundle.exec(container, "python3", "-c", code)

    def when_up(self, bundle, container, url):
        def look():
            out = self.served(bundle, container, url)
            return out if out.code == 0 else None
        return self.wait_for(look)


class Web(Stock):
    CONFIGURATION = ("daemon off; worker_processes 2; pid /run/nginx.pid; error_log /var/log/nginx/error.log; events {}\n"
                     "http { access_log /var/log/nginx/access.log; client_body_temp_path /var/cache/nginx; proxy_temp_path /var/cache/nginx/p;"
                     "fastcgi_temp_path /var/cache/nginx/f; uwsgi_temp_path /var/cache/nginx/u; scgi_temp_path /var/cache/nginx/s;"
                     "server { listen 8080; root /var/www; } }\nuser user user;\n")

    def test_nginx_serves_and_what_it_serves_stays_as_it_is(self):
        bundle = self.stock("web", "audit: refused\n")
        bundle.write("/etc/nginx/nginx.conf", self.CONFIGURATION)
        bundle.write("/var/www/index.html", "hello\n")
        bundle.write("/var/www/uploads/tool", "#!/bin/sh\necho BREACH\n", 0o755)
        for name in ("var/log/nginx", "var/cache/nginx"):
            (bundle.rootfs / name).mkdir(parents=True)
        for name in ("bounding", "effective", "permitted"):
            bundle.config["process"]["capabilities"][name] += ["CAP_NET_BIND_SERVICE"]
        with bundle.running("nginx") as container:
            self.assertEqual(self.when_up(bundle, container, "http://127.0.0.1:8080/").out, "hello\n\n")
            self.assertEqual(self.refusals(bundle), [])
            self.assertIn("GET /", (bundle.rootfs / "var/log/nginx/access.log").read_text())
            script = ("attempt sh -c 'echo x >/var/www/index.html'; attempt /var/www/uploads/tool; attempt sh -c 'echo x >/etc/nginx/nginx.conf';"
                      "cp /bin/true /var/cache/nginx/t; chmod 755 /var/cache/nginx/t; attempt /var/cache/nginx/t")
            self.attack(bundle, container, script, "/var/www/index.html", "/var/www/uploads/tool", "/etc/nginx/nginx.conf", "/var/cache/nginx/t")


    def test_what_it_refuses_in_silence_is_refused_all_the_same(self):
        """`web` itself asks for the cheapest enforcers: Landlock, and for files of a rootfs that nobody writes that is all there is."""
        bundle = self.bundle(hostname="stock", profile="warder: 1\nextends: [web]\n")
        for name in ("var/www", "root/.ssh", "home/user", "etc/ssl/private", "etc/cron.d"):
            (bundle.rootfs / name).mkdir(parents=True, exist_ok=True)
        for name in ("/etc/shadow", "/root/.ssh/id_rsa", "/etc/ssl/private/privkey.pem", "/var/www/index.html"):
            bundle.write(name, "secret\n")
        attempts = ["cat /etc/shadow", "cat /root/.ssh/id_rsa", "ls /root/.ssh", "touch /var/www/a", "sh -c 'echo x >/etc/cron.d/evil'",
                    "sh -c 'echo x >/var/www/index.html'", "mv /etc/ssl/private/privkey.pem /tmp/key", "mkdir /home/user/.ssh"]
        script = "".join(f"{one} >/dev/null 2>&1 && echo BREACH {one}; " for one in attempts)
        out = bundle.run("sh", "-c", f"{script} cat /var/www/index.html /etc/ssl/private/privkey.pem; ls /root; echo x >/tmp/a && cat /tmp/a")
        self.assertEqual((out.code, out.out.split()), (0, ["secret", "secret", "x"]), out)

    def test_opening_what_is_served_asks_nobody(self):
        """Where no credentials of people are in the image, opens for reading are Landlock's: PID 1 is not asked."""
        bundle = self.bundle(hostname="stock", profile="warder: 1\nextends: [web]\n")
        bundle.save()
        told = run_command([*bundle.globals(), "create", "--dry-run", "-b", str(bundle.directory), "stock"])
        self.assertEqual(told.code, 0, told)
        asked = {(call["call"], call["when"]) for call in json.loads(told.out)["profile"]["trapped"]}
        self.assertEqual(asked & {("open", ""), ("openat", "")}, set())
        self.assertIn(("openat", "opens for writing"), asked)


class Database(Stock):
    BIN = "/usr/lib/postgresql/15/bin"

    def test_postgres_keeps_a_database_and_sql_reaches_nothing_else(self):
        bundle = self.stock("database")
        bundle.config["process"]["user"].update(uid=1000, gid=1000)
        for name in ("var/lib/postgresql", "run/postgresql"):
            (bundle.rootfs / name).mkdir(parents=True)
            shutil.chown(bundle.rootfs / name, 1000, 1000)
        start = (f"{self.BIN}/initdb -D /var/lib/postgresql/db -A trust --no-sync --locale=C -E UTF8 >/tmp/initdb.log 2>&1 &&"
                 f"exec {self.BIN}/postgres -D /var/lib/postgresql/db -c unix_socket_directories=/run/postgresql -c fsync=off")
        with bundle.running("bash", "-c", start) as container:
            def sql(text):
                return bundle.exec(container, f"{self.BIN}/psql", "-h", "/run/postgresql", "-d", "postgres", "-At", "-c", text)
            self.wait_for(lambda: sql("select 1").code == 0, 60)
            for text in ("create table t(a int)", "insert into t select generate_series(1, 1000)", "create index on t(a)", "vacuum"):
                self.assertEqual(sql(text).code, 0, text)
            self.assert_works(bundle, sql("select sum(a) from t"), "500500")
            for attack, name in (("copy (select 'x') to '/tmp/../etc/cron.evil'", "/etc/cron.evil"),
                                 ("copy t(a) from '/etc/shadow'", "/etc/shadow"),
                                 ("copy (select 1) to program 'cp /bin/true /var/lib/postgresql/x; chmod 755 /var/lib/postgresql/x; /var/lib/postgresql/x'", "/var/lib/postgresql/x")):
                self.assertNotEqual(sql(attack).code, 0, attack)
                self.assertIn(name, {line.get("path") for line in self.refusals(bundle)}, attack)
            self.attack(bundle, container, "", "tcp 203.0.113.9:4444")


class Languages(Stock):
    PYTHON = '''
import http.server, json, multiprocessing, os, socket, sqlite3, subprocess, sys, threading, urllib.request
def square(x): return x * x
if __name__ == "__main__":
    base = sqlite3.connect("/data/app.db"); base.execute("create table if not exists t(a)"); base.execute("insert into t values (1)"); base.commit()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert urllib.request.urlopen("http://127.0.0.1:8000/main.py").status == 200
    with multiprocessing.Pool(2) as pool: assert pool.map(square, [1, 2, 3]) == [1, 4, 9]
    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout == b"1\\n"
    print("works")
'''
    PYTHON_ATTACK = '''
import os, socket, subprocess
def attempt(what, call):
    try: call()
    except OSError: return
    print("BREACH", what)
attempt("module", lambda: open("/usr/lib/python3/dist-packages/evil.py", "w"))
attempt("code", lambda: open("/app/main.py", "a"))
attempt("keys", lambda: open("/root/.aws/credentials"))
open("/data/tool", "w").write("#!/bin/sh\\n"); os.chmod("/data/tool", 0o755)
attempt("tool", lambda: subprocess.run(["/data/tool"]))
attempt("metadata", lambda: socket.create_connection(("169.254.169.254", 80), 1))
attempt("shell", lambda: socket.create_connection(("203.0.113.9", 4444), 1))
'''

    def test_a_python_application_runs_and_cannot_be_made_into_another(self):
        bundle = self.stock("python", cwd="/app")
        bundle.write("/app/main.py", self.PYTHON)
        bundle.write("/root/.aws/credentials", "secret")
        self.assert_works(bundle, bundle.run("python3", "-B", "main.py"), "works")
        bundle.write("/app/attack.py", self.PYTHON_ATTACK)
        self.assert_refused(bundle, bundle.run("python3", "-B", "attack.py"), "/usr/lib/python3/dist-packages/evil.py", "/app/main.py",
                            "/root/.aws/credentials", "/data/tool", "tcp 169.254.169.254:80", "tcp 203.0.113.9:4444")

    NODE = '''
const http = require("http"), fs = require("fs"), child = require("child_process"), { Worker } = require("worker_threads");
const left = require("left");
fs.writeFileSync("/data/state.json", "{}");
const server = http.createServer((q, a) => a.end("hi")).listen(3000, () => {
  http.get("http://127.0.0.1:3000/", answer => { answer.resume(); answer.on("end", () => {
    new Worker("require('worker_threads').parentPort.postMessage(1)", { eval: true }).once("message", () => {
      child.execFile(process.execPath, ["-p", "1+1"], (error, out) => { console.log(left("works") + (out.trim() === "2" ? "" : " not")); server.close(); process.exit(); });
    }); }); });
});
'''
    NODE_ATTACK = '''
const fs = require("fs"), net = require("net"), child = require("child_process");
const attempt = (what, call) => { try { call(); console.log("BREACH", what); } catch (e) { } };
attempt("package", () => fs.writeFileSync("/app/node_modules/left/index.js", "x"));
attempt("code", () => fs.appendFileSync("/app/main.js", "x"));
attempt("token", () => fs.readFileSync("/root/.npmrc"));
fs.writeFileSync("/data/tool", "#!/bin/sh\\n", { mode: 0o755 });
attempt("tool", () => child.execFileSync("/data/tool"));
for (const [host, port] of [["169.254.169.254", 80], ["203.0.113.9", 4444]])
  net.connect(port, host).on("connect", () => console.log("BREACH", host)).on("error", e => { if (e.code !== "EACCES") console.log("BREACH", e.code); });
'''

    def test_a_node_application_runs_and_its_packages_stay_what_they_are(self):
        bundle = self.stock("node", cwd="/app")
        bundle.write("/app/main.js", self.NODE)
        bundle.write("/app/node_modules/left/index.js", "module.exports = text => text;\n")
        bundle.write("/root/.npmrc", "//registry/:_authToken=secret\n")
        self.assert_works(bundle, bundle.run("node", "main.js"), "works")
        bundle.write("/app/attack.js", self.NODE_ATTACK)
        self.assert_refused(bundle, bundle.run("node", "attack.js"), "/app/node_modules/left/index.js", "/app/main.js", "/root/.npmrc",
                            "/data/tool", "tcp 169.254.169.254:80", "tcp 203.0.113.9:4444")


class Jobs(Stock):
    JOB = ("set -e; cd /work; printf '#include <stdio.h>\\nint main(void) { return puts(\"works\") < 0; }\\n' >a.c; gcc -O1 a.c -o a;"
           "python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 0)); c = socket.create_connection(s.getsockname()); c.close()'; ./a")

    def test_a_build_works_offline_and_reaches_nobody(self):
        for name in ("ci", "ci-offline"):
            with self.subTest(name):
                bundle = self.stock(name)
                self.assert_works(bundle, bundle.run("bash", "-c", self.JOB), "works")
        with bundle.running() as container:
            script = "mkdir -p /work/.git; attempt mkdir /work/.git/hooks; attempt cat /root/.netrc; /guests/try_network sendto udp 10.0.0.1:53 | grep -q '= OK' && echo BREACH dns"
            bundle.write("/root/.netrc", "secret")
            self.attack(bundle, container, script, "/work/.git/hooks", "/root/.netrc", "udp 10.0.0.1:53", "tcp 203.0.113.9:4444")

    def test_a_person_works_in_a_shell_without_a_network(self):
        bundle = self.stock("shell", cwd="/home/user")
        bundle.write("/run/secrets/token", "secret")
        bundle.write("/root/.ssh/id", "secret")
        out = bundle.run("bash", "-lc", "set -e; cd ~; printf '#!/bin/bash\\necho $((6 * 7))\\n' >a.sh; chmod +x a.sh; ./a.sh | grep -q 42; ls /run/secrets 2>/dev/null | wc -l;"
                                        + self.JOB)
        self.assertEqual((out.code, out.lines()), (0, ["0", "works"]), out)
        self.assertEqual([line for line in self.refusals(bundle) if line["path"] != "/run/secrets"], [])
        with bundle.running() as container:
            self.attack_shell(bundle, container)

    def attack_shell(self, bundle, container):
        out = bundle.exec(container, "bash", "-c", self.ATTACKS + "attempt sh -c 'echo x >>/root/.bashrc'; attempt cat /root/.ssh/id; attempt cat /run/secrets/token;"
                                     "/guests/try_network connect tcp 203.0.113.9:443 | grep -q EACCES || echo BREACH; true")
        self.assert_refused(bundle, out, "/etc/shadow", "/root/.bashrc", "/root/.ssh/id", "/run/secrets/token", "tcp 203.0.113.9:443")


if __name__ == "__main__":
    unittest.main()
