#include "runtime/digest.h"

#include <string.h>

/* Lanes are independent chains of multiplications, so that they take no longer than reading memory does. */
enum { LANES = 4, STRIPE = LANES * sizeof(uint64_t) };

/* Odd, with about as many ones as zeros: the fractions of the golden ratio and of the roots of 2, 3, 5 and 7. */
static const uint64_t golden = 0x9e3779b97f4a7c15;
static const uint64_t factors[LANES] = {0x6a09e667f3bcc909, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                        0xa54ff53a5f1d36f1};

/* Every bit of the word reaches all higher ones by the product, and the lower half by the shift. */
static uint64_t mix(uint64_t lane, uint64_t word, uint64_t factor) {
    lane = (lane ^ word) * factor;
    return lane ^ lane >> 32;
}

static void take(uint64_t *lanes, const unsigned char *stripe) {
    for (int i = 0; i < LANES; i++) {
        uint64_t word;
        memcpy(&word, stripe + (size_t)i * sizeof word, sizeof word);
        lanes[i] = mix(lanes[i], word, factors[i]);
    }
}

struct fmap_digest fmap_digest_of(const void *data, size_t bytes) {
    uint64_t lanes[LANES] = {golden, ~golden, golden << 1, golden >> 1};
    const unsigned char *at = data;
    size_t rest = bytes;
    for (; rest >= STRIPE; rest -= STRIPE, at += STRIPE) take(lanes, at);
    unsigned char last[STRIPE] = {0};
    if (rest > 0) memcpy(last, at, rest);
    take(lanes, last);
    struct fmap_digest digest = {{bytes, ~(uint64_t)bytes}};
    for (int i = 0; i < LANES; i++) {
        digest.words[0] = mix(digest.words[0], lanes[i], golden);
        digest.words[1] = mix(digest.words[1], lanes[LANES - 1 - i], factors[i]);
    }
    digest.words[0] = mix(digest.words[0], digest.words[1] >> 29, golden);
    digest.words[1] = mix(digest.words[1], digest.words[0] >> 31, golden);
    return digest;
}
