/* Between a caller's layout and the blocked one. */
#include "template.h"

/* ---- channels apart, pixels side by side: transposes of LANES x LANES ----------------------------- */

/* n_pixels is LANES but at the end of an image; as a constant it turns masked accesses into plain ones. */
INLINE void planar_to_blocked(const struct fmap_reorder *job, int64_t pixel, int n_pixels, int part) {
    vf rows[LANES];
    UNROLL for (int i = 0; i < LANES; i++) {
        int lane = part * LANES + i;
        const float *src = job->plain + lane * job->channel_stride + pixel;
        rows[i] = lane < job->n_lanes ? v_load_first(src, n_pixels) : v_splat(0.0f);
    }
    v_transpose(rows);
    float *dst = job->blocked + pixel * FMAP_BLOCK + part * LANES;
    UNROLL for (int i = 0; i < LANES; i++) {
        if (i < n_pixels) v_store(dst + i * FMAP_BLOCK, rows[i]);
    }
}

INLINE void blocked_to_planar(const struct fmap_reorder *job, int64_t pixel, int n_pixels, int part) {
    vf rows[LANES];
    const float *src = job->blocked + pixel * FMAP_BLOCK + part * LANES;
    UNROLL for (int i = 0; i < LANES; i++) {
        rows[i] = i < n_pixels ? v_load(src + i * FMAP_BLOCK) : v_splat(0.0f);
    }
    v_transpose(rows);
    UNROLL for (int i = 0; i < LANES; i++) {
        int lane = part * LANES + i;
        if (lane < job->n_lanes) {
            v_store_first(job->plain + lane * job->channel_stride + pixel, rows[i], n_pixels);
        }
    }
}

/* ---- any strides; with channel_stride 1 vectors of channels --------------------------------------- */

INLINE int lanes_of(const struct fmap_reorder *job, int part) {
    int lanes = job->n_lanes - part * LANES;
    return lanes < 0 ? 0 : lanes < LANES ? lanes : LANES;
}

void K(reorder_to_blocked)(const struct fmap_reorder *job) {
    if (job->pixel_stride == 1) {
        int64_t pixel = 0;
        for (; pixel + LANES <= job->n_pixels; pixel += LANES) {
            for (int part = 0; part < PARTS; part++) planar_to_blocked(job, pixel, LANES, part);
        }
        int rest = (int)(job->n_pixels - pixel);
        for (int part = 0; rest > 0 && part < PARTS; part++) planar_to_blocked(job, pixel, rest, part);
        return;
    }
    for (int64_t pixel = 0; pixel < job->n_pixels; pixel++) {
        const float *src = job->plain + pixel * job->pixel_stride;
        float *dst = job->blocked + pixel * FMAP_BLOCK;
        if (job->channel_stride == 1) {
            for (int part = 0; part < PARTS; part++) {
                v_store(dst + part * LANES, v_load_first(src + part * LANES, lanes_of(job, part)));
            }
        } else {
            for (int lane = 0; lane < FMAP_BLOCK; lane++) {
                dst[lane] = lane < job->n_lanes ? src[lane * job->channel_stride] : 0.0f;
            }
        }
    }
}

void K(reorder_to_plain)(const struct fmap_reorder *job) {
    if (job->pixel_stride == 1) {
        int64_t pixel = 0;
        for (; pixel + LANES <= job->n_pixels; pixel += LANES) {
            for (int part = 0; part < PARTS; part++) blocked_to_planar(job, pixel, LANES, part);
        }
        int rest = (int)(job->n_pixels - pixel);
        for (int part = 0; rest > 0 && part < PARTS; part++) blocked_to_planar(job, pixel, rest, part);
        return;
    }
    for (int64_t pixel = 0; pixel < job->n_pixels; pixel++) {
        const float *src = job->blocked + pixel * FMAP_BLOCK;
        float *dst = job->plain + pixel * job->pixel_stride;
        if (job->channel_stride == 1) {
            for (int part = 0; part < PARTS; part++) {
                v_store_first(dst + part * LANES, v_load(src + part * LANES), lanes_of(job, part));
            }
        } else {
            for (int lane = 0; lane < job->n_lanes; lane++) dst[lane * job->channel_stride] = src[lane];
        }
    }
}
