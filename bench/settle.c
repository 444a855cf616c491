#include "bench/settle.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Whether this thread of our process runs, or would if a processor were free. The clock of the process cannot tell:
 * what other processors do is added to it only at a tick. proc(5), /proc/pid/stat. */
static bool runs(const char *thread) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", thread);
    FILE *file = fopen(path, "r");
    if (!file) return false; /* it has ended */
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    const char *name_end = read ? strrchr(line, ')') : NULL;
    return name_end && strncmp(name_end, ") R", 3) == 0;
}

/* Whether any thread but the caller's runs. Where the system does not tell: yes, so the wait is the longest. */
static bool others_run(void) {
    DIR *threads = opendir("/proc/self/task");
    if (!threads) return true;
    long self = syscall(SYS_gettid);
    bool any = false;
    for (const struct dirent *entry; !any && (entry = readdir(threads));)
        any = entry->d_name[0] != '.' && atol(entry->d_name) != self && runs(entry->d_name);
    closedir(threads);
    return any;
}

void bench_settle(void) {
    enum { STEP = 500 * 1000, STEPS = 400 };
    const struct timespec step = {.tv_nsec = STEP};
    for (int i = 0; i < STEPS && others_run(); i++) nanosleep(&step, NULL);
}
