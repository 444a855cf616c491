/* Winograd's F(4, TAPS) along the rows of a convolution of few channels: a source defines PATCH and its two transforms, and
 * includes this. The values of a row lie in planes of single floats, so a vector holds neighbouring tiles. */
#ifndef FMAP_STEM_WINOGRAD_H
#define FMAP_STEM_WINOGRAD_H

#include "activate.h"

enum { OUTPUT = FMAP_STEM_WINOGRAD_OUTPUT };

/* A vector's patches, a vector for each column: tiles are `step` floats apart, and blocks of columns are transposed. */
INLINE void stem_columns(const float *src, int step, int n_columns, vf *columns) {
    ROLLED for (int c = 0; c < n_columns; c += LANES) {
        vf rows[LANES];
        UNROLL for (int i = 0; i < LANES; i++) rows[i] = v_load(src + i * step + c);
        v_transpose(rows);
        UNROLL for (int i = 0; i < LANES; i++) columns[c + i] = rows[i];
    }
}

INLINE void stem_input(const struct fmap_stem_winograd_input *job, int stride) {
    int step = OUTPUT * stride;
    ROLLED for (int t = 0; t < job->n_tiles; t += LANES) {
        vf columns[FMAP_STEM_WINOGRAD_MAX_STRIDE * FMAP_STEM_WINOGRAD_MAX_PATCH + LANES];
        stem_columns(job->src + t * step, step, PATCH * stride, columns);
        ROLLED for (int phase = 0; phase < stride; phase++) {
            float *dst = job->dst + phase * job->phase_stride + t;
            vf d[PATCH], points[PATCH];
            UNROLL for (int k = 0; k < PATCH; k++) d[k] = columns[k * stride + phase];
            transform_input(points, d);
            UNROLL for (int p = 0; p < PATCH; p++) v_store(dst + p * job->point_stride, points[p]);
        }
    }
}

/* Constant strides make a column's place a constant. */
INLINE void stem_input_of(const struct fmap_stem_winograd_input *job) {
    switch (job->stride) {
    case 1: stem_input(job, 1); break;
    case 2: stem_input(job, 2); break;
    default: stem_input(job, job->stride);
    }
}

INLINE void stem_output(const struct fmap_stem_winograd_output *job) {
    int clips = job->activate.kind == FMAP_ACTIVATE_CLIP;
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    vf bias = v_load(job->bias);
    const float *src = job->src;
    ROLLED for (int x = 0; x < job->width; x += OUTPUT, src += FMAP_BLOCK) {
        vf m[PATCH], y[OUTPUT];
        float *dst = job->dst + x * FMAP_BLOCK;
        UNROLL for (int p = 0; p < PATCH; p++) m[p] = v_load(src + p * job->point_stride);
        transform_output(y, m);
        UNROLL for (int k = 0; k < OUTPUT; k++) y[k] = v_min(high, v_max(low, v_add(y[k], bias)));
        if (job->width - x >= OUTPUT) {
            UNROLL for (int k = 0; k < OUTPUT; k++) v_store(dst + k * FMAP_BLOCK, y[k]);
        } else {
            UNROLL for (int k = 0; k < OUTPUT; k++) {
                if (k < job->width - x) v_store(dst + k * FMAP_BLOCK, y[k]);
            }
        }
    }
    if (!clips && job->activate.kind != FMAP_ACTIVATE_NONE)
        K(activate)(job->dst, job->dst, FMAP_BLOCK, job->width, &job->activate);
}

#endif
