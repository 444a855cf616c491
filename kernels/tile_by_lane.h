/* Register tiles where an instruction multiplies by a lane: a load brings four channels of a pixel, or a pair of loads in
 * one instruction eight, and two vectors of weights. The terms and their order are those of tile_step.
 *
 * Beside FMAs there are nothing but loads, and the fewer the more registers a tile leaves:
 *   - four channels of all pixels, where sums fill the registers: 10x2, 7x3, 6x3, 6x4, 5x4;
 *   - eight channels, of all pixels or of some, the others' second four when they are needed: what is smaller;
 *   - one vector of outputs and more than ten pixels: the weights of eight channels stay, and pixels come by thirds. */
#ifndef FMAP_TILE_BY_LANE_H
#define FMAP_TILE_BY_LANE_H

#include "template.h"

enum { LANE_REGISTERS = 32 };

/* Where tests are needed for each pixel, there are too few registers. */
#define TILE_IS_KNOWN(first, last) (__builtin_constant_p(first) && __builtin_constant_p(last))

/* The weights of channel k are at weights + lane_weights_at(k): an odd number of vectors is loaded for two channels. Left to
 * itself GCC loads those of all channels at once, and then sums all terms of an output one after the other: it spills in a tile
 * that fills the registers, and a processor that runs instructions in their order waits. */
INLINE int lane_weights_at(int k, int vectors) { return vectors % 2 == 1 && k % 2 == 1 ? vectors : 0; }
INLINE void lane_weights(vf *weights, const float *w, int k, int pixels, int vectors) {
    if (lane_weights_at(k, vectors) > 0) return;
    LOAD_BARRIER();
    if (vectors % 2 == 0 && pixels > 3) { /* GCC makes pairs of these, and knows how long they take. */
        UNROLL for (int v = 0; v < vectors; v++) weights[v] = v_load(w + v * LANES);
        return;
    }
    int n = vectors % 2 == 1 ? 2 * vectors : vectors;
    UNROLL for (int i = 0; i < n; i += 2) v_load_pair(w + i * LANES, &weights[i], &weights[i + 1]);
}

/* One channel: that of lane k of the values. */
INLINE void lane_channel(tile_row *acc, const vf *values, const vf *weights, int k, int pixels, int vectors,
                         int first, int last) {
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        int p = i / vectors, v = i % vectors;
        if (p >= first && p < last) v_accumulate_lane(&acc[p][v], weights[v], values[p], k);
    }
    if (vectors > 1) return;
    UNROLL for (int p = first; p < last; p++) v_in_order(&acc[p][0]);
}

/* Where not even two channels' weights of an odd number of vectors have registers: the second of a pair may be the next
 * channel's, and serves all pixels before the next vector does. */
INLINE bool lane_rolls(int pixels, int vectors) {
    return vectors % 2 == 1 && pixels * vectors + pixels + 2 * vectors > LANE_REGISTERS;
}
INLINE void lane_rolling(tile_row *acc, const vf *values, const float *w, int vectors, int first, int last) {
    vf weights[2];
    UNROLL for (int i = 0; i < 4 * vectors; i++) {
        if (i % 2 == 0) {
            LOAD_BARRIER();
            v_load_pair(w + i * LANES, &weights[0], &weights[1]);
        }
        UNROLL for (int p = first; p < last; p++)
            v_accumulate_lane(&acc[p][i % vectors], weights[i % 2], values[p], i / vectors);
    }
}

/* Four channels of values that are loaded; returns where the next channel's weights are. */
INLINE const float *lane_four(tile_row *acc, const vf *values, const float *w, int pixels, int vectors,
                              int first, int last) {
    vf weights[2 * FMAP_TILE_MAX_VECTORS];
    if (lane_rolls(pixels, vectors)) {
        lane_rolling(acc, values, w, vectors, first, last);
        return w + 4 * vectors * LANES;
    }
    UNROLL for (int k = 0; k < 4; k++, w += vectors * LANES) {
        lane_weights(weights, w, k, pixels, vectors);
        lane_channel(acc, values, weights + lane_weights_at(k, vectors), k, pixels, vectors, first, last);
    }
    return w;
}

INLINE void tile_four(tile_row *acc, const float **x, const float **w, int pixels, int vectors,
                      ptrdiff_t step, int first, int last, struct fetching *fetching) {
    vf values[FMAP_TILE_MAX_PIXELS];
    if (!TILE_IS_KNOWN(first, last)) {
        tile_four_channels(acc, x, w, pixels, vectors, step, first, last, fetching);
        return;
    }
    if (fetching) fetch_share(fetching, 4, 2);
    if (first >= last) return; /* A border as wide as the tile. */
    BARRIER(*x, *w);
    UNROLL for (int p = 0; p < pixels; p++) {
        values[p] = p < first || p >= last ? v_splat(0.0f) : v_load(*x + p * step);
    }
    *w = lane_four(acc, values, *w, pixels, vectors, first, last);
    *x += 4;
}

/* Pixels whose eight channels are loaded as a pair, in the registers that sums and weights leave. */
INLINE int lane_pairs(int pixels, int vectors) {
    int left = LANE_REGISTERS - pixels * vectors - pixels - (vectors % 2 == 1 ? 2 * vectors : vectors);
    return left < pixels ? left : pixels;
}

INLINE bool tile_takes_eight(int pixels, int vectors, int first, int last) {
    if (!TILE_IS_KNOWN(first, last) || first >= last) return false;
    return vectors == 1 || lane_pairs(pixels, vectors) == pixels ||
           (vectors == 2 && lane_pairs(pixels, vectors) > 0);
}

/* A single vector of outputs. */
INLINE void lane_eight_single(tile_row *acc, const float *x, const float *w, int pixels, ptrdiff_t step,
                              int first, int last) {
    vf weights[8], low[FMAP_TILE_MAX_PIXELS], high[FMAP_TILE_MAX_PIXELS];
    UNROLL for (int k = 0; k < 8; k += 2) v_load_pair(w + k * LANES, &weights[k], &weights[k + 1]);
    UNROLL for (int third = 0; third < 3; third++) {
        int begin = third * pixels / 3 < first ? first : third * pixels / 3;
        int end = (third + 1) * pixels / 3 > last ? last : (third + 1) * pixels / 3;
        LOAD_BARRIER();
        UNROLL for (int p = begin; p < end; p++) v_load_pair(x + p * step, &low[p], &high[p]);
        UNROLL for (int k = 0; k < 8; k++)
            lane_channel(acc, k < 4 ? low : high, &weights[k], k % 4, pixels, 1, begin, end);
    }
}

/* Several vectors, or so few pixels that their eight channels stay beside the sums. */
INLINE void lane_eight(tile_row *acc, const float *x, const float *w, int pixels, int vectors, ptrdiff_t step,
                       int first, int last) {
    vf low[FMAP_TILE_MAX_PIXELS], high[FMAP_TILE_MAX_PIXELS], weights[2 * FMAP_TILE_MAX_VECTORS];
    int pairs = lane_pairs(pixels, vectors);
    UNROLL for (int p = 0; p < pixels; p++) {
        low[p] = high[p] = v_splat(0.0f);
        if (p < first || p >= last) continue;
        if (p < pairs) {
            v_load_pair(x + p * step, &low[p], &high[p]);
        } else {
            low[p] = v_load(x + p * step);
        }
    }
    UNROLL for (int k = 0; k < 8; k++, w += vectors * LANES) {
        lane_weights(weights, w, k, pixels, vectors);
        if (k == 4) {
            UNROLL for (int p = pairs; p < pixels; p++) {
                if (p >= first && p < last) high[p] = v_load(x + p * step + 4);
            }
        }
        lane_channel(acc, k < 4 ? low : high, weights + lane_weights_at(k, vectors), k % 4, pixels, vectors,
                     first, last);
    }
}

/* Eight input channels; the first and last pixel that take part are constants. */
INLINE void tile_eight(tile_row *acc, const float **x, const float **w, int pixels, int vectors,
                       ptrdiff_t step, int first, int last) {
    BARRIER(*x, *w);
    if (vectors == 1 && lane_pairs(pixels, vectors) < pixels) {
        lane_eight_single(acc, *x, *w, pixels, step, first, last);
    } else {
        lane_eight(acc, *x, *w, pixels, vectors, step, first, last);
    }
    *w += 8 * vectors * LANES;
    *x += 8;
}

#endif
