"""Which profile a container gets: hostname, domain name, template, default, annotation, directories, ceiling, built-in."""
import os

from marked import MarkedTest, refusing
from harness.bundle import Bundle


class Candidates(MarkedTest):
    def test_the_order_is_host_and_domain_host_template_domain_default(self):
        order = [("build-7.example.org", "one"), ("build-7", "two"), ("build-@", "three"), ("example.org", "four"),
                 ("default", "five")]
        bundle = self.marked(domainname="example.org")
        for name, mark in order:
            self.put(bundle, name, refusing(mark))
        for name, mark in order:
            with self.subTest(name):
                self.assertEqual(self.refused(bundle), [mark])
            os.unlink(bundle.system_profiles / f"{name}.yaml")
        self.assertEqual(self.refused(bundle), [], "nothing is left but the built-in default")

    def test_the_longest_template_wins(self):
        bundle = self.marked()
        for name, mark in (("b@", "one"), ("build-@", "two"), ("build@", "three"), ("build-8@", "four")):
            self.put(bundle, name, refusing(mark))
        self.assertEqual(self.refused(bundle), ["two"])

    def test_reserved_names_are_never_matched_as_a_hostname(self):
        for name in ("default", "mandatory", "base"):
            with self.subTest(name):
                bundle = self.marked(hostname=name)
                self.put(bundle, "default", refusing("five"))
                if name == "base":
                    self.put(bundle, "base", refusing("one"))
                self.assertEqual(self.refused(bundle), ["five"])

    def test_stock_profiles_are_not_found_by_hostname(self):
        for name in ("web", "ci"):
            bundle = self.marked(hostname=name)
            self.assertEqual(self.refused(bundle), [])
            self.assertEqual(bundle.run("sh", "-c", "echo x > /etc/changed && cat /etc/changed").out, "x\n")

    def test_stock_profiles_are_reached_by_extends(self):
        bundle = self.marked()
        self.put(bundle, "build-7", 'warder: 1\nextends: [base]\npaths:\n  "/mark/one": none\n')
        self.assertIn("one", self.refused(bundle))

    def test_a_live_hostname_changes_nothing(self):
        bundle = self.marked()
        self.put(bundle, "build-7", refusing("one"))
        self.put(bundle, "other", refusing("two"))
        bundle.config["process"]["capabilities"]["effective"].append("CAP_SYS_ADMIN")
        bundle.config["process"]["capabilities"]["permitted"].append("CAP_SYS_ADMIN")
        bundle.config["process"]["capabilities"]["bounding"].append("CAP_SYS_ADMIN")
        with bundle.running("sh", "-c", "hostname other; sleep 600") as container:
            self.wait_for(lambda: bundle.exec(container, "hostname").out == "other\n")
            out = bundle.exec(container, "sh", "-c", "cat /mark/one || echo refused; cat /mark/two").out
            self.assertEqual(out, "refused\ntwo")


class Annotation(MarkedTest):
    def test_it_goes_before_the_hostname(self):
        bundle = self.marked(annotation="special")
        self.put(bundle, "build-7", refusing("one"))
        self.put(bundle, "special", refusing("two"))
        self.assertEqual(self.refused(bundle), ["two"])

    def test_it_reaches_stock_profiles(self):
        bundle = self.marked(annotation="ci")
        self.put(bundle, "build-7", refusing("one"))
        outcome = bundle.run("sh", "-c", "echo x > /etc/changed")
        self.assertNotEqual(outcome.code, 0, "ci writes nowhere but in its work directory")

    def test_a_name_that_is_nowhere_ends_create(self):
        bundle = self.marked(annotation="nowhere")
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("nowhere", outcome.err)
        self.assert_nothing_left(bundle)

    def test_a_bad_name_ends_create(self):
        for bad in ("../etc/passwd", "a/b", ".hidden", "x" * 254):
            outcome = self.marked(annotation=bad).run("true")
            self.assertEqual(outcome.code, 1, f"{bad}: {outcome!r}")

    def test_the_administrator_may_forbid_it(self):
        bundle = self.marked(annotation="special")
        (bundle.etc / "warder.yaml").write_text("allow-annotation: false\n")
        self.put(bundle, "build-7", refusing("one"))
        self.put(bundle, "special", refusing("two"))
        outcome = bundle.run("sh", "-c", "cat /mark/one >/dev/null 2>&1 || echo one")
        self.assertTrue(outcome.code == 1 or outcome.out == "one\n", outcome)


class Directories(MarkedTest):
    def test_profile_dir_stands_alone(self):
        bundle = self.marked(kind=Bundle)
        bundle.profile(refusing("one"))
        self.assertEqual(self.refused(bundle), ["one"])

    def test_profile_dir_hides_the_system_directory(self):
        bundle = self.marked()
        self.put(bundle, "build-7", refusing("one"))
        bundle.options = ["--profile-dir", str(bundle.profiles)]
        self.assertEqual(self.refused(bundle), [])

    def test_what_the_image_brings_is_never_looked_at(self):
        bundle = self.marked()
        bundle.write("/etc/warder/profiles/build-7.yaml", 'warder: 1\npaths:\n  "/**": all\n')
        self.put(bundle, "build-7", refusing("one"))
        self.assertEqual(self.refused(bundle), ["one"])


class Ceiling(MarkedTest):
    def test_what_mandatory_denies_no_profile_can_allow(self):
        bundle = self.marked()
        self.put(bundle, "mandatory", refusing("ceiling"))
        self.put(bundle, "build-7", refusing("one"))
        self.assertEqual(self.refused(bundle), ["ceiling", "one"])

    def test_it_holds_for_the_built_in_default_too(self):
        bundle = self.marked()
        self.put(bundle, "mandatory", refusing("ceiling"))
        self.assertEqual(self.refused(bundle), ["ceiling"])

    def test_it_holds_with_profile_dir_and_annotation(self):
        bundle = self.marked(annotation="special")
        self.put(bundle, "mandatory", refusing("ceiling"))
        self.put(bundle, "special", refusing("one"), directory=bundle.profiles)
        bundle.options = ["--profile-dir", str(bundle.profiles)]
        self.assertEqual(self.refused(bundle), ["ceiling", "one"])

    def test_override_does_not_lift_it(self):
        bundle = self.marked()
        self.put(bundle, "mandatory", refusing("ceiling"))
        self.put(bundle, "build-7", 'warder: 1\npaths:\n  "/**": all\n  "/mark/ceiling": {allow: all, override: true}\n')
        outcome = bundle.run("sh", "-c", "cat /mark/ceiling")
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.out, "")


class WhenNoProfile(MarkedTest):
    def test_refuse_ends_create(self):
        bundle = self.marked()
        (bundle.etc / "warder.yaml").write_text("when-no-profile: refuse\n")
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("build-7", outcome.err)
        self.assert_nothing_left(bundle)

    def test_a_bad_warder_yaml_ends_create(self):
        bundle = self.marked()
        (bundle.etc / "warder.yaml").write_text("when-no-profile: maybe\nwat: 1\n")
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertRegex(outcome.err, r"warder\.yaml:1:\d+")
        self.assertRegex(outcome.err, r"warder\.yaml:2:\d+")
