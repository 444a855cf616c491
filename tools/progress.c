#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void progress_start(struct progress *progress, const char *what, size_t total) {
    *progress = (struct progress){.what = what, .total = total, .visible = isatty(STDERR_FILENO) == 1};
    progress->started = progress->visible ? now() : 0;
    progress->drawn = progress->started + 0.9; /* the first line appears after a second */
}

void progress_update(struct progress *progress, size_t done) {
    progress->done = done;
    if (!progress->visible) {
        return;
    }
    double time = now();
    if (time - progress->drawn < 0.1) {
        return;
    }
    progress->drawn = time;
    progress->shown = true;
    double left = done > 0 ? (time - progress->started) / (double)done * (double)(progress->total - done) : 0;
    fprintf(stderr, "\r%s: %.0f%%, %.0f s left\033[K", progress->what,
            100 * (double)done / (double)progress->total, left);
    fflush(stderr);
}

void progress_end(struct progress *progress) {
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    progress->shown = false;
}
