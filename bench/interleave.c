// Times commands in turn, A B A B …, so that a machine whose speed drifts treats them alike.
//   interleave [-n ROUNDS] [-f] NAME COMMAND… -- NAME COMMAND… [-- …]
// Without -f from exec to exit; with -f from exec to the first byte of standard output (the command is then ended by TERM, and waited for).
// Prints for each command minimum, median and maximum in milliseconds, peak memory of the process, and the median of the ratios to the first command, round by round.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 8, MAX_ROUNDS = 1000 };
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

static double run(char **argv, int first_byte, long *peak_kib) {
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
    close(out[0]);
    posix_spawn_file_actions_destroy(&actions);
    return end - begin;
}

int main(int argc, char **argv) {
    static double times[MAX_COMMANDS][MAX_ROUNDS], ratios[MAX_ROUNDS], sorted[MAX_ROUNDS];
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
    for (int c = 0; c < count; c++) run(commands[c] + 1, first_byte, &peak[c]);
    for (int r = 0; r < rounds; r++)
        for (int c = 0; c < count; c++) times[c][r] = run(commands[c] + 1, first_byte, &peak[c]);
    printf("%-22s %9s %9s %9s %9s %8s\n", "", "min ms", "median", "max", "peak MiB", "ratio");
    for (int c = 0; c < count; c++) {
        for (int r = 0; r < rounds; r++) ratios[r] = times[c][r] / times[0][r];
        memcpy(sorted, times[c], sizeof sorted);
        qsort(sorted, rounds, sizeof(double), by_value);
        qsort(ratios, rounds, sizeof(double), by_value);
        printf("%-22s %9.2f %9.2f %9.2f %9.1f %8.2f\n", commands[c][0], sorted[0], sorted[rounds / 2], sorted[rounds - 1],
               peak[c] / 1024.0, ratios[rounds / 2]);
    }
    return 0;
}
