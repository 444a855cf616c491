/* Local response normalization over neighbouring channels of blocked pixels. */
#include "template.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

/* Of so many pixels at once the squares lie side by side, with the blocks before and behind, so that a window is a load. They
 * are stored in aligned vectors and loaded in others: a processor has to wait until the stores have reached the cache,
 * so there have to be many of them in between. */
enum { GROUP = 32, WINDOW = 3 * FMAP_BLOCK };
_Static_assert(FMAP_LRN_MAX_SIZE / 2 <= FMAP_BLOCK,
               "windows reach into the neighbouring blocks, and no further");

/* Vector `at` of the window of each of n pixels from `pixel` on; 0 where there is no such channel. */
INLINE void store_squares(const struct fmap_lrn *job, int64_t pixel, int n, int at, float *squares) {
    int64_t block = job->block + at / PARTS - 1;
    int first = at % PARTS * LANES;
    int lanes = block == job->n_blocks - 1 ? job->last_lanes - first : FMAP_BLOCK - first;
    bool exists = block >= 0 && block < job->n_blocks && lanes > 0;
    vf zero = v_splat(0.0f);
    const float *src = exists ? job->src + block * job->block_stride + pixel * FMAP_BLOCK + first : NULL;
    squares += at * LANES;
    if (!exists) {
        for (int i = 0; i < n; i++) v_store(squares + i * WINDOW, zero);
    } else if (lanes >= LANES) {
        for (int i = 0; i < n; i++) {
            vf x = v_load(src + i * FMAP_BLOCK);
            v_store(squares + i * WINDOW, v_mul(x, x));
        }
    } else {
        vmask there = v_first(lanes);
        for (int i = 0; i < n; i++) {
            vf x = v_load(src + i * FMAP_BLOCK);
            v_store(squares + i * WINDOW, v_select(there, v_mul(x, x), zero));
        }
    }
}

/* b^-3/4 of a normal b, and 0 of infinity, without the roots and the division that take a processor longer than all else
 * here. y is 1 to 7 % below b^-1/4, then within 5e-5 of it by a polynomial in b y^4 that makes the largest relative
 * error least. One step of Newton's turns y^3 into the result, its own rounding corrected. Within 2.7 * 2^-24 of the exact
 * value; of all floats of four octaves, which are those of all others, none is beyond 2.25. */
INLINE vf v_inverse_three_quarters(vf b) {
    vf y = v_minus_quarter_bits(0x4f4fd360, b);
    vf square = v_mul(y, y), t = v_mul(v_mul(b, square), square);
    vf p = v_fma(v_splat(0.229411811f), t, v_splat(-0.697791219f));
    y = v_mul(y, v_fma(p, t, v_splat(1.46883047f)));
    vf cube = v_mul(v_mul(y, y), y);
    vf off = v_fma(v_mul(b, cube), y, v_splat(-1.0f));
    cube = v_fma(v_mul(cube, off), v_splat(-0.75f), cube);
    return v_select(v_less(v_splat(FLT_MAX), b), v_splat(0.0f), cube);
}

INLINE vf by_library(vf x, vf base, float exponent) {
    float bases[LANES];
    v_store(bases, base);
    for (int lane = 0; lane < LANES; lane++) bases[lane] = powf(bases[lane], exponent);
    return v_div(x, v_load(bases));
}

/* x / base^beta, for betas in use. */
enum power { THREE_QUARTERS, HALF, ONE, ANY };

INLINE vf quotient(vf x, vf base, enum power power, float beta) {
    switch (power) {
    case THREE_QUARTERS: return v_mul(x, v_inverse_three_quarters(base));
    case HALF: return v_div(x, v_sqrt(base));
    case ONE: return v_div(x, base);
    case ANY: break;
    }
    return by_library(x, base, beta);
}

/* Of n pixels from `pixel` on. As constants `before` and `after` make the window straight code. */
INLINE void normalize(const struct fmap_lrn *job, int64_t pixel, int n, const float *squares, int before,
                      int after, enum power power) {
    vf alpha = v_splat(job->alpha), bias = v_splat(job->bias);
    const float *src = job->src + job->block * job->block_stride + pixel * FMAP_BLOCK;
    float *dst = job->dst + pixel * FMAP_BLOCK;
    for (int i = 0; i < n; i++) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            const float *window = squares + i * WINDOW + FMAP_BLOCK + part * LANES;
            vf sum = v_splat(0.0f);
            for (int k = -before; k <= after; k++) sum = v_add(sum, v_load(window + k));
            vf base = v_fma(alpha, sum, bias), x = v_load(src + i * FMAP_BLOCK + part * LANES);
            v_store(dst + i * FMAP_BLOCK + part * LANES, quotient(x, base, power, job->beta));
        }
    }
}

INLINE void lrn(const struct fmap_lrn *job, int before, int after, enum power power) {
    float squares[GROUP * WINDOW] __attribute__((aligned(64)));
    int first = (FMAP_BLOCK - before) / LANES;
    int end = (2 * FMAP_BLOCK + after - 1) / LANES + 1;
    for (int64_t pixel = 0; pixel < job->n_pixels; pixel += GROUP) {
        int n = job->n_pixels - pixel < GROUP ? (int)(job->n_pixels - pixel) : GROUP;
        for (int at = first; at < end; at++) store_squares(job, pixel, n, at, squares);
        normalize(job, pixel, n, squares, before, after, power);
    }
}

void K(lrn)(const struct fmap_lrn *job) {
    /* All bases are normal then, infinite or NaN. */
    bool normal = job->bias >= FLT_MIN && job->alpha >= 0.0f;
    int before = job->before, after = job->after;
    if (job->beta == 0.75f && normal && before == 2 && after == 2) /* AlexNet, GoogLeNet */
        lrn(job, 2, 2, THREE_QUARTERS);
    else if (job->beta == 0.75f && normal)
        lrn(job, before, after, THREE_QUARTERS);
    else if (job->beta == 0.5f && normal)
        lrn(job, before, after, HALF);
    else if (job->beta == 1.0f)
        lrn(job, before, after, ONE);
    else
        lrn(job, before, after, ANY);
}
