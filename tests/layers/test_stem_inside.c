/* Convolutions of few channels that read the image where it lies, but for its edges. */
#include <criterion/criterion.h>

#include "runtime/layers/stem_job.h"
#include "tests/check.h"
#include "tests/net_conv.h"

static struct net_conv wide_conv(uint64_t *seed) {
    struct net_conv conv = {
        .shape = {.n = check_between(seed, 1, 2), .groups = 1, .window = oracle_window()}};
    struct oracle_window *w = &conv.shape.window;
    w->kernel_h = check_between(seed, 1, 5);
    w->kernel_w = check_between(seed, 1, 7);
    w->stride_h = check_between(seed, 1, 3);
    w->stride_w = check_between(seed, 1, 2);
    w->dilation_h = check_between(seed, 1, 2);
    w->dilation_w = check_between(seed, 1, 3);
    w->pad_top = check_between(seed, 0, 3);
    w->pad_left = check_between(seed, 0, 9);
    w->pad_bottom = check_between(seed, 0, 3);
    w->pad_right = check_between(seed, 0, 9);
    conv.shape.channels = check_between(seed, 1, 4);
    conv.shape.filters = check_between(seed, 1, 70);
    conv.shape.in_h = (w->kernel_h - 1) * w->dilation_h + check_between(seed, 1, 12);
    conv.shape.in_w = (w->kernel_w - 1) * w->dilation_w + check_between(seed, 60, 200);
    conv.in = FMAP_NCHW;
    conv.out = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.threads = check_between(seed, 1, 3);
    conv.algorithm = FMAP_ALGORITHM_DIRECT;
    return conv;
}

Test(stem_inside, agrees_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 21;
    for (int i = 0; i < 100; i++) {
        struct net_conv conv = wide_conv(&seed);
        cr_assert(net_conv_complete(&conv, check_between(&seed, 0, 1), seed));
        cr_assert(net_conv_agrees(&conv), "%s", net_conv_text(&conv).text);
        net_conv_free(&conv);
    }
}

Test(stem_inside, the_number_of_threads_and_the_batch_change_no_bit) {
    uint64_t seed = 22;
    for (int i = 0; i < 4; i++) {
        struct net_conv conv = wide_conv(&seed);
        conv.shape.n = 3;
        conv.shape.in_h += 30;
        conv.out = FMAP_NCHW;
        cr_assert(net_conv_complete(&conv, true, seed));
        cr_assert(net_conv_same_for_threads_and_batch(&conv), "%s", net_conv_text(&conv).text);
        net_conv_free(&conv);
    }
}

/* ---- which outputs are inside ------------------------------------------------------------------------------------ */

static struct fmap_stem_job some_job(uint64_t *seed) {
    struct fmap_stem_job job = {.n_phases = 1, .src_pixel_stride = 1, .channels = check_between(seed, 1, 8)};
    for (int i = 0; i < 2; i++) {
        job.strides[i] = check_between(seed, 1, i ? 2 : 4);
        job.kernel[i] = check_between(seed, 1, 7);
        job.dilations[i] = check_between(seed, 1, 3);
        job.pads[i] = check_between(seed, 0, 9);
        job.in[i] = check_between(seed, 1, 200);
        int64_t reach = (job.kernel[i] - 1) * job.dilations[i], behind = check_between(seed, 0, 9);
        int64_t room = job.in[i] + job.pads[i] + behind - reach - 1;
        job.out[i] = room < 0 ? 1 : room / job.strides[i] + 1;
    }
    job.distance = job.strides[1];
    job.phase_width = (job.out[1] - 1) * job.distance + (job.kernel[1] - 1) * job.dilations[1] + 1;
    job.src_channel_stride = job.in[0] * job.in[1];
    int64_t most = check_between(seed, 1, 12);
    job.tiling = (struct fmap_tiling){.n_pixels = job.out[1], .n_tiles = (job.out[1] + most - 1) / most};
    return job;
}

static bool is_inside(const struct fmap_stem_job *job, int i, int64_t output) {
    int64_t first = output * job->strides[i] - job->pads[i];
    return first >= 0 && first + (job->kernel[i] - 1) * job->dilations[i] < job->in[i];
}

static int64_t pixel_of(const struct fmap_stem_job *job, int64_t tile) {
    return fmap_piece_begin(job->tiling.n_pixels, job->tiling.n_tiles, tile);
}

static bool tile_is_inside(const struct fmap_stem_job *job, int64_t tile) {
    for (int64_t x = pixel_of(job, tile); x < pixel_of(job, tile + 1); x++)
        if (!is_inside(job, 1, x)) return false;
    return true;
}

/* The copy's columns that some tile outside of [tile_begin, tile_end) reads are copied. */
static void assert_columns(const struct fmap_stem_job *job) {
    int64_t reach = (job->kernel[1] - 1) * job->dilations[1];
    int64_t left = fmap_stem_left_width(job), right = fmap_stem_right_begin(job);
    for (int64_t tile = 0; tile < job->tiling.n_tiles; tile++) {
        if (tile >= job->inside.tile_begin && tile < job->inside.tile_end) continue;
        int64_t first = pixel_of(job, tile) * job->distance;
        int64_t last = (pixel_of(job, tile + 1) - 1) * job->distance + reach;
        cr_assert(last < left || first >= right, "tile %d", (int)tile);
    }
}

/* So are all rows under an output row that is not inside. */
static void assert_rows(const struct fmap_stem_job *job) {
    for (int64_t y = 0; y < job->out[0]; y++) {
        if (y >= job->inside.row_begin && y < job->inside.row_end) continue;
        for (int64_t k = 0; k < job->kernel[0]; k++) {
            int64_t row = y * job->strides[0] - job->pads[0] + k * job->dilations[0];
            cr_assert(fmap_stem_row_is_whole(job, row), "row %d under %d", (int)row, (int)y);
        }
    }
}

Test(stem_inside, all_that_can_be_and_nothing_else_is_inside) {
    const struct fmap_kernels kernels = {.reads_images = true};
    uint64_t seed = 23;
    int n = 0;
    for (int i = 0; i < 2000; i++) {
        struct fmap_stem_job job = some_job(&seed);
        fmap_stem_set_inside(&kernels, &job);
        if (job.inside.row_end == 0) continue;
        n++;
        for (int64_t y = 0; y < job.out[0]; y++)
            cr_assert_eq(is_inside(&job, 0, y), y >= job.inside.row_begin && y < job.inside.row_end);
        for (int64_t tile = 0; tile < job.tiling.n_tiles; tile++)
            cr_assert_eq(tile_is_inside(&job, tile),
                         tile >= job.inside.tile_begin && tile < job.inside.tile_end);
        assert_columns(&job);
        assert_rows(&job);
    }
    cr_expect(n > 500, "only %d of them are read where they lie", n);
}

Test(stem_inside, an_image_is_copied_where_it_cannot_be_read) {
    struct fmap_kernels kernels = {.reads_images = true};
    struct fmap_stem_job job = {.n_phases = 1,
                                .src_pixel_stride = 1,
                                .src_channel_stride = 100 * 100,
                                .channels = 3,
                                .distance = 1,
                                .in = {100, 100},
                                .out = {98, 98},
                                .kernel = {3, 3},
                                .strides = {1, 1},
                                .dilations = {1, 1},
                                .tiling = {.n_pixels = 98, .n_tiles = 20}};
    fmap_stem_set_inside(&kernels, &job);
    cr_expect(job.inside.row_end == 98 && job.inside.tile_begin == 0 && job.inside.tile_end == 20);
    struct fmap_stem_job other = job;
    other.src_pixel_stride = 3;
    fmap_stem_set_inside(&kernels, &other);
    cr_expect_eq(other.inside.row_end, 0, "pixels lie apart");
    other = job;
    other.n_phases = 3;
    fmap_stem_set_inside(&kernels, &other);
    cr_expect_eq(other.inside.row_end, 0, "columns are sorted");
    other = job;
    other.tiling.n_tiles = 7;
    fmap_stem_set_inside(&kernels, &other);
    cr_expect_eq(other.inside.row_end, 0, "few tiles");
    other = job;
    other.src_channel_stride = INT32_MAX;
    fmap_stem_set_inside(&kernels, &other);
    cr_expect_eq(other.inside.row_end, 0, "terms would not fit");
    kernels.reads_images = false;
    fmap_stem_set_inside(&kernels, &job);
    cr_expect_eq(job.inside.row_end, 0, "kernels read more than their terms");
}
