#include "runtime/share.h"

/* A better balance is worth a few more parts, not any number of them. */
enum { MOST_PARTS_OF_THREAD = 8 };
static const double EVEN = 0.97, WORTH_IT = 0.98;

static int64_t pieces_of(const struct fmap_cut_along *along) { return along->pieces > 0 ? along->pieces : 1; }

/* Of all: 1 for a way that is not cut. */
static double piece_work(const struct fmap_cut_along *along, int64_t i) {
    if (along->pieces <= 1 || along->total == 0) return 1;
    double length = (double)fmap_piece_length(along->total, along->pieces, i);
    return (length + along->overhead) / (double)along->total;
}

int64_t fmap_share_parts(const struct fmap_share *share) {
    int64_t parts = 1;
    for (int k = 0; k < FMAP_CUTS; k++) parts *= pieces_of(&share->along[k]);
    return parts;
}

static double part_work(const struct fmap_share *share, int64_t part) {
    double work = 1;
    for (int k = FMAP_CUTS - 1; k >= 0; k--) {
        int64_t pieces = pieces_of(&share->along[k]);
        work *= piece_work(&share->along[k], part % pieces);
        part /= pieces;
    }
    return work;
}

static double add_up(const struct fmap_share *share, int threads, double *most) {
    int64_t parts = fmap_share_parts(share), part = 0;
    double sum = 0;
    *most = 0;
    for (int thread = 0; thread < threads; thread++) {
        double load = 0;
        for (int64_t n = fmap_piece_length(parts, threads, thread); n > 0; n--)
            load += part_work(share, part++);
        sum += load;
        if (load > *most) *most = load;
    }
    return sum;
}

double fmap_share_most(const struct fmap_share *share, int threads) {
    double most;
    add_up(share, threads, &most);
    return most;
}

double fmap_share_balance(const struct fmap_share *share, int threads) {
    double most, sum = add_up(share, threads, &most);
    return most > 0 ? sum / threads / most : 1;
}

void fmap_share_improve(struct fmap_share *share, int threads) {
    int64_t most_parts = (int64_t)MOST_PARTS_OF_THREAD * threads;
    if (threads < 2 || fmap_share_balance(share, threads) >= EVEN) return;
    int64_t fixed = pieces_of(&share->along[0]);
    struct fmap_share best = *share;
    double best_most = fmap_share_most(share, threads);
    for (int64_t first = pieces_of(&share->along[1]); first <= share->along[1].total || first == 1; first++) {
        if (fixed * first > most_parts) break;
        for (int64_t second = pieces_of(&share->along[2]); second <= share->along[2].total || second == 1;
             second++) {
            if (fixed * first * second > most_parts) break;
            struct fmap_share tried = *share;
            tried.along[1].pieces = first;
            tried.along[2].pieces = second;
            double most = fmap_share_most(&tried, threads);
            if (most >= WORTH_IT * best_most) continue;
            best = tried;
            best_most = most;
        }
    }
    *share = best;
}

struct fmap_share fmap_share_units(int64_t n_units, int64_t parts) {
    return (struct fmap_share){.along = {{.total = n_units, .pieces = parts}}};
}

/* As many as threads are always even within a unit; more let a thread's memory stay together in other steps. */
int64_t fmap_share_units_parts(int64_t n_units, int64_t wanted, int threads) {
    int64_t parts = wanted < n_units ? wanted : n_units;
    if (parts <= threads) return parts;
    struct fmap_share many = fmap_share_units(n_units, parts), few = fmap_share_units(n_units, threads);
    return fmap_share_most(&few, threads) < WORTH_IT * fmap_share_most(&many, threads) ? threads : parts;
}
