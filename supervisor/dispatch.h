// From the number of a trapped call to the code that answers it. Workers of PID 1.
#pragma once

#include "policy/core/compiled.h"
#include "supervisor/audit.h"
#include "supervisor/caller.h"
#include "supervisor/notification.h"

namespace warder::supervisor {

class Worker;  // workers.h

/// One trapped call in the hands of a worker. A handler moves `notification` into its answer; one that returns without has said
/// EPERM.
struct Call {
  Worker& worker;
  Notification& notification;
  Caller& caller;
  Usage::Line* decided = nullptr;  ///< the line that decided last
};

using Handler = void (*)(Call&);

struct HandlerEntry {
  int number;
  Handler handler;
};

/// The handler of a system call (x86-64 number), or nullptr.
[[nodiscard]] Handler handler_of(int number);

/// Answers one trapped call, completely: foreign ABIs and numbers without a handler are refused, refusals that the filter sends
/// only to have them logged are logged and refused, the rest goes to its handler. Never throws; may block where the call may
/// (Worker::about_to_block).
void handle(Worker& worker, Notification&& notification);

/// Logs what the verdict asks to be logged and carries out `on-deny`. True where the call may go on; otherwise the notification
/// has been answered with the verdict's errno (or its process killed). `event` needs what the operation is about (wanted and
/// path, or address and section); who asked is filled in here. For handlers of files and network alike.
[[nodiscard]] bool permit(Call& call, const policy::Verdict& verdict, AuditEvent event);

}  // namespace warder::supervisor
