/* Dropout masks from Philox4x32-10: a random number is a function of its index, so masks do not depend on
 * how the work was cut. Integer arithmetic in plain C: the compiler finds the vectors. */
#include "template.h"

#include <string.h>

enum { ROUNDS = 10, BATCH = 16 };

/* One counter's four words. */
struct philox {
    uint32_t word[4];
};

INLINE struct philox philox(uint64_t counter, uint64_t step, uint64_t key) {
    uint32_t a = (uint32_t)counter, b = (uint32_t)(counter >> 32), c = (uint32_t)step,
             d = (uint32_t)(step >> 32);
    uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    UNROLL for (int round = 0; round < ROUNDS; round++) {
        uint64_t product0 = (uint64_t)a * 0xD2511F53u;
        uint64_t product1 = (uint64_t)c * 0xCD9E8D57u;
        a = (uint32_t)(product1 >> 32) ^ b ^ key0;
        c = (uint32_t)(product0 >> 32) ^ d ^ key1;
        b = (uint32_t)product1;
        d = (uint32_t)product0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return (struct philox){{a, b, c, d}};
}

/* The masks of elements 4 * counter .. 4 * (counter + BATCH) - 1. A loop without dependencies: one lane a
 * counter. The largest threshold, 2^32, drops all and has no place in 32 bits. */
INLINE void masks_from(float *masks, const struct fmap_dropout_mask *job, uint64_t counter) {
    uint32_t limit = job->threshold > 0 ? (uint32_t)(job->threshold - 1) : 0;
    float lowest = job->threshold > 0 ? 0.0f : 1.0f;
    uint64_t step = job->step, key = job->key;
    for (int i = 0; i < BATCH; i++) {
        struct philox random = philox(counter + (uint64_t)i, step, key);
        for (int word = 0; word < 4; word++) masks[4 * i + word] = random.word[word] <= limit ? lowest : 1.0f;
    }
}

void K(dropout_mask)(const struct fmap_dropout_mask *job) {
    float masks[4 * BATCH];
    int64_t skip = (int64_t)(job->first % 4);
    for (int64_t i = 0, n; i < job->n; i += n) {
        masks_from(masks, job, (job->first + (uint64_t)i) / 4);
        n = job->n - i < 4 * BATCH - skip ? job->n - i : 4 * BATCH - skip;
        memcpy(job->mask + i, masks + skip, (size_t)n * sizeof *masks);
        skip = 0;
    }
}
