// A program that confines itself with Landlock, as decoders and browsers do: no file may be read, no port be connected to.
// Prints what came of the ruleset, and of reading and connecting afterwards.
#include <arpa/inet.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sys/prctl.h>

#include "guest.h"

int main(void) {
  const uint64_t attributes[3] = {LANDLOCK_ACCESS_FS_READ_FILE, 2 /* CONNECT_TCP */, 0};
  long ruleset = syscall(444, attributes, sizeof attributes, 0);
  printf("ruleset %s, ", outcome(ruleset));
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (ruleset >= 0) must(syscall(446, (int)ruleset, 0) == 0, "landlock_restrict_self");
  printf("open %s, ", outcome(open("/etc/passwd", O_RDONLY)));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  printf("connect %s\n", outcome(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr*)&address, sizeof address)));
  return 0;
}
