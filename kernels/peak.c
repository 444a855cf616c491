/* The most that this instruction set can do: multiply-adds that never wait for memory or for each other. */
#include "template.h"

/* Two multipliers that answer after four or five cycles need 8 to 10 chains. Several rounds between two jumps, so
 * that it does not matter where in a line of instructions the loop begins. */
enum { CHAINS = 12, ROUNDS = 4 };

void K(peak)(const struct fmap_peak *job) {
    vf sums[CHAINS];
    /* None begins at 1, which the multiply-add keeps: a compiler that sees it leaves the chain out. */
    UNROLL for (int i = 0; i < CHAINS; i++) sums[i] = v_splat(2.0f + (float)i);
    vf factor = v_splat(0.999f), term = v_splat(0.001f);
    ROLLED for (int64_t k = 0; k < job->iterations; k++) {
        UNROLL for (int round = 0; round < ROUNDS; round++) {
            UNROLL for (int i = 0; i < CHAINS; i++) sums[i] = v_fma(sums[i], factor, term);
        }
    }
    vf total = v_splat(0.0f);
    UNROLL for (int i = 0; i < CHAINS; i++) total = v_add(total, sums[i]);
    v_store_first(job->result, total, 1);
    *job->flops = 2.0 * ROUNDS * CHAINS * LANES * (double)job->iterations;
}
