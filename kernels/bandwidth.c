/* How fast this instruction set can read: loads that wait for nothing but the memory. */
#include "template.h"

enum { STREAMS = 4, VECTORS = 2, CHAINS = STREAMS * VECTORS };

void K(bandwidth)(const struct fmap_bandwidth *job) {
    vf sums[CHAINS];
    UNROLL for (int i = 0; i < CHAINS; i++) sums[i] = v_splat(0.0f);
    for (int64_t k = 0; k < job->iterations; k++) {
        const float *streams[STREAMS];
        UNROLL for (int s = 0; s < STREAMS; s++) streams[s] = job->src + s * job->stream_stride;
        ROLLED for (int64_t i = 0; i < job->n_steps; i++) {
            UNROLL for (int c = 0; c < CHAINS; c++) {
                sums[c] = v_add(sums[c], v_load(streams[c / VECTORS] + (c % VECTORS) * LANES));
            }
            UNROLL for (int s = 0; s < STREAMS; s++) streams[s] += job->step;
        }
    }
    vf total = v_splat(0.0f);
    UNROLL for (int i = 0; i < CHAINS; i++) total = v_add(total, sums[i]);
    v_store_first(job->result, total, 1);
}
