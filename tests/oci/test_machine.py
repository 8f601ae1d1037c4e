"""What a container takes from the machine: network devices, NUMA nodes, CPUs, cache classes, foreign user ids."""
import json
import os
import subprocess

from harness.bundle import ContainerTest


class NetworkDevices(ContainerTest):
    serial = True

    def device(self, name):
        subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p"], check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "del", f"{name}p"], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "set", name, "mtu", "1400", "address", "00:11:22:33:44:55", "up"], check=True)
        subprocess.run(["ip", "addr", "add", "169.254.169.77/32", "dev", name], check=True)
        subprocess.run(["ip", "addr", "add", "10.9.8.7/24", "dev", name], check=True)
        subprocess.run(["ip", "addr", "add", "fd00:9::7/64", "dev", name], check=True)

    def test_a_device_moves_with_its_addresses(self):
        self.device("wtveth0")
        bundle = self.bundle()
        bundle.config["linux"]["netDevices"] = {"wtveth0": {}}
        outcome = bundle.run("ip", "address", "show", "dev", "wtveth0")
        for expected in ("10.9.8.7/24", "169.254.169.77/32", "fd00:9::7/64", "mtu 1400", "00:11:22:33:44:55", "UP"):
            self.assertIn(expected, outcome.out, outcome)
        gone = subprocess.run(["ip", "link", "show", "wtveth0"], capture_output=True)
        self.assertNotEqual(gone.returncode, 0, "a virtual device ends with its namespace")

    def test_a_device_gets_another_name_also_with_a_user_namespace(self):
        self.device("wtveth1")
        bundle = self.bundle()
        bundle.config["linux"]["netDevices"] = {"wtveth1": {"name": "inside0"}}
        bundle.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            bundle.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        outcome = bundle.run("ip", "address", "show", "dev", "inside0")
        self.assertIn("10.9.8.7/24", outcome.out, outcome)

    def test_without_a_network_namespace_nothing_moves(self):
        bundle = self.bundle()
        bundle.config["linux"]["netDevices"] = {"wtveth2": {}}
        bundle.config["linux"]["namespaces"] = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
        outcome = bundle.run("true")
        self.assertIn("unable to move network devices without a NET namespace", outcome.err)

    def test_a_device_that_is_not_there_leaves_nothing(self):
        bundle = self.bundle()
        bundle.config["linux"]["netDevices"] = {"wtnone": {}}
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("linux.netDevices: move 'wtnone'", outcome.err)
        self.assert_nothing_left(bundle)


class MemoryPolicy(ContainerTest):
    POLICY = ("sh", "-c", "head -n 1 /proc/self/numa_maps | cut -d ' ' -f 2")

    def policy(self, **policy):
        bundle = self.bundle()
        bundle.config["linux"]["memoryPolicy"] = policy
        return bundle

    def test_the_policy_holds_for_the_program_and_for_sessions(self):
        for policy, seen in (({"mode": "MPOL_INTERLEAVE", "nodes": "0"}, r"^interleave:0$"),
                             ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, r"^bind=static:0$"),
                             ({"mode": "MPOL_DEFAULT"}, r"^default$"), ({}, r"^default$")):
            with self.subTest(policy):
                self.assertRegex(self.policy(**policy).run(*self.POLICY).out.strip(), seen)
        bundle = self.policy(mode="MPOL_PREFERRED", nodes="0", flags=["MPOL_F_RELATIVE_NODES"])
        with bundle.running() as container:
            self.assertRegex(bundle.exec(container, *self.POLICY).out, r"^prefer=relative:0")

    def test_what_the_kernel_refuses_is_named(self):
        flags = ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]
        bundle = self.policy(mode="MPOL_DEFAULT", nodes="0-7", flags=flags)
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertRegex(outcome.err, "set_mempolicy.*invalid argument")
        self.assert_nothing_left(bundle)


class Cpus(ContainerTest):
    SEEN = ("grep", "Cpus_allowed_list:", "/proc/self/status")

    def seen(self, outcome):
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.out.split()[1]

    def test_the_callers_affinity_does_not_reach_inside(self):
        bundle = self.bundle(args=list(self.SEEN))
        everything = self.seen(bundle.warder("run", "-b", bundle.directory, bundle.id))
        if everything == "0":
            self.skipTest("one CPU")
        bundle.save()
        bundle.started.add(bundle.id)
        bound = subprocess.run(["taskset", "-c", "0", *bundle.globals(), "run", "-b", str(bundle.directory), bundle.id],
                               capture_output=True, text=True, timeout=60)
        self.assertEqual(bound.stdout.split()[1], everything)

    def test_exec_affinity_is_for_sessions_only(self):
        bundle = self.bundle(args=["sh", "-c", "grep Cpus_allowed_list: /proc/self/status > /work/own; sleep 600"])
        bundle.config["process"]["execCPUAffinity"] = {"initial": "0", "final": "0"}
        with bundle.running("sh", "-c", "grep Cpus_allowed_list: /proc/self/status > /work/own; sleep 600") as container:
            self.wait_for(lambda: (bundle.rootfs / "work/own").exists() and (bundle.rootfs / "work/own").read_text())
            allowed = os.sched_getaffinity(0)
            if len(allowed) > 1:
                self.assertNotEqual((bundle.rootfs / "work/own").read_text().split()[1], "0")
            self.assertEqual(self.seen(bundle.exec(container, *self.SEEN)), "0")
            last = str(max(allowed))
            process = bundle.directory / "process.json"
            process.write_text(json.dumps({"args": list(self.SEEN), "cwd": "/", "env": ["PATH=/bin"],
                                           "execCPUAffinity": {"final": last}}))
            self.assertEqual(self.seen(bundle.warder("exec", "-p", process, container)), last)

    def test_a_deadline_scheduler_on_some_cpus_is_named(self):
        bundle = self.bundle()
        bundle.config["linux"]["resources"]["cpu"] = {"cpus": "0"}
        bundle.config["process"]["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 42000, "deadline": 1000000,
                                                 "period": 1000000}
        outcome = bundle.run("true")
        if len(os.sched_getaffinity(0)) > 1:
            self.assertIn("process scheduler can't be used together with AllowedCPUs", outcome.err)


class UserNamespace(ContainerTest):
    def test_a_user_namespace_without_id_0(self):
        bundle = self.bundle(user={"uid": 1000, "gid": 1000})
        bundle.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            bundle.config["linux"][key] = [{"containerID": 1000, "hostID": 100000, "size": 1}]
        for mount in bundle.config["mounts"]:
            mount["options"] = [option for option in mount["options"] if option != "gid=5"]
        for path, _, _ in os.walk(bundle.rootfs):
            os.chown(path, 100000, 100000)
        outcome = bundle.run("sh", "-c", "id -u; id -g; cat /proc/self/uid_map; grep CapEff /proc/self/status; touch /work/x")
        lines = outcome.out.split("\n")
        self.assertEqual(lines[:2], ["1000", "1000"], outcome)
        self.assertEqual(lines[2].split(), ["1000", "100000", "1"])
        self.assertEqual((bundle.rootfs / "work/x").stat().st_uid, 100000)
        with bundle.running() as container:
            self.assertEqual(bundle.exec(container, "sh", "-c", "id -u; id -g").out, "1000\n1000\n")


    def test_a_time_namespace_in_it_has_its_offsets(self):
        bundle = self.bundle()
        bundle.config["linux"]["namespaces"] += [{"type": "user"}, {"type": "time"}]
        bundle.config["linux"]["timeOffsets"] = {"monotonic": {"secs": 7881, "nanosecs": 2718281}}
        for key in ("uidMappings", "gidMappings"):
            bundle.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        outcome = bundle.run("cat", "/proc/self/timens_offsets")
        self.assertRegex(outcome.out, r"monotonic +7881 +2718281", outcome)

    def test_without_maps_it_holds_the_caller_alone(self):
        for user in ({"uid": 0, "gid": 0}, {"uid": 1000, "gid": 100}):
            bundle = self.bundle(user=user)
            bundle.config["linux"]["namespaces"].append({"type": "user"})
            for mount in bundle.config["mounts"]:
                mount["options"] = [option for option in mount["options"] if option != "gid=5"]
            outcome = bundle.run("sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; touch /work/x; readlink /proc/self/ns/user")
            words = outcome.out.split()
            self.assertEqual(words[:6], [str(user["uid"]), "0", "1", str(user["gid"]), "0", "1"], outcome)
            self.assertNotEqual(words[6], os.readlink("/proc/self/ns/user"))
            self.assertEqual((bundle.rootfs / "work/x").stat().st_uid, 0)


class CacheClasses(ContainerTest):
    def test_without_resctrl_they_are_refused_by_name(self):
        if os.path.exists("/sys/fs/resctrl/schemata"):
            self.skipTest("this machine has resctrl")
        bundle = self.bundle()
        bundle.config["linux"]["intelRdt"] = {"closID": "guaranteed", "l3CacheSchema": "L3:0=f"}
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("linux.intelRdt", outcome.err)
        self.assert_nothing_left(bundle)
