#include "case.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle.h"

/* ---- running ------------------------------------------------------------------------------------------ */

void kernel_case_prepare(struct kernel_case *c, const struct fmap_kernels *kernels) {
    check_fenced_clear(&c->dst);
    if (c->in_place) memcpy(c->dst.data, c->sources[0].data, c->dst.n * sizeof(float));
    if (c->prepare) c->prepare(c, kernels);
}

void kernel_case_run(const struct kernel_case *c, const struct fmap_kernels *kernels) { c->run(c, kernels); }

bool kernel_case_agrees(const struct kernel_case *c, const char *isa) {
    char what[128];
    snprintf(what, sizeof what, "%s on %s", c->name, isa);
    bool intact = check_fence_intact(what, &c->dst);
    for (int i = 0; i < c->n_sources; i++) intact &= check_fence_intact(what, &c->sources[i]);
    if (c->agrees) return c->agrees(c, isa) && intact;
    return check_near(what, c->dst.data, c->expected, c->bounds, c->dst.n) && intact;
}

static bool same_bits(const struct kernel_case *c, const char *isa, const float *scalar) {
    char what[128];
    snprintf(what, sizeof what, "%s: %s against scalar", c->name, isa);
    return check_same_bits(what, c->dst.data, scalar, c->dst.n);
}

static const struct fmap_kernels *kernels_or_message(int i) {
    static bool told[16];
    const struct fmap_kernels *kernels = fmap_kernels_at(i);
    if (!kernels && !told[i]) {
        fprintf(stderr, "instruction set %d of %d is skipped: this machine lacks it\n", i,
                fmap_kernels_count());
        told[i] = true;
    }
    return kernels;
}

bool kernel_case_holds(struct kernel_case *c) {
    bool holds = true;
    float *scalar = malloc(c->dst.n * sizeof(float) + 1);
    for (int i = fmap_kernels_count() - 1; i >= 0; i--) { /* The last one is scalar. */
        const struct fmap_kernels *kernels = kernels_or_message(i);
        if (!kernels) continue;
        kernel_case_prepare(c, kernels);
        kernel_case_run(c, kernels);
        holds &= kernel_case_agrees(c, kernels->isa);
        if (i == fmap_kernels_count() - 1)
            memcpy(scalar, c->dst.data, c->dst.n * sizeof(float));
        else if (!c->agrees)
            holds &= same_bits(c, kernels->isa, scalar);
    }
    free(scalar);
    return holds;
}

bool kernel_case_holds_and_destroy(struct kernel_case *c) {
    bool holds = kernel_case_holds(c);
    kernel_case_destroy(c);
    return holds;
}

/* ---- building ------------------------------------------------------------------------------------------- */

struct kernel_case *case_create(size_t n, int n_jobs, size_t job_bytes) {
    struct kernel_case *c = calloc(1, sizeof *c);
    c->dst = check_fenced_create(n, 64);
    c->jobs = calloc((size_t)n_jobs + 1, job_bytes);
    c->n_jobs = n_jobs;
    c->expected = calloc(n + 1, sizeof *c->expected);
    c->bounds = calloc(n + 1, sizeof *c->bounds);
    return c;
}

void kernel_case_destroy(struct kernel_case *c) {
    if (!c) return;
    if (c->destroy) c->destroy(c);
    check_fenced_destroy(&c->dst);
    for (int i = 0; i < c->n_sources; i++) check_fenced_destroy(&c->sources[i]);
    free(c->jobs);
    free(c->expected);
    free(c->bounds);
    free(c);
}

float *case_source(struct kernel_case *c, size_t n, size_t alignment, enum case_fill fill) {
    /* The last one is large, but sums and products of two do not overflow, where rounding would decide. */
    static const float special[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, FLT_TRUE_MIN, -FLT_MIN / 2, 1e18f};
    uint64_t state = (uint64_t)c->n_sources + 1;
    struct check_fenced *source = &c->sources[c->n_sources++];
    *source = check_fenced_create(n, alignment);
    check_fill(source->data, n, -1.0f, 1.0f, state);
    if (fill == CASE_FILL_SPECIAL) { /* One in eleven, so that most windows and rows have none of a kind. */
        for (size_t i = 0; i < n; i++) {
            uint64_t random = check_random(&state);
            if (random % 11 == 0)
                source->data[i] = special[(random >> 32) % (sizeof special / sizeof *special)];
        }
    }
    return source->data;
}
