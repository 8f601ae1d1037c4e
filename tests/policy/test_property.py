"""Random profiles and requests: what the kernel enforces is what the reference meaning (decide, by `warder profile test`) says.

PROPERTY_ROUNDS=N tries more profiles, PROPERTY_SEED=N others.
"""

import json
import os
import pathlib
import random
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, GUESTS, WARDER, needs_guest, run_command  # noqa: E402

ROUNDS = int(os.environ.get("PROPERTY_ROUNDS", "20"))
SEED = int(os.environ.get("PROPERTY_SEED", "20261128"))
REFUSALS = {"EACCES", "EPERM", "EROFS", "EXDEV", "ENOENT"}
SETS = ["ro", "rx", "rw", "rwx", "all", "none", "hide"]
RIGHTS = ["read", "list", "watch", "exec", "write", "create", "delete", "rename", "link", "symlink", "mkdir", "rmdir", "mkfifo", "truncate",
          "chmod", "utime", "xattr", "chown"]
# What `try` does, and the rights that it takes; {0} an existing file of its own, {1} an existing empty directory, {2} a free name. Each
# succeeds where no profile refuses.
OPERATIONS = [
    ("open {0} r", [("read", "{0}")]),
    ("open {0} w", [("write", "{0}")]),
    ("write {0} x", [("write", "{0}")]),
    ("write {2} x", [("write", "{2}"), ("create", "{2}")]),
    ("list {1}", [("list", "{1}")]),
    ("exec {0}", [("exec", "{0}")]),
    ("stat {0}", [("stat", "{0}")]),
    ("access {0} r", [("stat", "{0}")]),
    ("truncate {0}", [("truncate", "{0}")]),
    ("chmod {0}", [("chmod", "{0}")]),
    ("chown {0}", [("chown", "{0}")]),
    ("utime {0}", [("utime", "{0}")]),
    ("setxattr {0}", [("xattr", "{0}")]),
    ("unlink {0}", [("delete", "{0}")]),
    ("rmdir {1}", [("rmdir", "{1}")]),
    ("mkdir {2}", [("mkdir", "{2}")]),
    ("mkfifo {2}", [("mkfifo", "{2}")]),
    ("symlink x {2}", [("symlink", "{2}")]),
    ("rename {0} {2}", [("rename", "{0} {2}")]),
    ("link {0} {2}", [("link", "{0} {2}")]),
    ("watch {0}", [("watch", "{0}")]),
]


class Property(ContainerTest):
    def pattern(self, rng):
        part = lambda: rng.choice(["a", "b", "c", "?", "*", "[ab]", "{a,c}"])
        leaf = lambda: rng.choice(["f*", "d*", "*", "[fn]*", "**", "**", "*1", "{f,n}?*"])
        return rng.choice([lambda: f"/t/{part()}/{leaf()}", lambda: f"/t/**/{rng.choice(['f*', 'd*', 'n*', '*1', '[fn]*'])}", lambda: f"/t/{part()}/**", lambda: f"/t/{part()}/{part()}/{leaf()}",
                           lambda: f"/{{t,work}}/{part()}/**"])()

    def rights(self, rng):
        return rng.choice(SETS) if rng.random() < 0.6 else "[" + ", ".join(rng.sample(RIGHTS, rng.randint(1, 6))) + "]"

    def entries(self, rng):
        lines = [f'  "/**": {rng.choice(["rx", "rwx", "all", "all"])}']
        lines += [f'  - "{self.pattern(rng)}": {self.rights(rng)}' for _ in range(rng.randint(1, 6))]
        lines = ["  - " + line.strip().removeprefix("- ") for line in lines]
        return "\n".join(lines + ['  - "/guests/**": rx', '  - "/dev/**": rw']) + "\n"

    def decided(self, bundle, text, questions):
        """What the reference says about each (operation, object): a set of those that are allowed."""
        tests = []
        for operation, object_ in questions:
            path, _, target = object_.partition(" ")
            tests.append({"do": operation, "path": path, **({"to": target} if target else {}), "expect": "allow"})
        path = bundle.profile(text + "tests: " + json.dumps(tests) + "\n", "asked")
        out = run_command([WARDER, "profile", "--profile-dir", str(bundle.profiles), "test", "-f", "json", path])
        answers = json.loads(out.out)
        self.assertEqual(len(answers), len(questions), out)
        return {question for question, answer in zip(questions, answers) if answer["is"] == "allow"}

    def tree(self, bundle, count):
        """For each operation a file, a directory and a free name of its own."""
        names = []
        rng = random.Random(count)
        for number in range(count):
            place = "/t/" + "/".join(rng.choice("abc") for _ in range(rng.randint(1, 2)))
            (bundle.rootfs / place[1:] / f"d{number}").mkdir(parents=True)
            # Without arguments `try` does nothing, successfully.
            shutil.copy(pathlib.Path(GUESTS) / "try", bundle.rootfs / place[1:] / f"f{number}")
            other = "/t/" + rng.choice("abc")
            (bundle.rootfs / other[1:]).mkdir(parents=True, exist_ok=True)
            names.append((f"{place}/f{number}", f"{place}/d{number}", f"{other}/n{number}"))
        return names

    def test_paths(self):
        for number in range(ROUNDS):
            rng = random.Random(SEED + number)
            head = rng.choice(["", "", "audit: cheap\n", "live: true\n", "on-deny: {errno: EPERM}\n"])
            text = f"warder: 1\n{head}paths:\n{self.entries(rng)}"
            with self.subTest(seed=SEED + number, profile=text):
                bundle = self.bundle(hostname="property", profile=text)
                if rng.random() < 0.25:
                    bundle.profile(f"warder: 1\npaths:\n{self.entries(rng)}", "mandatory")
                operations = rng.sample(OPERATIONS, 14)
                names = self.tree(bundle, len(operations))
                words, needs = [], []
                for (template, rights), name in zip(operations, names):
                    words += [*template.format(*name).split(), "--"]
                    needs.append([(right, object_.format(*name)) for right, object_ in rights])
                allowed = self.decided(bundle, text, [need for one in needs for need in one])
                lines = bundle.run(needs_guest("try"), *words[:-1]).lines()
                self.assertEqual(len(lines), len(operations), lines)
                for line, need in zip(lines, needs):
                    result = line.rsplit(" = ", 1)[1].split()[0]
                    expected = all(one in allowed for one in need)
                    self.assertTrue(result == "OK" if expected else result in REFUSALS, f"{line}; decide says {'allowed' if expected else 'refused'}")

    def test_addresses(self):
        hosts = ["127.0.0.1", "127.0.0.2", "127.0.1.1", "127.1.0.1", "127.255.0.9"]
        rules = ["tcp *", "tcp 127.0.0.0/24", "!tcp 127.0.0.2", "tcp 127.0.0.0/16:80,90-99", "!tcp *:90", "udp 127.0.0.0/8:53", "!udp 127.0.1.0/24", "tcp 127.1.0.0/16",
                 "!tcp 127.0.0.0/8:9-80", "udp *:1-1000", "tcp *:443"]
        for number in range(ROUNDS // 2):
            rng = random.Random(SEED + number)
            text = "warder: 1\nnetwork:\n" + "".join(f"  {section}: {json.dumps(rng.sample(rules, rng.randint(0, 6)))}\n" for section in ("connect", "bind"))
            with self.subTest(seed=SEED + number, profile=text):
                bundle = self.bundle(hostname="property", profile=text)
                asked = []
                for _ in range(12):
                    operation, kind = rng.choice([("connect", "tcp"), ("bind", "tcp"), ("sendto", "udp"), ("sendmsg", "udp"), ("bind", "udp")])
                    asked.append((operation, kind, f"{rng.choice(hosts)}:{rng.choice([9, 53, 80, 90, 95, 443, 2000])}"))
                questions = [("send" if operation.startswith("send") else operation, f"{kind} {host}") for operation, kind, host in asked]
                tests = [{"do": operation, "to": address, "expect": "allow"} for operation, address in questions]
                path = bundle.profile(text + "tests: " + json.dumps(tests) + "\n", "asked")
                answers = json.loads(run_command([WARDER, "profile", "test", "-f", "json", path]).out)
                lines = bundle.run(needs_guest("try_network"), *" -- ".join(" ".join(one) for one in asked).split()).lines()
                for line, answer in zip(lines, answers, strict=True):
                    refused = line.endswith("= EACCES")
                    self.assertEqual(refused, answer["is"] == "deny", f"{line}; {answer}")


if __name__ == "__main__":
    unittest.main()
