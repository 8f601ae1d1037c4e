#include "supervisor/files/move_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "supervisor/process/locked.h"

namespace warder::supervisor::files {

pthread_mutex_t MoveLock::table_mutex = PTHREAD_MUTEX_INITIALIZER;
MoveLock::FileSystem* MoveLock::table = nullptr;

MoveLock::MoveLock(BorrowedFd directory) {
  // Of a descriptor: the kernel asks no file system for the device (a FUSE daemon would be asked for the rest).
  struct statx facts {};
  const bool known = ::statx(directory.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &facts) == 0;
  held_ = enter(known ? makedev(facts.stx_dev_major, facts.stx_dev_minor) : 0);
  ::pthread_mutex_lock(&held_->mutex);
}

MoveLock::~MoveLock() {
  ::pthread_mutex_unlock(&held_->mutex);
  leave(held_);
}

MoveLock::FileSystem* MoveLock::enter(dev_t device) {
  const Locked locked(table_mutex);
  for (FileSystem* each = table; each != nullptr; each = each->next) {
    if (each->device != device) continue;
    ++each->users;
    return each;
  }
  table = new FileSystem{.device = device, .users = 1, .next = table};
  return table;
}

void MoveLock::leave(FileSystem* file_system) {
  const Locked locked(table_mutex);
  if (--file_system->users != 0) return;
  for (FileSystem** each = &table; *each != nullptr; each = &(*each)->next) {
    if (*each != file_system) continue;
    *each = file_system->next;
    delete file_system;
    return;
  }
}

}  // namespace warder::supervisor::files
