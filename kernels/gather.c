/* Rows of single floats out of whatever layout. */
#include "template.h"

/* The compiler makes vectors of a distance that it knows. */
INLINE void gather(float *dst, const float *src, int n, ptrdiff_t distance) {
    for (int i = 0; i < n; i++) dst[i] = src[i * distance];
}

void K(gather)(const struct fmap_gather *job) {
    const float *src = job->src;
    float *dst = job->dst;
    switch (job->distance) {
    case 1: gather(dst, src, job->n, 1); break;
    case 2: gather(dst, src, job->n, 2); break;
    case 3: gather(dst, src, job->n, 3); break;
    case 4: gather(dst, src, job->n, 4); break;
    case 6: gather(dst, src, job->n, 6); break;
    default: gather(dst, src, job->n, job->distance);
    }
}

INLINE void gather_pixels(const struct fmap_gather_pixels *job, ptrdiff_t distance) {
    const uint8_t *restrict src = job->src;
    float *restrict dst = job->dst;
    float mean = job->mean, scale = job->scale;
    for (int i = 0; i < job->n; i++) dst[i] = ((float)src[i * distance] - mean) * scale;
}

void K(gather_pixels)(const struct fmap_gather_pixels *job) {
    switch (job->distance) {
    case 1: gather_pixels(job, 1); break;
    case 2: gather_pixels(job, 2); break;
    case 3: gather_pixels(job, 3); break;
    case 4: gather_pixels(job, 4); break;
    case 6: gather_pixels(job, 6); break;
    default: gather_pixels(job, job->distance);
    }
}
