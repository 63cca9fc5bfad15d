/*
 * PID 1 of the test guests: loads modules, then answers one-line commands on the first virtio-serial
 * port. Kernel parameters: test.modules=a,b,c  test.flood (writes to the console for ever)  test.die
 * (ends, which panics the kernel).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *text) {
  int fd = open("/dev/console", O_WRONLY);
  if (write(fd, text, strlen(text)) < 0) {
  }
  close(fd);
}

static void load(char *names) {
  for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
    char path[200];
    snprintf(path, sizeof path, "/lib/modules/%s.ko", name);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)) {
      char text[300];
      snprintf(text, sizeof text, "TEST-MODULE %s: %s\n", name, strerror(errno));
      say(text);
    }
    close(fd);
  }
}

static int port(void) {
  for (int tries = 0; tries < 500; tries++, usleep(10000)) {
    DIR *all = opendir("/sys/class/virtio-ports");
    struct dirent *entry;
    while (all && (entry = readdir(all))) {
      if (entry->d_name[0] == 'v') {
        char path[300];
        snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        int fd = open(path, O_RDWR);
        if (fd >= 0) {
          closedir(all);
          return fd;
        }
      }
    }
    if (all) {
      closedir(all);
    }
  }
  return -1;
}

static void answer(char *line, char *out, size_t size) {
  char *word = strtok(line, " ");
  char *a = strtok(NULL, " ");
  char *b = strtok(NULL, " ");
  out[0] = 0;
  if (!word) {
  } else if (!strcmp(word, "ping")) {
    snprintf(out, size, "pong");
  } else if (!strcmp(word, "reboot")) {
    reboot(RB_AUTOBOOT);
  } else if (!strcmp(word, "ls") && a) {
    DIR *all = opendir(a);
    struct dirent *entry;
    while (all && (entry = readdir(all)) && strlen(out) + strlen(entry->d_name) + 2 < size) {
      strcat(out, entry->d_name);
      strcat(out, " ");
    }
    if (all) {
      closedir(all);
    }
  } else if (!strcmp(word, "cat") && a) {
    int fd = open(a, O_RDONLY);
    int n = fd < 0 ? -1 : read(fd, out, 200);
    close(fd);
    if (n < 0) {
      snprintf(out, size, "errno %d", errno);
    } else {
      out[n] = 0;
      char *end = strchr(out, '\n');
      if (end) {
        *end = 0;
      }
    }
  } else if (!strcmp(word, "write") && b) {
    int fd = open(a, O_WRONLY);
    snprintf(out, size, "%d", fd < 0 || write(fd, b, strlen(b)) < 0 ? errno : 0);
    close(fd);
  } else if (!strcmp(word, "mount") && b) {
    mkdir(b, 0755);
    snprintf(out, size, "%d", mount(a, b, "virtiofs", 0, 0) ? errno : 0);
  } else if (!strcmp(word, "umount") && a) {
    snprintf(out, size, "%d", umount(a) ? errno : 0);
  }
}

int main(void) {
  static char cmdline[4096], line[4096], out[4096];
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, 0);
  mount("sysfs", "/sys", "sysfs", 0, 0);
  mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
  say("TEST-UP\n");
  int fd = open("/proc/cmdline", O_RDONLY);
  if (read(fd, cmdline, sizeof cmdline - 1) < 0) {
  }
  close(fd);
  if (strstr(cmdline, "test.die")) {
    return 1;
  }
  if (strstr(cmdline, "test.flood")) {
    static char flood[1024];
    memset(flood, 'F', sizeof flood - 1);
    for (int console = open("/dev/console", O_WRONLY);;) {
      if (write(console, flood, sizeof flood - 1) < 0) {
      }
    }
  }
  char *modules = strstr(cmdline, "test.modules=");
  if (modules) {
    modules += strlen("test.modules=");
    modules[strcspn(modules, " \n")] = 0;
    load(modules);
  }
  fd = port();
  size_t length = 0;
  for (;;) {
    ssize_t n = read(fd, line + length, sizeof line - 1 - length);
    if (n <= 0) {
      usleep(5000); /* the host is not connected */
      length = 0;
      continue;
    }
    length += n;
    line[length] = 0;
    char *end = strchr(line, '\n');
    if (end) {
      *end = 0;
      length = 0;
      answer(line, out, sizeof out - 1);
      strcat(out, "\n");
      if (write(fd, out, strlen(out)) < 0) {
      }
    }
  }
}
