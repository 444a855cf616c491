/* One image, weights of bfloat16: half of the bytes. */
#include "gemv.h"

GEMV(gemv_bf16, GEMV_SIZE_BF16)

void K(widen)(const struct fmap_widen *job) {
    ROLLED for (int64_t i = 0; i < job->n; i += LANES) v_store(job->dst + i, v_load_bf16(job->src + i));
}
