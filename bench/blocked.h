/* Images between rows of channels, as rivals and the oracle have them, and our blocks of 16. */
#ifndef BENCH_BLOCKED_H
#define BENCH_BLOCKED_H

#include <stddef.h>

/* Floats of so many images in blocks, lanes beyond the last channel among them. */
size_t bench_blocked_floats(int images, int channels, size_t pixels);

/* [images][channels][pixels] in blocks, the lanes beyond zeros. NULL: out of memory; given back by free(). */
float *bench_to_blocked(const float *plain, int images, int channels, size_t pixels);

void bench_to_plain(const float *blocked, int images, int channels, size_t pixels, float *plain);

#endif
