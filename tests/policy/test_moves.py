"""Names that change: rename and link need rights at both ends, and no move gives what is below more than it had."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

PROFILE = """\
warder: 1
paths:
  "/**": rx
  "/proc/**": rw
  "/work/**": rwx
  "/tmp/**": rwx
  "/work/**/.git/hooks/**": ro
  "/work/.git/hooks/**": ro
  "/work/pinned/inner": ro
"""


class Moves(ContainerTest):
    def tree(self):
        bundle = self.bundle(hostname="moves", profile=PROFILE)
        work = bundle.rootfs / "work"
        for name in (".git/hooks", ".git/objects", "sub/.git/hooks", "plain/deep", "pinned"):
            (work / name).mkdir(parents=True)
        for name in (".git/hooks/post-commit", ".git/config", "sub/.git/hooks/x", "plain/deep/f", "pinned/inner", "f"):
            (work / name).write_text(name)
        (bundle.rootfs / "tmp/f").write_text("tmp")
        return bundle

    def results(self, bundle, *words):
        out = bundle.run(needs_guest("try"), *" -- ".join(words).split())
        return [line.split("= ")[1] for line in out.lines()]

    def test_a_git_hook_cannot_be_written(self):
        bundle = self.tree()
        self.assertEqual(self.results(bundle, "write /work/.git/hooks/post-commit x", "open /work/.git/hooks/new wc",
                                      "chmod /work/.git/hooks/post-commit", "unlink /work/.git/hooks/post-commit",
                                      "symlink x /work/.git/hooks/new", "link /work/f /work/.git/hooks/new",
                                      "rename /work/f /work/.git/hooks/new", "mkdir /work/.git/hooks/new",
                                      "write /work/sub/.git/hooks/x x"), ["EACCES"] * 9)
        self.assertEqual(self.results(bundle, "read /work/.git/hooks/post-commit", "write /work/.git/config x"),
                         ["OK .git/hooks/post-commit", "OK"])

    def test_moving_the_directory_above_does_not_unlock_it(self):
        bundle = self.tree()
        self.assertEqual(self.results(bundle, "rename /work/.git /work/g", "rename /work/sub /work/sub2",
                                      "exchange /work/.git /work/plain", "noreplace /work/.git /work/g",
                                      "rename /work/sub2/.git /work/sub2/g", "rename /work/.git/hooks /work/h",
                                      "rename /work/.git/hooks /work/.git/h"),
                         ["EXDEV", "OK", "EXDEV", "EXDEV", "EXDEV", "EXDEV", "EXDEV"])
        self.assertEqual((bundle.rootfs / "work/.git/hooks/post-commit").read_text(), ".git/hooks/post-commit")

    def test_mv_copies_instead_and_the_hook_of_the_copy_is_refused(self):
        bundle = self.tree()
        out = bundle.run("sh", "-c", "cd /work; mv .git g; echo evil > .git/hooks/post-commit; cat .git/hooks/post-commit")
        self.assertIn(".git/hooks/post-commit", out.out)
        self.assertNotIn("evil", out.out)

    def test_a_directory_without_anything_protected_moves(self):
        self.assertEqual(self.results(self.tree(), "rename /work/plain /work/other", "rename /work/other /tmp/other",
                                      "exchange /work/other /work/f"), ["OK", "EXDEV", "OK"],
                         "in /tmp a later .git/hooks would be writable")

    def test_the_parent_of_a_pinned_file_stays(self):
        bundle = self.tree()
        self.assertEqual(self.results(bundle, "rename /work/pinned /work/p", "rename /work/pinned/inner /work/i",
                                      "unlink /work/pinned/inner", "write /work/pinned/inner x"),
                         ["EXDEV", "EACCES", "EACCES", "EACCES"])

    def test_both_ends_of_a_rename(self):
        bundle = self.tree()
        self.assertEqual(self.results(bundle, "rename /work/f /etc/f", "rename /etc/passwd /work/p", "rename /work/f /tmp/g",
                                      "exchange /tmp/g /etc/passwd", "rename /tmp/g /work/.git/hooks/post-commit"),
                         ["EACCES", "EACCES", "OK", "EACCES", "EACCES"])
        self.assertFalse((bundle.rootfs / "etc/f").exists())
        self.assertTrue((bundle.rootfs / "etc/passwd").exists())

    def test_both_ends_of_a_link(self):
        bundle = self.tree()
        self.assertEqual(self.results(bundle, "link /etc/shadow /work/s", "link /work/f /etc/f", "link /work/f /work/g",
                                      "linkfd /etc/shadow /work/s", "linkempty /etc/shadow /work/s",
                                      "link /work/.git/hooks/post-commit /work/hook"),
                         ["EACCES", "EACCES", "OK", "EACCES", "EACCES", "EACCES"])

    def test_an_unnamed_file_gets_a_name_only_where_files_may_be_made(self):
        bundle = self.tree()
        self.assertEqual(self.results(bundle, "tmpfile_link /work /work/named", "tmpfile_link /work /etc/named",
                                      "tmpfile_link /work /work/.git/hooks/named", "open /etc bm"),
                         ["OK", "EACCES", "EACCES", "EACCES"])

    def test_each_refusal_names_its_line(self):
        bundle = self.tree()
        self.results(bundle, "rename /work/.git /work/g", "write /work/.git/hooks/post-commit x", "write /work/pinned/inner x")
        rules = [line["rule"].rsplit(":", 1)[1] for line in bundle.audit()]
        self.assertEqual(rules[1:], ["8", "9"], bundle.audit())
        self.assertIn(rules[0], ("5", "7", "8"), "the entry that would give, or one that takes away")


if __name__ == "__main__":
    unittest.main()
