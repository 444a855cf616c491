/* The kernels: loops over numbers in memory, one table of them per instruction set.
 *
 * Layout. Activations are blocked: [n][channels / 16][h][w][16]. A block of 16 channels of one pixel is
 * one cache line whatever the instruction set. Lanes beyond the last channel hold anything: they are
 * stored, but nothing that is computed from them may reach a valid lane.
 *
 * Kernels cannot fail, allocate, or start threads. A job is const and describes the whole of the work;
 * plans guarantee its contract. Every output is one fixed chain of operations that depends neither on the
 * vector width nor on how the work was cut: all instruction sets give the same bits.
 */
#ifndef FMAP_KERNELS_H
#define FMAP_KERNELS_H

/* What kernels/x.c works on: x_job.h, or that of its family. */
#include "activate_job.h" /* functions of one number, activations first */
#include "dense_job.h"    /* gemv, dense, widen */
#include "dropout_job.h"
#include "eltwise_job.h"   /* unary, binary, affine */
#include "layout_job.h"    /* reorder, gather, restack */
#include "limit_job.h"     /* peak, bandwidth */
#include "normalize_job.h" /* normalize, lrn, softmax */
#include "reduce_job.h"
#include "resample_job.h"
#include "statistics_job.h"
#include "stem_winograd_job.h"
#include "tile_job.h"   /* tile, pointwise, planar */
#include "window_job.h" /* depthwise, grouped, dot, pools */
#include "winograd_job.h"

#include <stdbool.h>

enum { FMAP_BLOCK = 16 };

struct fmap_kernels {
    const char *isa; /* "avx512", ... */
    int lanes;       /* floats of a vector: 1, 4, 8 or 16 */
    /* Largest tile for each number of vectors, in pixels; 0: no such tile. Every smaller one exists. */
    int tile_pixels[FMAP_TILE_MAX_VECTORS + 1];
    int planar_pixels[FMAP_TILE_MAX_VECTORS + 1]; /* the same of the planar tile */
    bool
        reads_images; /* whether planar tiles of float images take them where they lie; if not they are copied first */
    bool fetches_far_weights; /* whether pointwise layers take pointwise_far before any trial */
    /* [0]: for any distance between the source's pixels; [1] and [2]: for 16 and 32 elements, faster. */
    fmap_tile_function *tile[3][FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    /* The same, faster, for one position of index 0 at offset 0 that all pixels take part in, a kernel of size 1, a
     * first lane of 0 and a distance of 16 between the source's pixels. */
    fmap_tile_function *pointwise[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    /* The same for weights that come from the third cache or from memory: it fetches them ahead. */
    fmap_tile_function *pointwise_far[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    /*   dst[p][o] = activate(bias[o] + sum over terms t of src[p + terms[t]] * weights[t][o])
     * in the order of the terms. */
    fmap_tile_function *planar[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    /* The same of src[2 * p + terms[t]]; or none at all. */
    fmap_tile_function *planar_stride2[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    fmap_dense_function
        *dense[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1]; /* where there is a tile */
    fmap_dense_function *dense_bf16[FMAP_TILE_MAX_VECTORS + 1][FMAP_TILE_MAX_PIXELS + 1];
    int gemv_streams, gemv_vectors; /* most of one call of gemv */
#define KERNEL(name, job) void (*name)(const struct job *);
#include "kernels.inc"
#undef KERNEL
};

/* isas.inc makes one table per instruction set. */
#define ISA(name, suffix, supported) extern const struct fmap_kernels fmap_kernels_##name;
#include "isas.inc"
#undef ISA

/* Number of instruction sets built in, and the i-th's kernels, best first; NULL when this processor or
 * operating system cannot run them. */
int fmap_kernels_count(void);
const struct fmap_kernels *fmap_kernels_at(int i);

#endif
