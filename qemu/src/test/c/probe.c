/*
 * Stands in for the VMM in the jail's tests and says what a program can do there.
 *
 *   probe what FILE… prints identity, limits, descriptors, processes, sockets, and what it can open
 *   probe hold       prints a line and waits to be looked at from outside
 *   probe calls N    makes the system calls from number N on, each with arguments that are no use,
 *                    and prints what came of it; one that ends or stops the process ends the list
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST_CALL 470

static const char *outcome(long result) {
    static char number[16];
    if (result != -1) return "done";
    if (errno == EPERM) return "EPERM";
    if (errno == ENOSYS) return "ENOSYS";
    if (errno == ENOENT) return "ENOENT";
    if (errno == EACCES) return "EACCES";
    if (errno == EROFS) return "EROFS";
    snprintf(number, sizeof number, "errno %d", errno);
    return number;
}

static void limit(const char *name, int resource) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    printf("limit %s %lld\n", name, (long long)limit.rlim_cur);
    limit.rlim_cur = limit.rlim_max;
    printf("raise %s %s\n", name, outcome(setrlimit(resource, &limit)));
}

static void try_path(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    printf("open %s %s\n", path, outcome(fd));
    if (fd >= 0) close(fd);
}

static void try_socket(const char *name, int family, int type, int protocol) {
    int fd = socket(family, type, protocol);
    printf("socket %s %s\n", name, outcome(fd));
    if (fd >= 0) close(fd);
}

static void what(int argc, char **argv) {
    int i, pair[2];

    printf("uid %d %d\ngid %d %d\n", getuid(), geteuid(), getgid(), getegid());
    printf("pid %d parent %d\n", getpid(), getppid());
    limit("core", RLIMIT_CORE);
    limit("fsize", RLIMIT_FSIZE);
    limit("nofile", RLIMIT_NOFILE);
    for (i = 0; i < 1024; i++)
        if (fcntl(i, F_GETFD) >= 0) printf("descriptor %d\n", i);
    for (i = 1; i < 4; i++) printf("signal %d %s\n", i, outcome(kill(i, 0)));
    try_socket("unix", AF_UNIX, SOCK_STREAM, 0);
    try_socket("inet", AF_INET, SOCK_STREAM, 0);
    try_socket("packet", AF_PACKET, SOCK_RAW, 0);
    try_socket("netlink", AF_NETLINK, SOCK_RAW, 0);
    try_socket("vsock", 40, SOCK_STREAM, 0);
    printf("socketpair stream %s\n", outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)));
    printf("socketpair datagram %s\n", outcome(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)));
    try_path("/etc/shadow", O_RDONLY);
    try_path("/proc/self/mem", O_RDWR);
    try_path("/proc/sys/kernel/core_pattern", O_WRONLY);
    try_path("/new", O_WRONLY | O_CREAT);
    try_path("/dev/new", O_WRONLY | O_CREAT);
    try_path("/../etc/passwd", O_RDONLY);
    for (i = 2; i < argc; i++) {
        int reading = open(argv[i], O_RDONLY | O_NONBLOCK), writing = open(argv[i], O_WRONLY | O_NONBLOCK);
        printf("file %s%s%s\n", argv[i], reading >= 0 ? " read" : "", writing >= 0 ? " write" : "");
        if (reading >= 0) close(reading);
        if (writing >= 0) close(writing);
    }
    printf("mkdir %s\n", outcome(mkdir("/d", 0700)));
    printf("chroot %s\n", outcome(chroot("/")));
    printf("setuid %s\n", outcome(setuid(0)));
    fflush(stdout);
    printf("fork %s\n", outcome(fork()));
    fflush(stdout);
    printf("exec %s\n", outcome(execl(argv[0], argv[0], "again", (char *)0)));
}

static void calls(int from) {
    static const long none = -1;
    int number;

    for (number = from; number <= LAST_CALL; number++) {
        printf("try %d\n", number);
        fflush(stdout);
        errno = 0;
        syscall(number, none, none, none, none, none, none);
        printf("call %d %s\n", number, errno ? outcome(-1) : "done");
        fflush(stdout);
    }
    printf("end\n");
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "again")) {
        fflush(stdout);
    printf("executed\n");
        return 0;
    }
    if (argc > 2 && !strcmp(argv[1], "calls")) calls(atoi(argv[2]));
    else if (argc > 1 && !strcmp(argv[1], "hold")) {
        printf("holding\n");
        fflush(stdout);
        sleep(60);
    } else what(argc, argv);
    fflush(stdout);
    return 0;
}
