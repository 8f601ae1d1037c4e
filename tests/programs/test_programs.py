"""Real programs under a profile that traps everything that can be trapped: the same result as under runc, nothing left behind.

Each case is a shell script that runs in a copy-on-write view of this machine's own root file system, once natively and once
supervised; exit code and output must be equal. The cases marked `long` run with WARDER_LONG=1 (`./dev test --long`) only; a program
that is not installed is a skip there, and an error in the short choice.
"""

import os
import pathlib
import shutil
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import Bundle, ContainerTest, run_command  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "policy"))
from test_differential import TRAP_EVERYTHING  # noqa: E402

LONG = os.environ.get("WARDER_LONG") == "1"

# What tells one run from another, and means nothing: taken out of both outputs by sed.
PYTHON_NOISE = r"s/in [0-9.]*m\?s//; s/[0-9.]* sec//; s/pid=[0-9]*//; /load avg/d; s/0x[0-9a-f]*//g; s/[0-9]*:[0-9]*:[0-9]*//"


def python_tests(*modules):
    """CPython's own tests of these modules; each failure is named, so that both runs can be compared."""
    names = " ".join(modules)
    return f"""
cd /tmp && export HOME=/tmp PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -m test -v {names} > log 2>&1 < /dev/null
grep -E '^(test_[A-Za-z0-9_]+ \\(.*\\.\\.\\. |ERROR: |FAIL: |Ran |OK|FAILED)' log |
  sed -e 's/ in [0-9.]*s$//' -e 's/ \\.\\.\\..*\\(ok\\|FAIL\\|ERROR\\|skipped .*\\)$/ ... \\1/' | sort
"""


CASES = {
    # name: (programs, script, long)
    "compiler_and_make": (["gcc", "make"], """
mkdir -p /tmp/tree && cd /tmp/tree
for i in $(seq 1 12); do echo "int f$i(void) { return $i; }" > f$i.c; done
{ echo '#include <stdio.h>'; for i in $(seq 1 12); do echo "int f$i(void);"; done
  echo 'int main(void) { int s = 0;'; for i in $(seq 1 12); do echo "s += f$i();"; done; echo 'printf("%d\\n", s); return 0; }'; } > main.c
printf 'all: prog\\nOBJS = $(patsubst %%.c,%%.o,$(wildcard *.c))\\nprog: $(OBJS)\\n\\t$(CC) -o $@ $^\\n%%.o: %%.c\\n\\t$(CC) -O1 -c -o $@ $<\\nclean:\\n\\trm -f *.o prog\\n' > Makefile
make -j4 > log 2>&1; echo "make $?"; ./prog; make -q all; echo "up to date $?"
touch f3.c; make -j4 | grep -c f3.o; ./prog; make clean > /dev/null; ls
""", False),
    "git": (["git"], """
export HOME=/tmp GIT_AUTHOR_DATE='2020-01-01 00:00:00 +0000' GIT_COMMITTER_DATE='2020-01-01 00:00:00 +0000'
cd /tmp && git config --global user.email a@b && git config --global user.name n && git config --global init.defaultBranch main
git init -q one && cd one
for i in $(seq 1 40); do echo "line $i" > file$i; mkdir -p d$((i % 5)); cp file$i d$((i % 5))/; done
git add . && git commit -q -m first && git rev-parse HEAD
git checkout -q -b topic && git mv file1 moved && sed -i s/line/LINE/ file2 && git commit -qam second && git rev-parse HEAD
git checkout -q main && echo more >> file3 && git commit -qam third && git merge -q -m merged topic && git rev-parse HEAD
cd .. && git clone -q one two && cd two && git log --format=%H && git gc -q && git fsck --full; echo "fsck $?"
git stash list; echo x > file4; git stash -q; git stash pop -q; git status --short; git worktree add -q ../three topic && ls ../three | wc -l
git clone -q --bare /tmp/one /tmp/bare && cd /tmp/two && git push -q /tmp/bare main:pushed && git ls-remote /tmp/bare
""", False),
    "tar_of_many_files": (["tar"], """
mkdir -p /tmp/many && cd /tmp/many
i=0; while [ $i -lt 100 ]; do mkdir d$i; i=$((i+1)); done
seq 1 2000 | while read n; do echo $n > d$((n % 100))/$n; done
ln d1/1 hard; ln -s d1/1 soft; mkfifo fifo; chmod 4711 d2/2
tar -C /tmp -cf /tmp/a.tar many && mkdir /tmp/out && tar -C /tmp/out -xpf /tmp/a.tar && diff -r --no-dereference -x fifo /tmp/many /tmp/out/many
echo "diff $?"; stat -c '%a %h %F' /tmp/out/many/hard /tmp/out/many/soft /tmp/out/many/fifo /tmp/out/many/d2/2
find /tmp/out | wc -l; cp -a /tmp/out /tmp/copy && rm -rf /tmp/out && du -a /tmp/copy | wc -l; tar -C /tmp -czf - copy | tar -tzf - | wc -l
""", False),
    "tar_of_ten_thousand_files": (["tar"], """
mkdir -p /tmp/many && cd /tmp/many
seq 0 99 | sed s/^/d/ | xargs mkdir; seq 1 10000 | while read n; do echo $n > d$((n % 100))/$n; done
tar -C /tmp -cf /tmp/a.tar many && mkdir /tmp/out && tar -C /tmp/out -xpf /tmp/a.tar && diff -r /tmp/many /tmp/out/many; echo $?
tar -tf /tmp/a.tar | wc -l; rm -rf /tmp/out; ls /tmp
""", True),
    "pipelines": (["dash", "busybox"], """
cat > /tmp/p.sh <<'END'
i=0; while [ $i -lt 100 ]; do
  r=$(echo a b c | tr a-c x-z | cat); [ "$r" = 'x y z' ] || echo "bad $i: $r"
  n=$(seq 1 50 | sort -rn | head -3 | tail -1); [ "$n" = 48 ] || echo "bad $i: $n"; i=$((i+1)); done; echo done
END
dash /tmp/p.sh; busybox sh /tmp/p.sh
""", False),
    "a_thousand_pipelines": (["dash", "busybox"], """
cat > /tmp/p.sh <<'END'
i=0; while [ $i -lt 1000 ]; do r=$(echo a b c | tr a-c x-z | cat); [ "$r" = 'x y z' ] || echo "bad $i: $r"; i=$((i+1)); done; echo done
END
dash /tmp/p.sh; busybox sh /tmp/p.sh
""", True),
    "python": (["/usr/bin/python3"], """
cd /tmp && cat > t.py <<'END'
import os, subprocess, tempfile, shutil, pathlib, socket, threading, asyncio, mmap, zipfile, sqlite3, multiprocessing
d = pathlib.Path(tempfile.mkdtemp()); (d / "a").write_text("x"); (d / "b").symlink_to("a"); os.link(d / "a", d / "c")
print(sorted(p.name for p in d.rglob("*")), (d / "b").resolve().name, os.stat(d / "a").st_nlink)
shutil.copytree(d, str(d) + "2", symlinks=True); shutil.rmtree(d); print(os.path.exists(d))
print(subprocess.run(["sh", "-c", "echo $0; exit 3"], capture_output=True, close_fds=True, cwd="/"))
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); c = socket.create_connection(s.getsockname()); c.send(b"hi")
print(s.accept()[0].recv(9))
a, b = socket.socketpair(); socket.send_fds(a, [b"x"], [os.open("/etc/passwd", os.O_RDONLY)]); print(os.read(socket.recv_fds(b, 1, 1)[1][0], 4))
async def main():
    server = await asyncio.start_unix_server(lambda r, w: (w.write(b"pong"), w.close()), "/tmp/sock")
    r, w = await asyncio.open_unix_connection("/tmp/sock"); print(await r.read()); server.close()
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1); print(await p.communicate(b"data"))
asyncio.run(main())
db = sqlite3.connect("/tmp/db"); db.execute("create table t(x)"); db.executemany("insert into t values(?)", [(i,) for i in range(99)]); db.commit()
print(db.execute("select sum(x) from t").fetchone())
f = open("/tmp/m", "w+b"); f.truncate(8192); m = mmap.mmap(f.fileno(), 0); m[5000] = 7; print(f.seek(5000), f.read(1))
def work(n): return sum(len(os.listdir("/etc")) > 0 for _ in range(n))
if __name__ == "__main__":
    with multiprocessing.Pool(4) as pool: print(pool.map(work, [10] * 8))
    ts = [threading.Thread(target=work, args=(20,)) for _ in range(64)]; [t.start() for t in ts]; [t.join() for t in ts]; print("threads")
END
/usr/bin/python3 t.py 2>&1 | sed 's/tmp[a-z0-9_]*//'
""", False),
    "python_tests_of_files": (["/usr/bin/python3"], python_tests("test_os", "test_posix", "test_tempfile", "test_shutil", "test_pathlib",
                                                                 "test_fcntl", "test_mmap", "test_tarfile", "test_glob", "test_zipfile",
                                                                 "test_fileio", "test_io", "test_stat", "test_genericpath"), True),
    "python_tests_of_processes": (["/usr/bin/python3"], python_tests("test_subprocess", "test_signal", "test_posix", "test_pty",
                                                                     "test_multiprocessing_spawn", "test_threading"), True),
    "python_tests_of_sockets": (["/usr/bin/python3"], python_tests("test_socket", "test_socketserver", "test_selectors", "test_select",
                                                                   "test_asyncio", "test_ftplib", "test_httplib", "test_smtplib"), True),
    "perl": (["perl"], """
cd /tmp && perl -e '
open my $f, ">", "x" or die; print $f "a\\nb\\n"; close $f; print -s "x", " ", -f "x", " ", (stat "x")[3], "\\n";
rename "x", "y"; print -e "x" ? "there" : "gone", "\\n"; chmod 0600, "y"; printf "%o\\n", (stat "y")[2]; utime 1, 2, "y"; print((stat "y")[9], "\\n");
mkdir "d"; symlink "y", "l"; print readlink "l", "\\n"; opendir my $d, "."; print join(",", sort grep /^[dly]$/, readdir $d), "\\n";
open my $p, "-|", "echo piped" or die; print <$p>; truncate "y", 1; print -s "y", "\\n"; unlink "y", "l"; rmdir "d"; print -e "d" ? 1 : 0, "\\n";
use Socket; socketpair my $a, my $b, AF_UNIX, SOCK_STREAM, 0; syswrite $a, "hello"; sysread $b, my $t, 5; print "$t\\n"; use Fcntl ":flock";
open my $k, ">", "k"; print flock($k, LOCK_EX | LOCK_NB) ? "locked" : "not", "\\n"; print -t STDIN ? "tty" : "none", "\\n"; exec "sh", "-c", "exit 4"'
echo $?
""", False),
    "postgres": (["/usr/lib/postgresql/15/bin/initdb"], """
export PATH=/usr/lib/postgresql/15/bin:$PATH; mkdir -p /tmp/pg && chown postgres /tmp/pg && cd /tmp/pg
cat > run.sh <<'END'
initdb -D /tmp/pg/data -A trust > /tmp/pg/init.log 2>&1; echo "initdb $?"
pg_ctl -D /tmp/pg/data -o '-k /tmp/pg -h 127.0.0.1 -c dynamic_shared_memory_type=posix' -l /tmp/pg/log -w start > /dev/null; echo "start $?"
createdb -h /tmp/pg bench; pgbench -h /tmp/pg -i -s 1 bench > /dev/null 2>&1; echo "init $?"
pgbench -h /tmp/pg -c 4 -j 2 -t 200 bench 2>&1 | grep -E 'processed|failed'
psql -h 127.0.0.1 -d bench -Atc 'select count(*) from pgbench_accounts; select sum(abalance) - (select sum(delta) from pgbench_history) from pgbench_accounts;'
pg_dump -h /tmp/pg bench | grep -c '^COPY'; pg_ctl -D /tmp/pg/data -m fast -w stop > /dev/null; echo "stop $?"; ls /tmp/pg
END
setpriv --reuid postgres --regid postgres --clear-groups sh run.sh 2>&1
""", True),
    "redis": (["redis-server"], """
cd /tmp && redis-server --port 7777 --unixsocket /tmp/r.sock --daemonize yes --dir /tmp --appendonly yes --save '' > /dev/null
for i in $(seq 50); do redis-cli -s /tmp/r.sock ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done
seq 1 500 | sed 's/.*/SET k& v&/' | redis-cli -p 7777 | sort | uniq -c; redis-cli -s /tmp/r.sock dbsize; redis-cli -p 7777 bgrewriteaof > /dev/null
redis-benchmark -p 7777 -n 2000 -c 20 -q -t set,get 2>&1 | grep -c 'requests per second'
redis-cli -p 7777 save; redis-cli -p 7777 shutdown; sleep 0.5; redis-server --port 7777 --daemonize yes --dir /tmp --appendonly yes > /dev/null; sleep 1
redis-cli -p 7777 get k77; redis-cli -p 7777 shutdown nosave; ls /tmp | grep -v sock
""", True),
    "nginx": (["nginx", "wrk"], """
mkdir -p /tmp/www /tmp/log && cd /tmp && seq 1 1000 > www/index.html && dd if=/dev/zero of=www/big bs=1M count=4 2>/dev/null
cat > n.conf <<'END'
worker_processes 2; pid /tmp/n.pid; error_log /tmp/log/e; events { worker_connections 256; }
http { access_log /tmp/log/a; client_body_temp_path /tmp/log/b; proxy_temp_path /tmp/log/p; fastcgi_temp_path /tmp/log/f; uwsgi_temp_path /tmp/log/u;
 scgi_temp_path /tmp/log/s; sendfile on; server { listen 127.0.0.1:8088; root /tmp/www; } server { listen unix:/tmp/n.sock; root /tmp/www; } }
END
nginx -c /tmp/n.conf; echo "start $?"; wrk -t2 -c20 -d2s http://127.0.0.1:8088/ | grep -E 'Non-2xx|Socket errors'
/usr/bin/python3 -c 'import urllib.request as u; print(len(u.urlopen("http://127.0.0.1:8088/big").read()), len(u.urlopen("http://127.0.0.1:8088/").read()))'
nginx -c /tmp/n.conf -s reload; sleep 1; mv log/a log/old; nginx -c /tmp/n.conf -s reopen; sleep 1; ls log; nginx -c /tmp/n.conf -s quit; sleep 1; ls *.pid 2>&1; cat log/e | grep -c emerg
""", True),
    "node": (["node", "npm"], """
export HOME=/tmp npm_config_cache=/tmp/cache npm_config_update_notifier=false; cd /tmp
for p in a b c; do mkdir -p src/$p && cd src/$p && echo '{"name":"'$p'","version":"1.0.0","main":"i.js"}' > package.json && echo "module.exports='$p'" > i.js && npm pack -s && cd ../..; done
mkdir app && cd app && echo '{"name":"app","version":"1.0.0","dependencies":{"a":"file:../src/a/a-1.0.0.tgz","b":"file:../src/b/b-1.0.0.tgz","c":"file:../src/c/c-1.0.0.tgz"}}' > package.json
npm install --offline --no-audit --no-fund 2>&1 | sed 's/ in .*//'; rm -rf node_modules; npm ci --offline --no-audit --no-fund 2>&1 | sed 's/ in .*//'; find node_modules -type f | sort
node -e 'console.log(require("a"), require("b")); const fs=require("fs"), cp=require("child_process"), net=require("net");
fs.mkdirSync("d/e",{recursive:true}); fs.writeFileSync("d/e/f","x"); fs.renameSync("d/e/f","d/g"); console.log(fs.readdirSync("d"), fs.statSync("d/g").size);
console.log(cp.execFileSync("echo",["child"]).toString()); const w=fs.watch("d",(e,n)=>{console.log(e,n); w.close(); s.close();});
const s=net.createServer(c=>c.end("served")).listen("/tmp/node.sock",()=>net.connect("/tmp/node.sock").on("data",d=>{console.log(d.toString()); fs.writeFileSync("d/new","y")}));'
""", True),
    "go": (["go"], """
export HOME=/tmp GOCACHE=/tmp/gocache GOFLAGS=-mod=mod GOTOOLCHAIN=local; mkdir -p /tmp/g && cd /tmp/g
cat > main.go <<'END'
package main

import ("fmt"; "net"; "os"; "os/exec"; "path/filepath"; "runtime"; "sync"; "time")

func main() {
	var wg sync.WaitGroup
	dir, _ := os.MkdirTemp("", "g")
	bad := 0
	var mu sync.Mutex
	stop := make(chan bool)
	for i := 0; i < 4; i++ { go func() { for { select { case <-stop: return; default: for j := 0; j < 1000000; j++ {} ; runtime.Gosched() } } }() }
	for i := 0; i < 64; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for j := 0; j < 50; j++ {
				p := filepath.Join(dir, fmt.Sprint(i))
				if os.WriteFile(p, []byte("x"), 0600) != nil || os.Rename(p, p+"r") != nil || os.Remove(p+"r") != nil { mu.Lock(); bad++; mu.Unlock() }
			}
		}(i)
	}
	wg.Wait()
	close(stop)
	fmt.Println("bad", bad)
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go func() { c, _ := l.Accept(); c.Write([]byte("hello")); c.Close() }()
	c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second)
	b := make([]byte, 9)
	n, _ := c.Read(b)
	fmt.Println(string(b[:n]), err)
	out, err := exec.Command("echo", "child").Output()
	fmt.Print(string(out), err, "\\n")
}
END
echo 'module g' > go.mod; go build -o prog . ; echo "build $?"; ./prog; go vet . ; echo "vet $?"
""", True),
    "packages": (["dpkg-deb", "apt-get"], """
export DEBIAN_FRONTEND=noninteractive; mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/pkg && cd /tmp
printf 'Package: pkg\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: d\\n' > p/DEBIAN/control
printf '#!/bin/sh\\necho configured $1\\n' > p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst; seq 1 100 > p/usr/share/pkg/data; ln -s data p/usr/share/pkg/link
dpkg-deb --root-owner-group -b p pkg.deb > /dev/null; echo "build $?"; dpkg -i pkg.deb 2>&1 | grep -v 'Reading database\\|Processing'; echo "install $?"
dpkg -s pkg | grep Status; ls -l /usr/share/pkg | awk '{print $1, $9}'; dpkg --verify pkg; dpkg -P pkg 2>&1 | grep -v 'Reading database'; ls /usr/share/pkg 2>&1
apt-get install -y --no-download ./pkg.deb 2>&1 | grep -E '^(Setting up|configured|E:)'; dpkg -s pkg | grep Status; apt-get remove -y pkg > /dev/null 2>&1; echo "remove $?"
""", True),
}


class Programs(ContainerTest):
    time_limit = 1500 if LONG else 240

    def setUp(self):
        self.view = None

    def with_own_root(self, bundle):
        """The machine's root file system below the bundle's, changes thrown away; a tmpfs holds them."""
        top = bundle.directory / "view"
        top.mkdir()
        made = run_command(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(top)], 10)
        self.assertEqual(made.code, 0, made)
        for name in ("upper", "work"):
            (top / name).mkdir(mode=0o755)
        shutil.rmtree(bundle.rootfs)
        bundle.rootfs.mkdir()
        made = run_command(["mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={top}/upper,workdir={top}/work", "overlay",
                            str(bundle.rootfs)], 10)
        self.assertEqual(made.code, 0, made)
        for name in ("guests", "work"):
            (bundle.rootfs / name).mkdir(exist_ok=True)
        for place in ("tmp", "var/tmp", "run"):
            bundle.config["mounts"].append({"destination": "/" + place, "type": "tmpfs", "source": "tmpfs",
                                            "options": ["mode=1777", "nosuid", "nodev"]})

    def compare(self, script, timeout):
        outcomes = []
        for supervised in (False, True):
            with Bundle(hostname="programs", profile=TRAP_EVERYTHING) as bundle:
                self.with_own_root(bundle)
                run = bundle.run if supervised else bundle.native
                preamble = "ip link set lo up 2>/dev/null; export LC_ALL=C.UTF-8\n"
                bundle.config["process"]["capabilities"] = {
                    kind: [*names, "CAP_NET_ADMIN"] for kind, names in bundle.config["process"]["capabilities"].items()}
                outcomes.append(run("/bin/sh", "-c", preamble + script, timeout=timeout))
        native, supervised = outcomes
        self.assertIsNotNone(native.code, "the reference run did not end")
        self.assertIsNotNone(supervised.code, f"supervised it did not end: {supervised!r}"[-3000:])
        self.assertEqual((native.code, native.out), (supervised.code, supervised.out), f"stderr: {supervised.err[-2000:]}")
        self.assertTrue(native.out.strip(), f"the case says nothing: {native!r}")


    def counts(self, bundle):
        """Descriptors and threads of PID 1."""
        pid = (bundle.directory / "pid").read_text().strip()
        return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))

    def test_the_supervisor_keeps_nothing_of_them(self):
        """Programs that come and go in one container: afterwards PID 1 has the descriptors and threads that it had before."""
        with Bundle(hostname="programs", profile=TRAP_EVERYTHING) as bundle:
            self.with_own_root(bundle)
            with bundle.running("/bin/sleep", "600") as container:
                self.assertEqual(bundle.exec(container, "/bin/true").code, 0)
                fds, threads = self.counts(bundle)
                for name in ("git", "pipelines", "python"):
                    outcome = bundle.exec(container, "/bin/sh", "-c", "export LC_ALL=C.UTF-8\n" + CASES[name][1], timeout=100)
                    self.assertIsNotNone(outcome.code, f"{name} did not end: {outcome!r}"[-2000:])
                    end = time.monotonic() + 20
                    # Each worker keeps what it opened of its last callers for a while.
                    while (now := self.counts(bundle))[0] > fds + 64 or now[1] > threads + 1:
                        self.assertLess(time.monotonic(), end, f"{name}: {(fds, threads)} before, {now} after")
                        time.sleep(0.1)


def add(name, programs, script, long):
    def test(self):
        if long and not LONG:
            self.skipTest("long: set WARDER_LONG=1")
        missing = [program for program in programs if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
        if missing and long:
            self.skipTest(f"not installed: {', '.join(missing)}")
        self.assertFalse(missing)
        self.compare(script, 700 if long else 110)
    test.__doc__ = f"{name.replace('_', ' ')}: the same supervised as natively"
    setattr(Programs, f"test_{name}", test)


for case, (programs, script, long) in CASES.items():
    add(case, programs, script, long)


if __name__ == "__main__":
    unittest.main()
