/* From channels side by side to blocks. */
#include "template.h"

void K(restack)(const struct fmap_restack *job) {
    float *block = job->dst;
    for (int64_t b = 0; b < job->n_blocks; b++, block += job->dst_block_stride) {
        const float *src = job->src + b * FMAP_BLOCK;
        float *dst = block;
        for (int64_t p = 0; p < job->n_pixels; p++, src += job->src_pixel_stride, dst += FMAP_BLOCK) {
            UNROLL for (int part = 0; part < PARTS; part++)
                v_store(dst + part * LANES, v_load(src + part * LANES));
        }
    }
}
