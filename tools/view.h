/* The output of a layer as something to look at: maps side by side, or one row of numbers. */
#ifndef FMAP_TOOLS_VIEW_H
#define FMAP_TOOLS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <fmap/fmap.h>

/* values[(channel * height + y) * width + x], of somebody else. */
struct map_view {
    const float *values;
    int64_t channels;
    int64_t height;
    int64_t width;
    bool vector; /* `width` numbers without a place in the picture */
};

/* How to look at a tensor of one image. Its first dimension is the batch. Rank 4: n, c, h, w. Rank 3:
 * one map. Higher ranks: the dimensions before the last two are channels. Otherwise a vector. */
struct map_view view_of(const fmap_shape *shape, const float *values);

int64_t view_elements(const struct map_view *view);

/* The smallest and the largest finite value; 0 and 0 when there is none. */
struct range {
    float low;
    float high;
};
struct range view_channel_range(const struct map_view *view, int64_t channel);
struct range view_range(const struct map_view *view);

/* One channel as bytes: 0 for range.low (and for NaN) to 255 for range.high. `shrink` x `shrink` values,
 * fewer at the right and bottom edge, are averaged to one; rows of ceil(width / shrink) bytes are
 * `stride` apart. */
void view_bytes(const struct map_view *view, int64_t channel, struct range range, int64_t shrink,
                uint8_t *bytes, int64_t stride);

/* The byte of a value. */
uint8_t range_byte(struct range range, double value);

/* What the library says about a tap, for a tensor that is none: the network's input. */
fmap_statistics view_statistics(const struct map_view *view, int64_t channel);

#endif
