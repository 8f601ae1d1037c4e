// The three things warder-init can be. Each returns the exit status of the process.
#pragma once

namespace warder::supervisor {

/// PID 1 of the outer PID namespace: answers, reaps, forwards signals, keeps the audit log. supervise.cc
int supervise();
/// The process that becomes the workload, PID 1 of the inner namespace: confines itself, waits for `start`, executes. workload.cc
int become_workload();
/// A further process in a running container: confines itself outside the inner PID namespace, then moves in. session.cc
int become_session();

}  // namespace warder::supervisor
