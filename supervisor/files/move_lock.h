// Holds the directories of one file system where they are. Workers of PID 1.
//
// Whether what stands under a name is a directory decides how its move is judged, and must still be true when the kernel moves
// it. Only a rename or a mkdir can change that, so one of these runs at a time, from its verdict to its end; on one file system,
// as in the kernel itself (s_vfs_rename_mutex), so that one which does not answer holds nobody up elsewhere.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "linux/fd.h"

namespace warder::supervisor::files {

class [[nodiscard]] MoveLock {
 public:
  /// Waits until nobody else holds the file system of `directory`.
  explicit MoveLock(BorrowedFd directory);
  ~MoveLock();
  MoveLock(const MoveLock&) = delete;
  MoveLock& operator=(const MoveLock&) = delete;

 private:
  struct FileSystem {
    dev_t device = 0;
    unsigned users = 0;  ///< holder and who waits; under the table's mutex
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    FileSystem* next = nullptr;
  };
  static FileSystem* enter(dev_t device);
  static void leave(FileSystem* file_system);

  static pthread_mutex_t table_mutex;
  static FileSystem* table;  ///< those that somebody uses

  FileSystem* held_;
};

}  // namespace warder::supervisor::files
