// A plugin of QEMU (its API, version 1, is declared here: Debian ships no header) that counts what an emulated machine translates and
// executes. Almost independent of the host's load: a start's counts repeat within 0.5 %.
// Argument out=FILE: one line "kernel|user BLOCKS INSTRUCTIONS" for each half of the address space, when the VM ends.
// Argument log=FILE: also every block in the order of its first execution: address, instructions, executions.
// Argument times=FILE: also, each millisecond in which it grows, the monotonic clock in microseconds and the count of blocks.
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*callback)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id, void *), void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, enum qemu_plugin_op op, void *counter, uint64_t amount);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

EXPORT int qemu_plugin_version = 1;

enum { MOST = 4000000 };

struct block {
    uint64_t address;
    uint64_t executions;
    uint64_t instructions;
};

static struct block *blocks;
static size_t used;
static const char *out;
static const char *log_file;
static const char *times_file;

static void translated(plugin_id id, struct qemu_plugin_tb *translation)
{
    (void)id;
    if (used == MOST)
        return;
    struct block *block = &blocks[used++];
    block->address = qemu_plugin_tb_vaddr(translation);
    block->instructions = qemu_plugin_tb_n_insns(translation);
    qemu_plugin_register_vcpu_tb_exec_inline(translation, QEMU_PLUGIN_INLINE_ADD_U64, &block->executions, 1);
}

static void *timekeeper(void *unused)
{
    (void)unused;
    FILE *file = fopen(times_file, "w");
    if (!file) {
        perror(times_file);
        return NULL;
    }
    for (size_t last = 0;;) {
        struct timespec now, pause = {0, 1000000};
        clock_gettime(CLOCK_MONOTONIC, &now);
        size_t count = __atomic_load_n(&used, __ATOMIC_RELAXED);
        if (count != last)
            fprintf(file, "%lld %zu\n", now.tv_sec * 1000000LL + now.tv_nsec / 1000, count);
        fflush(file);
        last = count;
        nanosleep(&pause, NULL);
    }
}

static void ended(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    uint64_t count[2] = {0}, instructions[2] = {0};
    FILE *log = log_file ? fopen(log_file, "w") : NULL;
    for (size_t i = 0; i < used; i++) {
        int user = !(blocks[i].address >> 63);
        count[user]++;
        instructions[user] += blocks[i].instructions * blocks[i].executions;
        if (log)
            fprintf(log, "%lx %lu %lu\n", blocks[i].address, blocks[i].instructions, blocks[i].executions);
    }
    if (log)
        fclose(log);
    FILE *file = fopen(out, "w");
    if (!file) {
        perror(out);
        return;
    }
    for (int user = 0; user < 2; user++)
        fprintf(file, "%s %lu %lu\n", user ? "user" : "kernel", count[user], instructions[user]);
    fclose(file);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4))
            out = strdup(argv[i] + 4);
        else if (!strncmp(argv[i], "log=", 4))
            log_file = strdup(argv[i] + 4);
        else if (!strncmp(argv[i], "times=", 6))
            times_file = strdup(argv[i] + 6);
    }
    blocks = calloc(MOST, sizeof *blocks);
    pthread_t thread;
    if (!out || !blocks || (times_file && pthread_create(&thread, NULL, timekeeper, NULL)))
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
