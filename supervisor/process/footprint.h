// How little memory an idle PID 1 keeps.
#pragma once

namespace warder::supervisor {

/// Gives back what the heap does not use, and lets the pages of the program go that have been touched once: they stay in the page
/// cache, and what is needed again comes back by a minor fault. Called after starting up and after a burst of work; keeps the PSS
/// of an idle PID 1 below 1 MiB. Any thread.
void release_unused_memory();

}  // namespace warder::supervisor
