/* How a step's work is cut into parts, and how evenly threads share them. */
#ifndef FMAP_RUNTIME_SHARE_H
#define FMAP_RUNTIME_SHARE_H

#include <stdint.h>

static inline int64_t fmap_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The i-th of n nearly equal pieces of `total`: where it begins and how long it is. */
static inline int64_t fmap_piece_begin(int64_t total, int64_t n, int64_t i) {
    return total / n * i + (i < total % n ? i : total % n);
}
static inline int64_t fmap_piece_length(int64_t total, int64_t n, int64_t i) {
    return total / n + (i < total % n);
}

/* One way to cut: images, tiles of pixels, panels of outputs... into nearly equal pieces. What every piece costs beside
 * its length, such as the weights that it reads again, is told in the same unit. */
struct fmap_cut_along {
    int64_t total, pieces;
    double overhead;
};

/* A part is a piece along each, the last changing fastest. Those that are not used are all zeros. */
enum { FMAP_CUTS = 3 };
struct fmap_share {
    struct fmap_cut_along along[FMAP_CUTS];
};

int64_t fmap_share_parts(const struct fmap_share *share);

/* The largest of the threads' loads when each takes neighbouring parts, as run.c hands them out: 1 would be all of the
 * work without overheads. */
double fmap_share_most(const struct fmap_share *share, int threads);

/* The average of the threads' loads over the largest one: 1 is even. */
double fmap_share_balance(const struct fmap_share *share, int threads);

/* Where the last two of the ways are cut unevenly, looks for more pieces of them that let all threads end earlier. Fewer
 * than there are it does not make. One thread's are left alone. */
void fmap_share_improve(struct fmap_share *share, int threads);

/* Units of equal work, cut in one way: about `wanted` parts, or fewer where threads share those more evenly. */
struct fmap_share fmap_share_units(int64_t n_units, int64_t parts);
int64_t fmap_share_units_parts(int64_t n_units, int64_t wanted, int threads);

#endif
