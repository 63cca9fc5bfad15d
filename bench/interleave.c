// Times commands in turn, A B A B …, so that a machine whose speed drifts treats them alike.
//   interleave [-n ROUNDS] [-f] NAME COMMAND… -- NAME COMMAND… [-- …]
// Without -f from exec to exit; with -f from exec to the first byte of standard output (the command is then ended by TERM, and waited for).
// Prints for each command minimum, median and maximum in milliseconds, peak memory of the process, and the median of the ratios to the first command, round by round.
// With -f, too, the CPU time that the command and all that descends from it had used by then: it depends far less on what else the machine does.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 8, MAX_ROUNDS = 1000, MAX_PROCESSES = 32768 };
extern char **environ;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Reads a small file of /proc; -1 if it is gone.
static int slurp(const char *path, char *text, int size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    return n > 0 ? 0 : -1;
}

// CPU milliseconds of all threads of a process, by the scheduler's own account (nanoseconds; /proc/PID/stat counts ticks).
static double cpu_of(int pid) {
    char path[64], text[128];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks) return 0;
    for (struct dirent *e; (e = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", pid, atoi(e->d_name));
        if (e->d_name[0] != '.' && !slurp(path, text, sizeof text)) sum += strtoull(text, NULL, 10) / 1e6;
    }
    closedir(tasks);
    return sum;
}

// CPU milliseconds of everything that descends from us. What loses its parent becomes our child: we are a subreaper.
static double cpu_of_descendants(void) {
    static int pids[MAX_PROCESSES], parents[MAX_PROCESSES];
    static char ours[MAX_PROCESSES];
    char path[64], text[512];
    int count = 0, self = getpid();
    DIR *proc = opendir("/proc");
    if (!proc) return 0;
    for (struct dirent *e; (e = readdir(proc)) && count < MAX_PROCESSES;) {
        int pid = atoi(e->d_name);
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        if (pid <= 0 || slurp(path, text, sizeof text)) continue;
        char *after = strrchr(text, ')');
        if (!after) continue;
        pids[count] = pid;
        parents[count] = atoi(after + 4);
        ours[count++] = 0;
    }
    closedir(proc);
    double sum = 0;
    for (int changed = 1; changed;) {
        changed = 0;
        for (int i = 0; i < count; i++) {
            int mine = !ours[i] && parents[i] == self;
            for (int j = 0; !ours[i] && !mine && j < count; j++) mine = ours[j] && pids[j] == parents[i];
            if (mine) {
                ours[i] = changed = 1;
                sum += cpu_of(pids[i]);
            }
        }
    }
    return sum;
}

static double run(char **argv, int first_byte, long *peak_kib, double *cpu) {
    int out[2];
    if (pipe2(out, O_CLOEXEC)) { perror("pipe2"); exit(2); }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    pid_t pid;
    double begin = now_ms(), end = 0;
    int error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    if (error) { fprintf(stderr, "%s: %s\n", argv[0], strerror(error)); exit(2); }
    close(out[1]);
    char buffer[65536];
    ssize_t n;
    while ((n = read(out[0], buffer, sizeof buffer)) > 0) {
        if (first_byte && end == 0) {
            end = now_ms();
            *cpu = cpu_of_descendants();
            kill(pid, SIGTERM);
        }
    }
    int status;
    struct rusage usage;
    wait4(pid, &status, 0, &usage);
    if (!first_byte) end = now_ms();
    if (end == 0) { fprintf(stderr, "%s printed nothing (status %d)\n", argv[0], status); exit(2); }
    if (!first_byte && status != 0) { fprintf(stderr, "%s failed (status %d)\n", argv[0], status); exit(2); }
    if (usage.ru_maxrss > *peak_kib) *peak_kib = usage.ru_maxrss;
    // What the command left running, a sandbox process at its clean-up, must not disturb the next one.
    while (first_byte && waitpid(-1, NULL, 0) > 0) continue;
    close(out[0]);
    posix_spawn_file_actions_destroy(&actions);
    return end - begin;
}

static double quantile(const double *values, int count, int percent) {
    static double sorted[MAX_ROUNDS];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_value);
    return sorted[percent == 100 ? count - 1 : count * percent / 100];
}

// Median of the ratios, round by round.
static double ratio(const double *values, const double *to, int count) {
    static double ratios[MAX_ROUNDS];
    for (int i = 0; i < count; i++) ratios[i] = values[i] / to[i];
    return quantile(ratios, count, 50);
}

int main(int argc, char **argv) {
    static double times[MAX_COMMANDS][MAX_ROUNDS], cpus[MAX_COMMANDS][MAX_ROUNDS];
    char **commands[MAX_COMMANDS];
    long peak[MAX_COMMANDS] = {0};
    int rounds = 10, first_byte = 0, count = 0, i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "-f")) first_byte = 1;
        else if (!strcmp(argv[i], "-n") && i + 1 < argc) rounds = atoi(argv[++i]);
        else { fprintf(stderr, "unknown option %s\n", argv[i]); return 2; }
    }
    if (rounds < 1 || rounds > MAX_ROUNDS) { fprintf(stderr, "rounds: 1 to %d\n", MAX_ROUNDS); return 2; }
    while (i < argc && count < MAX_COMMANDS) {
        commands[count++] = &argv[i];
        while (i < argc && strcmp(argv[i], "--")) i++;
        if (i < argc) argv[i++] = NULL;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int c = 0; c < count; c++) run(commands[c] + 1, first_byte, &peak[c], &cpus[c][0]);
    for (int r = 0; r < rounds; r++)
        for (int c = 0; c < count; c++) times[c][r] = run(commands[c] + 1, first_byte, &peak[c], &cpus[c][r]);
    printf("%-22s %9s %9s %9s %9s %8s", "", "min ms", "median", "max", "peak MiB", "ratio");
    puts(first_byte ? "  CPU min   median    ratio" : "");
    for (int c = 0; c < count; c++) {
        printf("%-22s %9.2f %9.2f %9.2f %9.1f %8.2f", commands[c][0], quantile(times[c], rounds, 0), quantile(times[c], rounds, 50),
               quantile(times[c], rounds, 100), peak[c] / 1024.0, ratio(times[c], times[0], rounds));
        if (first_byte) printf(" %8.0f %8.0f %8.2f", quantile(cpus[c], rounds, 0), quantile(cpus[c], rounds, 50), ratio(cpus[c], cpus[0], rounds));
        puts("");
    }
    return 0;
}
