// The `warder profile` verbs: everything about profiles that needs no container. Runs in `warder`, without privileges.
#pragma once

namespace warder::runtime {

/// `argv[0]` is the word `profile`, what follows are its arguments. Prints to stdout, complaints to stderr; returns the exit
/// code: 0 all is well, 1 a profile has errors, a test failed or the command line is wrong. Called by main and never after a
/// fork.
int profile_command(int argc, char** argv);

}  // namespace warder::runtime
