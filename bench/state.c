// state SOCKET ID CALLS: asks a shim for a task's state that many times in a row, and prints median and 99th percentile.
// ttrpc: 10 bytes of header (length, stream, both big-endian; type 1 request, 2 response; flags), then a protobuf message.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int put(uint8_t *to, int number, const void *bytes, int length) {
    to[0] = (uint8_t)(number << 3 | 2);
    to[1] = (uint8_t)length;
    memcpy(to + 2, bytes, length);
    return length + 2;
}

static void read_all(int fd, uint8_t *to, size_t length) {
    while (length > 0) {
        ssize_t n = read(fd, to, length);
        if (n <= 0) { fprintf(stderr, "the shim closed the connection\n"); exit(1); }
        to += n;
        length -= (size_t)n;
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 4 || strlen(argv[2]) > 64) { fprintf(stderr, "usage: state SOCKET ID CALLS\n"); return 2; }
    int calls = atoi(argv[3]);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) { perror(argv[1]); return 1; }
    double *micros = calloc((size_t)calls, sizeof *micros);
    for (int i = 0; i < calls; i++) {
        uint8_t inner[80], frame[256], answer[65536];
        int inner_length = put(inner, 1, argv[2], (int)strlen(argv[2]));
        uint8_t *body = frame + 10;
        int length = put(body, 1, "containerd.task.v2.Task", 23);
        length += put(body + length, 2, "State", 5);
        length += put(body + length, 3, inner, inner_length);
        uint32_t stream = (uint32_t)i * 2 + 1;
        uint8_t header[10] = {0, 0, (uint8_t)(length >> 8), (uint8_t)length, (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream, 1, 0};
        memcpy(frame, header, 10);
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        if (write(fd, frame, (size_t)length + 10) != length + 10) { perror("write"); return 1; }
        read_all(fd, header, 10);
        uint32_t size = (uint32_t)header[0] << 24 | header[1] << 16 | header[2] << 8 | header[3];
        if (size > sizeof answer || header[8] != 2) { fprintf(stderr, "an answer of %u bytes, type %d\n", size, header[8]); return 1; }
        read_all(fd, answer, size);
        clock_gettime(CLOCK_MONOTONIC, &end);
        // Field 1 of a response is an error's status.
        if (size > 0 && answer[0] == (1 << 3 | 2)) { fprintf(stderr, "State failed: %.*s\n", (int)size, answer); return 1; }
        micros[i] = (end.tv_sec - begin.tv_sec) * 1e6 + (end.tv_nsec - begin.tv_nsec) / 1e3;
    }
    qsort(micros, (size_t)calls, sizeof *micros, by_value);
    printf("%d calls of State: p50 %.0f us, p99 %.0f us, most %.0f us\n", calls, micros[calls / 2], micros[calls / 100 * 99], micros[calls - 1]);
    return 0;
}
