#include <criterion/criterion.h>

#include "kernels/kernels.h"
#include "runtime/layers/winograd_cut.h"

static const int64_t MEGABYTE = 1024 * 1024;

static struct fmap_winograd_work work_of(int64_t channels, int64_t outputs, int64_t n_tiles) {
    const struct fmap_kernels *kernels = fmap_kernels_at(0);
    for (int i = 0; !kernels; i++) kernels = fmap_kernels_at(i);
    return (struct fmap_winograd_work){.kernels = kernels,
                                       .groups = 1,
                                       .points = 36,
                                       .channels = channels,
                                       .n_vectors = outputs / kernels->lanes,
                                       .n_tiles = n_tiles,
                                       .threads = 1,
                                       .near_bytes = 2 * MEGABYTE};
}

static struct fmap_winograd_cut first_cut(const struct fmap_winograd_work *work) {
    struct fmap_winograd_cut cuts[FMAP_WINOGRAD_CUTS];
    cr_assert_geq(fmap_winograd_cuts(work, cuts), 1);
    return cuts[0];
}

Test(winograd_cut, weights_from_far_away_are_read_once_while_the_tiles_stay_near) {
    struct fmap_winograd_work work = work_of(256, 256, 16);
    struct fmap_winograd_cut cut = first_cut(&work);
    cr_expect_eq(cut.n_blocks, 1, "%d blocks", (int)cut.n_blocks);
    cr_expect(fmap_winograd_is_far(&work, &cut));
}

static int64_t tiles_of_block(const struct fmap_winograd_work *work) {
    return (work->n_tiles - 1) / first_cut(work).n_blocks + 1;
}

Test(winograd_cut, blocks_stay_in_the_second_cache_where_that_is_enough_tiles_for_the_weights) {
    int64_t before = 0;
    for (int64_t bytes = MEGABYTE; bytes <= 4 * MEGABYTE; bytes *= 2) {
        struct fmap_winograd_work work = work_of(64, 64, 784);
        work.near_bytes = bytes;
        int64_t tiles = tiles_of_block(&work), block_bytes = tiles * 36 * 64 * (int64_t)sizeof(float);
        cr_expect(block_bytes > bytes / 16 && block_bytes < bytes, "%d of %d KB", (int)(block_bytes / 1024),
                  (int)(bytes / 1024));
        cr_expect_geq(tiles, before);
        before = tiles;
    }
}

Test(winograd_cut, large_weights_pass_by_few_times_however_small_the_second_cache) {
    for (int64_t bytes = MEGABYTE / 4; bytes <= 4 * MEGABYTE; bytes *= 2) {
        struct fmap_winograd_work work = work_of(256, 256, 784);
        work.near_bytes = bytes;
        int64_t tiles = tiles_of_block(&work), block_bytes = tiles * 36 * 256 * (int64_t)sizeof(float);
        cr_expect_geq(tiles, 20, "%d tiles with %d KB", (int)tiles, (int)(bytes / 1024));
        cr_expect_leq(block_bytes, 8 * bytes, "%d KB with %d", (int)(block_bytes / 1024),
                      (int)(bytes / 1024));
    }
}

Test(winograd_cut, where_little_comes_from_far_away_at_once_blocks_are_larger) {
    struct fmap_winograd_work slow = work_of(512, 512, 784), fast = slow;
    slow.far_bytes_per_cycle = 2;
    fast.far_bytes_per_cycle = 50;
    cr_expect_leq(tiles_of_block(&fast), tiles_of_block(&slow));
    struct fmap_winograd_cut cut = first_cut(&slow);
    cr_expect_lt(fmap_winograd_cut_cycles(&fast, &cut), fmap_winograd_cut_cycles(&slow, &cut));
}

Test(winograd_cut, near_weights_leave_blocks_small) {
    struct fmap_winograd_work work = work_of(32, 32, 784);
    struct fmap_winograd_cut cut = first_cut(&work);
    cr_expect_geq(cut.n_blocks, 4, "%d blocks", (int)cut.n_blocks);
    cr_expect_not(fmap_winograd_is_far(&work, &cut));
}

Test(winograd_cut, threads_that_share_few_tiles_read_weights_of_their_own) {
    struct fmap_winograd_work work = work_of(512, 512, 16);
    work.threads = 2;
    /* What multiplies slowly does not wait for the same memory. */
    work.far_bytes_per_cycle = 0.5 * work.kernels->lanes;
    struct fmap_winograd_cut cut = first_cut(&work);
    cr_expect_eq(cut.n_blocks, 1);
    cr_expect_eq(cut.panels_parts, 2);
}

Test(winograd_cut, threads_that_have_groups_of_their_own_need_no_panels_of_their_own) {
    struct fmap_winograd_work work = work_of(512, 512, 16);
    work.threads = work.groups = 2;
    struct fmap_winograd_cut cut = first_cut(&work);
    cr_expect_eq(cut.n_blocks, 1);
    cr_expect_eq(cut.panels_parts, 1);
    double two = fmap_winograd_cut_cycles(&work, &cut);
    work.groups = 4;
    cr_expect_float_eq(fmap_winograd_cut_cycles(&work, &cut), 2 * two, 1);
}

Test(winograd_cut, every_cut_is_possible_and_they_come_in_order) {
    for (int64_t tiles = 1; tiles < 60; tiles += 7) {
        for (int64_t threads = 1; threads <= 64; threads *= 4) {
            struct fmap_winograd_work work = work_of(48, 16 * 11, tiles);
            work.threads = threads;
            struct fmap_winograd_cut cuts[FMAP_WINOGRAD_CUTS];
            int n = fmap_winograd_cuts(&work, cuts);
            cr_assert(n >= 1 && n <= FMAP_WINOGRAD_CUTS);
            double before = 1; /* no work is free */
            for (int i = 0; i < n; i++) {
                double cycles = fmap_winograd_cut_cycles(&work, &cuts[i]);
                int64_t n_panels = (work.n_vectors + cuts[i].vectors - 1) / cuts[i].vectors;
                cr_expect_geq(cycles, before);
                cr_expect(cuts[i].n_blocks >= 1 && cuts[i].n_blocks <= tiles);
                cr_expect(cuts[i].panels_parts >= 1 && cuts[i].panels_parts <= n_panels);
                cr_expect(work.kernels->tile_pixels[cuts[i].vectors] > 0);
                before = cycles;
            }
        }
    }
}
