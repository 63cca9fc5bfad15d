// What everyday programs ask of the kernel, one question an invocation. Each answers with a line of words.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/stat.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const char *name(int number) {
    switch (number) {
        case EACCES: return "EACCES";
        case EPERM: return "EPERM";
        case EOPNOTSUPP: return "EOPNOTSUPP";
        case ENODATA: return "ENODATA";
        case ECONNREFUSED: return "ECONNREFUSED";
        case EWOULDBLOCK: return "EWOULDBLOCK";
        case ENOPROTOOPT: return "ENOPROTOOPT";
        case EPROTONOSUPPORT: return "EPROTONOSUPPORT";
        case ENODEV: return "ENODEV";
        default: return "other";
    }
}

static void say(const char *what, long result) {
    printf("%s %s\n", what, result < 0 ? name(errno) : "ok");
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

// An init that waits for its signals instead of handling them.
static int wait_for_signals(void) {
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("ready\n");
    for (;;) {
        int number = 0;
        sigwait(&set, &number);
        printf("%s\n", number == SIGTERM ? "bye" : number == SIGHUP ? "hup" : "other");
        if (number == SIGTERM) {
            return 3;
        }
    }
}

// Creates in a directory that only a supplementary group may write to.
static int group(const char *directory) {
    gid_t groups[] = {4321};
    if (chdir(directory) || setgroups(1, groups) || setgid(1001) || setuid(1001)) {
        return 1;
    }
    say("create", open("file", O_CREAT | O_EXCL | O_WRONLY, 0640));
    say("mkdir", mkdir("directory", 0750));
    say("symlink", symlink("file", "link"));
    say("mkfifo", mkfifo("pipe", 0640));
    say("forbidden", open("../closed/file", O_CREAT | O_WRONLY, 0640));
    return 0;
}

static int attributes(const char *file) {
    char value[64] = "";
    close(open(file, O_CREAT | O_WRONLY, 0755));
    say("user", setxattr(file, "user.color", "blue", 4, 0));
    say("trusted", setxattr(file, "trusted.overlay.opaque", "y", 1, 0));
    say("label", setxattr(file, "security.selinux", "x", 1, 0));
    say("mapped", setxattr(file, "user.virtiofs.trusted.x", "x", 1, 0));
    // struct vfs_cap_data of version 2: cap_net_bind_service, permitted and effective.
    unsigned int data[5] = {0x02000001, 1 << 10, 0, 0, 0};
    say("capability", setxattr(file, "security.capability", data, sizeof data, 0));
    // A list of version 2: user::rwx user:1001:rwx group::r-x mask::rwx other::---
    unsigned char acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 0xe9, 3, 0, 0, 4, 0, 5, 0,
        255, 255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};
    say("list", setxattr(file, "system.posix_acl_access", acl, sizeof acl, 0));
    getxattr(file, "user.color", value, sizeof value);
    printf("color %s\n", value);
    return 0;
}

// How far a file's time, which is the host's, is from the guest's: the largest of some, in milliseconds.
static int skew(const char *file, int count) {
    double worst = 0;
    for (int i = 0; i < count; i++) {
        struct stat stat_;
        double before = now();
        int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        if (write(fd, "x", 1) != 1 || fstat(fd, &stat_)) {
            return 1;
        }
        double after = now();
        close(fd);
        unlink(file);
        double at = stat_.st_mtim.tv_sec + stat_.st_mtim.tv_nsec / 1e9;
        // The host's time has the granularity of its ticks, 4 ms.
        double error = at > after ? at - after : at + 0.004 < before ? before - at - 0.004 : 0;
        worst = error > worst ? error : worst;
        usleep(500000);
    }
    printf("%.1f\n", worst * 1000);
    return 0;
}

static int bind_port(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    say("bind", bind(fd, (struct sockaddr *)&address, sizeof address));
    return 0;
}

// Whether netfilter answers: nf_tables by netlink (NFT_MSG_GETGEN), and the old tables by getsockopt.
static int netfilter(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    say("netlink", fd);
    struct {
        struct nlmsghdr header;
        unsigned char family, version;
        unsigned short resource;
    } message = {{20, 10 << 8 | 16, NLM_F_REQUEST | NLM_F_ACK, 1, 0}, 0, 0, 0};
    if (fd >= 0) {
        char answer[256] = "";
        say("send", send(fd, &message, sizeof message, 0));
        say("answer", recv(fd, answer, sizeof answer, 0));
        struct nlmsghdr *header = (struct nlmsghdr *)answer;
        int error = header->nlmsg_type == NLMSG_ERROR ? -*(int *)(header + 1) : 0;
        printf("tables %s\n", error ? name(error) : "ok");
    }
    char info[84] = "nat";
    socklen_t length = sizeof info;
    say("legacy", getsockopt(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), IPPROTO_IP, 64, info, &length));
    return 0;
}

static int tunnel(const char *device) {
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open(device, O_RDWR);
    say("open", fd);
    say("tunnel", ioctl(fd, TUNSETIFF, &request));
    return 0;
}

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    say("connect", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
    return 0;
}

static int birth(const char *file) {
    struct statx result;
    memset(&result, 0, sizeof result);
    syscall(SYS_statx, AT_FDCWD, file, 0, STATX_BTIME, &result);
    printf("birth %s\n", result.stx_mask & STATX_BTIME ? "ok" : "none");
    return 0;
}

// Waits two seconds for news of a directory.
static int watch(const char *directory) {
    int fd = inotify_init1(IN_NONBLOCK);
    char events[4096];
    inotify_add_watch(fd, directory, IN_CREATE);
    printf("ready\n");
    sleep(2);
    printf("news %s\n", read(fd, events, sizeof events) > 0 ? "ok" : "none");
    return 0;
}

static int lock(const char *file) {
    int fd = open(file, O_CREAT | O_RDWR, 0666);
    say("flock", flock(fd, LOCK_EX | LOCK_NB));
    printf("held\n");
    sleep(1000);
    return 0;
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    const char *where = count > 2 ? words[2] : "";
    setvbuf(stdout, NULL, _IONBF, 0);
    if (!strcmp(what, "init")) return wait_for_signals();
    if (!strcmp(what, "group")) return group(where);
    if (!strcmp(what, "attributes")) return attributes(where);
    if (!strcmp(what, "skew")) return skew(where, count > 3 ? atoi(words[3]) : 1);
    if (!strcmp(what, "bind")) return bind_port(atoi(where));
    if (!strcmp(what, "netfilter")) return netfilter();
    if (!strcmp(what, "tunnel")) return tunnel(where);
    if (!strcmp(what, "connect")) return connect_to(where);
    if (!strcmp(what, "birth")) return birth(where);
    if (!strcmp(what, "watch")) return watch(where);
    if (!strcmp(what, "lock")) return lock(where);
    if (!strcmp(what, "unnamed")) {
        say("unnamed", open(where, O_TMPFILE | O_RDWR, 0600));
        return 0;
    }
    return 2;
}
