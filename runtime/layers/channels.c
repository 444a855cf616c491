/* Channels that do not begin on a block: runs of lanes are copied pixel by pixel, so that the tensor stays in blocked
 * form. Two runs that take turns, as in a shuffle of two groups, are one: their lanes are interleaved in registers. */
#include "runtime/layers/channels.h"

#include "runtime/layers/elements.h"

#include <string.h>

/* So many pixels of a block are copied lane by lane before the next: they stay in the nearest cache. */
enum { STRIP_PIXELS = 64 };

/* What it takes to move an element that another thread has made, in multiply-adds. */
enum { READING = 16 };

/* Lanes that lie side by side in one block of the source and in one of the destination; or so many pairs there, of one lane
 * from here and one from the other source each. */
struct run {
    int64_t src, other, dst; /* offsets within an image, of the first pixel; other: -1 where there is none */
    int64_t lanes;
};

struct channels_job {
    const struct run *runs; /* those of destination block b: from first_run[b] to before first_run[b + 1] */
    const int64_t *first_run;
    int64_t blocks;
    int64_t pixels;
    int64_t pixels_per_part, parts_per_block;
    int64_t src_image_stride, dst_image_stride;
};

/* A number of lanes that the compiler knows makes a move of each memcpy. */
static inline __attribute__((always_inline)) void copy_lanes(const float *src, float *dst, int64_t pixels,
                                                             int64_t lanes) {
    for (int64_t p = 0; p < pixels; p++)
        memcpy(dst + p * FMAP_BLOCK, src + p * FMAP_BLOCK, (size_t)lanes * sizeof *dst);
}

#define CASE(n) \
    case n: copy_lanes(src, dst, pixels, n); break
static void copy_run(const float *src, float *dst, int64_t pixels, int64_t lanes) {
    switch (lanes) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
        CASE(15);
    default: copy_lanes(src, dst, pixels, FMAP_BLOCK); break;
    }
}
#undef CASE

/* Of two groups of channels in turn. */
static inline __attribute__((always_inline)) void mix_lanes(const float *restrict first,
                                                            const float *restrict second, float *restrict dst,
                                                            int64_t pixels, int64_t lanes) {
    for (int64_t p = 0; p < pixels; p++, first += FMAP_BLOCK, second += FMAP_BLOCK, dst += FMAP_BLOCK) {
        for (int64_t i = 0; i < lanes; i++) {
            dst[2 * i] = first[i];
            dst[2 * i + 1] = second[i];
        }
    }
}

#define CASE(n) \
    case n: mix_lanes(first, second, dst, pixels, n); break
static void mix_run(const float *first, const float *second, float *dst, int64_t pixels, int64_t lanes) {
    switch (lanes) {
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
    default: mix_lanes(first, second, dst, pixels, FMAP_BLOCK / 2); break;
    }
}
#undef CASE

static void channels_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct channels_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    int64_t first = part % job->parts_per_block * job->pixels_per_part;
    int64_t block = part / job->parts_per_block % job->blocks;
    int64_t image = part / job->parts_per_block / job->blocks;
    int64_t pixels = job->pixels - first < job->pixels_per_part ? job->pixels - first : job->pixels_per_part;
    src += image * job->src_image_stride + first * FMAP_BLOCK;
    dst += image * job->dst_image_stride + first * FMAP_BLOCK;
    for (int64_t p = 0; p < pixels; p += STRIP_PIXELS) {
        int64_t strip = pixels - p < STRIP_PIXELS ? pixels - p : STRIP_PIXELS;
        const float *from = src + p * FMAP_BLOCK;
        float *to = dst + p * FMAP_BLOCK;
        for (int64_t i = job->first_run[block]; i < job->first_run[block + 1]; i++) {
            const struct run *lanes = &job->runs[i];
            if (lanes->other < 0)
                copy_run(from + lanes->src, to + lanes->dst, strip, lanes->lanes);
            else
                mix_run(from + lanes->src, from + lanes->other, to + lanes->dst, strip, lanes->lanes);
        }
    }
}

static int64_t source_of(const struct fmap_channels *channels, int64_t i) {
    return channels->sources ? channels->sources[i] : channels->src_first + i;
}

/* How many channels from number i on stay in both blocks. */
static int64_t run_length(const struct fmap_channels *channels, int64_t i) {
    int64_t src = source_of(channels, i), dst = channels->dst_first + i, n = 1;
    while (i + n < channels->count && source_of(channels, i + n) == src + n && (src + n) % FMAP_BLOCK != 0 &&
           (dst + n) % FMAP_BLOCK != 0)
        n++;
    return n;
}

/* How many pairs of channels from number i on are the next of the same two: of two blocks, and in one. */
static int64_t pairs_length(const struct fmap_channels *channels, int64_t i) {
    if (i + 1 >= channels->count) return 0;
    int64_t first = source_of(channels, i), second = source_of(channels, i + 1), n = 0;
    int64_t room = (FMAP_BLOCK - (channels->dst_first + i) % FMAP_BLOCK) / 2;
    while (n < room && i + 2 * n + 1 < channels->count && source_of(channels, i + 2 * n) == first + n &&
           source_of(channels, i + 2 * n + 1) == second + n &&
           (n == 0 || ((first + n) % FMAP_BLOCK != 0 && (second + n) % FMAP_BLOCK != 0)))
        n++;
    return n;
}

static int64_t lane_offset(int64_t channel, int64_t pixels) {
    return channel / FMAP_BLOCK * pixels * FMAP_BLOCK + channel % FMAP_BLOCK;
}

/* The longer of both from channel number i on; how many channels it has. */
static int64_t find_run(const struct fmap_channels *channels, int64_t i, int64_t pixels, struct run *run) {
    int64_t lanes = run_length(channels, i), pairs = pairs_length(channels, i);
    bool mixed = pairs > 1 && 2 * pairs > lanes;
    *run = (struct run){.src = lane_offset(source_of(channels, i), pixels),
                        .other = mixed ? lane_offset(source_of(channels, i + 1), pixels) : -1,
                        .dst = lane_offset(channels->dst_first + i, pixels),
                        .lanes = mixed ? pairs : lanes};
    return mixed ? 2 * pairs : lanes;
}

static fmap_status find_runs(struct fmap_planning *planning, const struct fmap_channels *channels,
                             int64_t pixels, struct channels_job *job) {
    struct fmap_storage *storage = &planning->plan->storage;
    int64_t first_block = channels->dst_first / FMAP_BLOCK, block = 0, n = 0;
    job->blocks = (channels->dst_first + channels->count - 1) / FMAP_BLOCK - first_block + 1;
    struct run *runs = fmap_storage_take(storage, (size_t)channels->count, sizeof *runs);
    int64_t *first_run = fmap_storage_take(storage, (size_t)job->blocks + 1, sizeof *first_run);
    if (!runs || !first_run) return fmap_planning_out_of_memory(planning);
    for (int64_t i = 0; i < channels->count; n++) {
        while (block < (channels->dst_first + i) / FMAP_BLOCK - first_block) first_run[++block] = n;
        i += find_run(channels, i, pixels, &runs[n]);
    }
    first_run[job->blocks] = n;
    job->runs = runs;
    job->first_run = first_run;
    return FMAP_OK;
}

fmap_status fmap_plan_channel_copy(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const struct fmap_operand *src, const struct fmap_geometry *from,
                                   const struct fmap_operand *dst, const struct fmap_geometry *to,
                                   const struct fmap_channels *channels) {
    struct channels_job job = {.pixels = to->h * to->w,
                               .src_image_stride = from->image_stride,
                               .dst_image_stride = to->image_stride};
    TRY(find_runs(planning, channels, job.pixels, &job));
    int64_t units = to->n * job.blocks;
    int64_t parts = fmap_planning_parts(planning, fmap_dim_product(units, READING * FMAP_BLOCK * job.pixels));
    job.parts_per_block = (parts + units - 1) / units;
    if (job.parts_per_block > job.pixels) job.parts_per_block = job.pixels;
    job.pixels_per_part = (job.pixels + job.parts_per_block - 1) / job.parts_per_block;
    job.parts_per_block = (job.pixels + job.pixels_per_part - 1) / job.pixels_per_part;
    struct fmap_operand operands[] = {*src, *dst};
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = channels_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = units * job.parts_per_block,
                                                                       .kernel = "copy_lanes",
                                                                       .node = node});
}

fmap_status fmap_plan_channels(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value in, fmap_value out, const struct fmap_channels *channels) {
    struct fmap_geometry from = fmap_geometry_of(&planning->graph->values[in].shape);
    struct fmap_geometry to = fmap_geometry_of(&planning->graph->values[out].shape);
    struct fmap_operand src, dst;
    TRY(fmap_planning_read(planning, in, FMAP_FORM_BLOCKED, &src));
    TRY(fmap_planning_write_images(planning, out, &dst, &to.image_stride));
    return fmap_plan_channel_copy(planning, node, &src, &from, &dst, &to, channels);
}
