// POSIX message queues, which have names but no path that a supervisor is asked about: with and without one.
//
// Runs in an empty directory given as the argument.
#include <mqueue.h>

#include "differential.h"

int main(int argc, char** argv) {
  begin(argc, argv);
  struct mq_attr few = {.mq_maxmsg = 4, .mq_msgsize = 64};
  mqd_t queue = mq_open("/differential", O_RDWR | O_CREAT | O_EXCL, 0640, &few);
  say("mq_open -> %s", outcome(queue));
  CASE(mq_open("/differential", O_RDWR | O_CREAT | O_EXCL, 0640, &few));
  CASE(mq_open("/absent", O_RDONLY));
  CASE(mq_open("/differential", O_WRONLY) >= 0);
  CASE(mq_open("/differential", O_RDONLY | O_NONBLOCK) >= 0);
  CASE(mq_send(queue, "one", 3, 1));
  CASE(mq_send(queue, "two", 3, 2));
  char text[64];
  unsigned priority = 0;
  CASE(mq_receive(queue, text, sizeof text, &priority));
  say("priority %u", priority);
  CASE(mq_unlink("/differential"));
  CASE(mq_unlink("/differential"));
  return 0;
}
