/*
 * What the tests of pods run in containers, where busybox has no such tool:
 *   podtool listen PATH       accepts one connection on a unix socket and prints what comes
 *   podtool send PATH TEXT    connects and writes
 *   podtool watch DIR         says READY, then the name of the first file that is moved into DIR
 *   podtool huge FILE         maps 2 MiB of a file and writes to them
 *   podtool eat               takes memory for ever
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  return 1;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IONBF, 0);
  const char *word = argc > 1 ? argv[1] : "";
  const char *path = argc > 2 ? argv[2] : "";
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  static char buffer[4096];
  if (!strcmp(word, "listen")) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1)) {
      return fail("listen");
    }
    int client = accept(fd, NULL, NULL);
    int n = read(client, buffer, sizeof buffer - 1);
    printf("got %.*s\n", n, buffer);
  } else if (!strcmp(word, "send")) {
    for (int i = 0; i < 200; i++, usleep(50000)) {
      int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      if (!connect(fd, (struct sockaddr *)&address, sizeof address)) {
        return write(fd, argv[3], strlen(argv[3])) < 0 ? fail("write") : 0;
      }
      close(fd);
    }
    return fail("connect");
  } else if (!strcmp(word, "watch")) {
    int fd = inotify_init();
    if (inotify_add_watch(fd, path, IN_MOVED_TO) < 0) {
      return fail("inotify");
    }
    printf("READY\n");
    if (read(fd, buffer, sizeof buffer) < 0) {
      return fail("read");
    }
    printf("moved %s\n", ((struct inotify_event *)buffer)->name);
  } else if (!strcmp(word, "huge")) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    char *memory = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
      return fail("mmap");
    }
    memory[1 << 20] = 1;
    printf("huge ok\n");
  } else if (!strcmp(word, "eat")) {
    while (1) {
      char *more = malloc(1 << 20);
      memset(more, 1, 1 << 20);
    }
  }
  return 0;
}
