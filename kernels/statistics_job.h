/* What is told of a map. */
#ifndef FMAP_KERNELS_STATISTICS_JOB_H
#define FMAP_KERNELS_STATISTICS_JOB_H

#include <stddef.h>
#include <stdint.h>

/* Per-lane statistics of n_pixels pixels `pixel_stride` apart, n_lanes <= 16 lanes, one chain per lane in
 * the order of the pixels: minimum and maximum (NaN left out), sum, sum of squares about `shift`
 * (the lane's first element), number of zeros. */
struct fmap_lane_statistics {
    double sum[16];
    double sum_of_squares[16];
    double zeros[16];
    float shift[16];
    float minimum[16];
    float maximum[16];
};

struct fmap_statistics_job {
    const float *src;
    struct fmap_lane_statistics *result;
    int64_t n_pixels;
    ptrdiff_t pixel_stride;
    int n_lanes;
};

#endif
