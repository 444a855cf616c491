/* How tests compare numbers, fill buffers and fence them. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- comparing -------------------------------------------------------------------------------------- */

/* How far a float computed with `n_roundings` roundings may lie from the exact sum whose terms' absolute
 * values add up to `magnitude`: n u / (1 - n u) * magnitude with u = 2^-24 (Higham, Accuracy and Stability of
 * Numerical Algorithms, 2nd edition, section 3.1), and what underflow may add. A chain of n fused
 * multiply-adds has n roundings. */
double check_bound(double n_roundings, double magnitude);

/* Whether |got[i] - expected[i]| <= bounds[i] for all i < n. NaN agrees with NaN alone, and infinity with
 * itself. Prints the first that differ, after `what`. */
bool check_near(const char *what, const float *got, const double *expected, const double *bounds, size_t n);

/* Whether all n floats have the same bits, except that NaN is NaN. */
bool check_same_bits(const char *what, const float *got, const float *expected, size_t n);

/* Distance of got from the exact value in units of the last place of the nearest float; 0 for the same
 * infinity or for two NaNs, infinity for one NaN. Below the normal floats the unit is that of the smallest. */
double check_ulps(float got, double exact);

/* ---- fenced buffers --------------------------------------------------------------------------------- */

/* n floats with forbidden pages before and after them. The bytes between the floats and the pages are a
 * pattern, a NaN as a float: who reads it computes NaN, who writes it is found by check_fence_intact.
 * The floats are placed as near to the page behind them as `alignment` (bytes) allows. */
struct check_fenced {
    float *data;
    size_t n;
    void *pages;
    size_t n_bytes;
};

struct check_fenced check_fenced_create(size_t n, size_t alignment);
void check_fenced_destroy(struct check_fenced *fenced);
bool check_fence_intact(const char *what, const struct check_fenced *fenced);

/* Fills the floats with the pattern too: what a kernel has not written is found as NaN. */
void check_fenced_clear(struct check_fenced *fenced);

/* ---- numbers that look random and are the same every time --------------------------------------------- */

uint64_t check_random(uint64_t *state);

/* One of low .. high. */
int check_between(uint64_t *state, int low, int high);

/* The bfloat16 nearest to x, ties to even, as a float and computed as numbers: NaN for NaN, infinities beyond the largest. */
float check_bf16(float x);

/* Uniform in [low, high). */
void check_fill(float *x, size_t n, float low, float high, uint64_t seed);

#endif
