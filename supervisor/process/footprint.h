// How little memory an idle PID 1 keeps. Main thread.
#pragma once

namespace warder::supervisor {

/// Lets the pages of the program go that starting up has touched: they stay in the page cache, and what is needed again comes
/// back by a minor fault. Keeps the idle PSS of a container's PID 1 well below 1 MiB.
void let_startup_code_go();

}  // namespace warder::supervisor
