#include "check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- comparing -------------------------------------------------------------------------------------- */

double check_bound(double n_roundings, double magnitude) {
    double product = n_roundings * (double)FLT_EPSILON / 2.0;
    return product / (1.0 - product) * magnitude + n_roundings * (double)FLT_TRUE_MIN;
}

static bool is_near(double got, double expected, double bound) {
    if (isnan(got) || isnan(expected)) return isnan(got) && isnan(expected);
    if (isinf(got) || isinf(expected)) return got == expected;
    return fabs(got - expected) <= bound;
}

enum { MAX_PRINTED = 5 };

bool check_near(const char *what, const float *got, const double *expected, const double *bounds, size_t n) {
    size_t n_different = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_near((double)got[i], expected[i], bounds[i])) continue;
        if (n_different++ < MAX_PRINTED) {
            fprintf(stderr, "%s: element %zu of %zu is %.9g, not %.9g within %.3g\n", what, i, n,
                    (double)got[i], expected[i], bounds[i]);
        }
    }
    return n_different == 0;
}

bool check_same_bits(const char *what, const float *got, const float *expected, size_t n) {
    size_t n_different = 0;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&got[i], &expected[i], sizeof got[i]) == 0 || (isnan(got[i]) && isnan(expected[i])))
            continue;
        if (n_different++ < MAX_PRINTED) {
            fprintf(stderr, "%s: element %zu of %zu is %a, not %a\n", what, i, n, (double)got[i],
                    (double)expected[i]);
        }
    }
    return n_different == 0;
}

double check_ulps(float got, double exact) {
    if (isnan(got) || isnan(exact)) return isnan(got) && isnan(exact) ? 0.0 : (double)INFINITY;
    float nearest = (float)exact;
    if (got == nearest) return 0.0;
    if (isinf(got) || isinf(nearest)) return (double)INFINITY;
    int exponent = 0;
    (void)frexp(exact, &exponent);
    if (exponent < FLT_MIN_EXP) exponent = FLT_MIN_EXP;
    return fabs((double)got - exact) / ldexp(1.0, exponent - FLT_MANT_DIG);
}

/* ---- fenced buffers --------------------------------------------------------------------------------- */

enum { PAGE = 4096 };

static const uint32_t fence = 0xffc0de55; /* A quiet NaN. */

static void fill_with_fence(void *begin, const void *end) {
    for (char *at = begin; at != (const char *)end; at += sizeof fence) memcpy(at, &fence, sizeof fence);
}

struct check_fenced check_fenced_create(size_t n, size_t alignment) {
    size_t inside = (n * sizeof(float) + alignment + PAGE - 1) / PAGE * PAGE;
    struct check_fenced fenced = {.n = n, .n_bytes = inside + 2 * PAGE};
    char *pages = mmap(NULL, fenced.n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + PAGE, inside, PROT_READ | PROT_WRITE) != 0) {
        perror("check_fenced_create");
        abort();
    }
    size_t offset = (inside - n * sizeof(float)) / alignment * alignment;
    fenced.pages = pages;
    fenced.data = (float *)(void *)(pages + PAGE + offset);
    fill_with_fence(pages + PAGE, pages + PAGE + inside);
    return fenced;
}

void check_fenced_destroy(struct check_fenced *fenced) {
    if (fenced->pages) munmap(fenced->pages, fenced->n_bytes);
    *fenced = (struct check_fenced){.data = NULL};
}

bool check_fence_intact(const char *what, const struct check_fenced *fenced) {
    const char *end = (const char *)fenced->pages + fenced->n_bytes - PAGE;
    const char *data = (const char *)fenced->data, *data_end = (const char *)(fenced->data + fenced->n);
    for (const char *at = (const char *)fenced->pages + PAGE; at != end; at += sizeof fence) {
        if (at == data) at = data_end;
        if (at == end) break;
        if (memcmp(at, &fence, sizeof fence) != 0) {
            fprintf(stderr, "%s: wrote beside the buffer, %td bytes %s\n", what,
                    at < data ? data - at : at - data_end,
                    at < data ? "before its beginning" : "behind its end");
            return false;
        }
    }
    return true;
}

void check_fenced_clear(struct check_fenced *fenced) {
    fill_with_fence(fenced->data, fenced->data + fenced->n);
}

/* ---- numbers that look random ------------------------------------------------------------------------ */

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
uint64_t check_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

int check_between(uint64_t *state, int low, int high) {
    return low + (int)(check_random(state) % (uint64_t)(high - low + 1));
}

float check_bf16(float x) {
    if (!isfinite(x) || x == 0) return x;
    int exponent; /* |x| is 0.5 .. 1 times 2^exponent: 8 bits are multiples of 2^(exponent - 8) */
    (void)frexp((double)x, &exponent);
    double unit = ldexp(1, (exponent < -125 ? -125 : exponent) - 8);
    double nearest = rint((double)x / unit) * unit;
    return fabs(nearest) < 0x1p128 ? (float)nearest : copysignf(INFINITY, x);
}

void check_fill(float *x, size_t n, float low, float high, uint64_t seed) {
    for (size_t i = 0; i < n; i++) x[i] = low + (high - low) * (float)(check_random(&seed) >> 40) * 0x1p-24f;
}
