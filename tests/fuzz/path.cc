// The walk by hand against the kernel's own: the same object by the same name, or the same errno, for any path in a small tree.
//
// Input: a byte of resolve flags, a byte that says whether the last link is followed, then one byte for each piece of the path.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/lower.h"
#include "policy/parse.h"
#include "supervisor/hand_walk.h"
#include "supervisor/naming.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/own_caller.h"

namespace {

using namespace warder;
using namespace warder::supervisor;

constexpr std::string_view pieces[] = {"a",      "b",     "c",     "f",    "up",   "top",   "loop",   "dangling",
                                       "tofile", "todir", "chain", "miss", "..",   ".",     "/",      "/",
                                       "/",      "//",    "/../",  "/./",  "deep", "empty", "noexec", "secret"};

/// TREE/a/b/c, files, and links that lead up, down, round and away. Made once.
class Tree {
 public:
  Tree() {
    char name[] = "/tmp/fuzz-path-XXXXXX";
    fuzz::require(::mkdtemp(name) != nullptr);
    top_ = name;
    for (const char* directory : {"/a", "/a/b", "/a/b/c", "/deep", "/noexec"}) make_directory(directory);
    for (const char* file : {"/f", "/a/f", "/a/b/f", "/deep/secret"})
      ::close(::open((top_ + file).c_str(), O_CREAT | O_WRONLY, 0644));
    for (const char* where : {"/", "/a/", "/a/b/"}) {
      link("..", where, "up");
      link(top_.c_str(), where, "top");
      link("loop", where, "loop");
      link("missing/name", where, "dangling");
      link("f", where, "tofile");
      link("../../a/b", where, "todir");
      link("up/top/a", where, "chain");
    }
    start = Fd(::open((top_ + "/a").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    fuzz::require(start.valid());
  }
  Fd start;

 private:
  void make_directory(const char* name) const { fuzz::require(::mkdir((top_ + name).c_str(), 0755) == 0); }
  void link(const char* target, const char* where, const char* name) const {
    fuzz::require(::symlink(target, (top_ + where + name).c_str()) == 0);
  }
  std::string top_;
};

const policy::Compiled& policy_of_everything() {
  static const std::vector<std::byte> block = [] {
    auto parsed = policy::parse_profile("warder: 1\npaths:\n  \"/**\": all\n  \"/nowhere/[x]\": none\n",
                                        std::make_shared<const std::string>("fuzz.yaml"), {});
    parsed.document.profile.name = "fuzz";
    auto lowered =
        policy::lower(parsed.document.profile, KernelFacts{.landlock_abi = 7, .user_notify = true, .memfd_noexec = true}, {});
    fuzz::require(lowered.ok());
    return lowered->block;
  }();
  static const auto compiled = policy::Compiled::open(block);
  return *compiled;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Tree tree;
  static fuzz::OwnCaller own;
  fuzz::Input input(data, size);
  constexpr std::uint64_t resolves[] = {0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV};
  WalkRequest request;
  request.resolve = resolves[input.number<std::uint8_t>() % std::size(resolves)];
  request.last = input.number<std::uint8_t>() % 2 == 0 ? LastLink::follow : LastLink::keep;
  std::string path;
  while (!input.empty() && path.size() < 200) path += pieces[input.number<std::uint8_t>() % std::size(pieces)];
  if (path.empty()) return 0;
  request.path = path;

  open_how how{};
  how.flags = static_cast<std::uint64_t>(O_PATH | O_CLOEXEC | (request.last == LastLink::keep ? O_NOFOLLOW : 0));
  how.resolve = request.resolve | RESOLVE_NO_MAGICLINKS;
  Fd native(static_cast<int>(::syscall(SYS_openat2, tree.start.get(), path.c_str(), &how, sizeof how)));
  const int error = native.valid() ? 0 : errno;

  fuzz::FakeKernel kernel;
  Notification notification(kernel, own.call());
  Outcome<Caller> caller = own.look(notification);
  fuzz::require(caller.ok());
  Object object;
  const Outcome<void> walked =
      HandWalk(*caller, policy_of_everything(), request).run(Fd(::fcntl(tree.start.get(), F_DUPFD_CLOEXEC, 0)), object);
  fuzz::require(walked.code() == error);
  if (error != 0) return 0;
  struct stat one {
  }, two{};
  fuzz::require(::fstat(native.get(), &one) == 0 && ::fstat(object.fd.get(), &two) == 0);
  fuzz::require(one.st_ino == two.st_ino && one.st_dev == two.st_dev);
  PathText name;
  fuzz::require(read_name(caller->cache(), native, name).ok() && name.view() == object.name.view());
  return 0;
}
