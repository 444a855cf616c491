#include "bench/blocked.h"

#include <string.h>

#include "bench/problem.h"

enum { BLOCK = 16 };

static size_t padded(int channels) { return ((size_t)channels + BLOCK - 1) / BLOCK * BLOCK; }

size_t bench_blocked_floats(int images, int channels, size_t pixels) {
    return (size_t)images * padded(channels) * pixels;
}

/* Where element i of [images][channels][pixels] is in blocks. */
static size_t place(size_t i, size_t channels, size_t padded_channels, size_t pixels) {
    size_t channel = i / pixels % channels, image = i / pixels / channels;
    return ((image * padded_channels / BLOCK + channel / BLOCK) * pixels + i % pixels) * BLOCK +
           channel % BLOCK;
}

float *bench_to_blocked(const float *plain, int images, int channels, size_t pixels) {
    size_t n = bench_blocked_floats(images, channels, pixels);
    float *blocked = bench_floats(n);
    if (!blocked) return NULL;
    memset(blocked, 0, n * sizeof *blocked);
    for (size_t i = 0; i < (size_t)images * (size_t)channels * pixels; i++)
        blocked[place(i, (size_t)channels, padded(channels), pixels)] = plain[i];
    return blocked;
}

void bench_to_plain(const float *blocked, int images, int channels, size_t pixels, float *plain) {
    for (size_t i = 0; i < (size_t)images * (size_t)channels * pixels; i++)
        plain[i] = blocked[place(i, (size_t)channels, padded(channels), pixels)];
}
