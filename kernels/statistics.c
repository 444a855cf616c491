/* Statistics of each lane, in doubles: plain loops over the lanes, of which the compiler makes vectors
 * without changing the order within a lane. */
#include "template.h"

INLINE void statistics(const struct fmap_statistics_job *job, int n_lanes) {
    struct fmap_lane_statistics result;
    for (int lane = 0; lane < FMAP_BLOCK; lane++) {
        result.sum[lane] = result.sum_of_squares[lane] = result.zeros[lane] = 0.0;
        result.shift[lane] = lane < n_lanes && job->n_pixels > 0 ? job->src[lane] : 0.0f;
        result.minimum[lane] = __builtin_inff();
        result.maximum[lane] = -__builtin_inff();
    }
    const float *src = job->src;
    for (int64_t pixel = 0; pixel < job->n_pixels; pixel++, src += job->pixel_stride) {
        for (int lane = 0; lane < n_lanes; lane++) {
            float x = src[lane];
            double centred = (double)x - (double)result.shift[lane];
            result.sum[lane] += (double)x;
            result.sum_of_squares[lane] += centred * centred;
            result.zeros[lane] += x == 0.0f ? 1.0 : 0.0;
            result.minimum[lane] = x < result.minimum[lane] ? x : result.minimum[lane];
            result.maximum[lane] = x > result.maximum[lane] ? x : result.maximum[lane];
        }
    }
    *job->result = result;
}

void K(statistics)(const struct fmap_statistics_job *job) {
    if (job->n_lanes == FMAP_BLOCK)
        statistics(job, FMAP_BLOCK);
    else
        statistics(job, job->n_lanes);
}
