/* Dropout masks from Philox4x32-10: a random number is a function of its index, so masks do not depend on
 * how the work was cut. Integer arithmetic in plain C: the compiler finds the vectors. */
#include "template.h"

enum { ROUNDS = 10, BATCH = 16 };

/* One counter's four words a lane. */
struct philox {
    uint32_t word[4][BATCH];
};

INLINE void philox(struct philox *state, uint64_t key) {
    uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BATCH; i++) {
            uint64_t product0 = (uint64_t)state->word[0][i] * 0xD2511F53u;
            uint64_t product1 = (uint64_t)state->word[2][i] * 0xCD9E8D57u;
            state->word[0][i] = (uint32_t)(product1 >> 32) ^ state->word[1][i] ^ key0;
            state->word[2][i] = (uint32_t)(product0 >> 32) ^ state->word[3][i] ^ key1;
            state->word[1][i] = (uint32_t)product1;
            state->word[3][i] = (uint32_t)product0;
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

/* The masks of elements 4 * counter .. 4 * (counter + BATCH) - 1. */
INLINE void masks_from(float *masks, const struct fmap_dropout_mask *job, uint64_t counter) {
    struct philox state;
    for (int i = 0; i < BATCH; i++) {
        state.word[0][i] = (uint32_t)(counter + (uint64_t)i);
        state.word[1][i] = (uint32_t)((counter + (uint64_t)i) >> 32);
        state.word[2][i] = (uint32_t)job->step;
        state.word[3][i] = (uint32_t)(job->step >> 32);
    }
    philox(&state, job->key);
    for (int i = 0; i < BATCH; i++) {
        for (int word = 0; word < 4; word++) {
            masks[4 * i + word] = state.word[word][i] < job->threshold ? 0.0f : 1.0f;
        }
    }
}

void K(dropout_mask)(const struct fmap_dropout_mask *job) {
    float masks[4 * BATCH];
    int skip = (int)(job->first % 4);
    for (int64_t i = 0; i < job->n;) {
        masks_from(masks, job, (job->first + (uint64_t)i) / 4);
        for (int j = skip; j < 4 * BATCH && i < job->n; j++) job->mask[i++] = masks[j];
        skip = 0;
    }
}
