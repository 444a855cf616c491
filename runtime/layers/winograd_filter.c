#include "runtime/layers/winograd.h"

/* By the names that the kernels have behind winograd: an input transform may serve several algorithms. */
#define FILTER(name, input, output) \
    ((struct fmap_winograd_filter){"winograd" name, kernels->winograd##input##_input, \
                                   kernels->winograd##output##_output})

static struct fmap_winograd_filter line_filter_of(const struct fmap_kernels *kernels,
                                                  const struct fmap_tiles_problem *problem, int64_t output) {
    switch (10 * output + fmap_winograd_line(problem)) {
    case 43: return FILTER("4_line3", _line6, _line4_3);
    case 63: return FILTER("6_line3", _line8, _line6_3);
    case 45: return FILTER("4_line5", _line8, _line4_5);
    case 65: return FILTER("6_line5", _line10, _line6_5);
    case 37: return FILTER("3_line7", _line9, _line3_7);
    default: return FILTER("6_line7", _line12, _line6_7);
    }
}

struct fmap_winograd_filter fmap_winograd_filter_of(const struct fmap_kernels *kernels,
                                                    const struct fmap_tiles_problem *problem,
                                                    int64_t output) {
    if (fmap_winograd_line(problem)) return line_filter_of(kernels, problem, output);
    if (problem->strides[0] == 2) return FILTER("2x2_stride2", 2_stride2, 2_stride2);
    if (problem->kernel[0] == 5) return FILTER("2x2_5x5", 4, 2_5x5);
    if (fmap_winograd_is_dilated(problem)) {
        return output == 2 ? FILTER("2x2_dilated", 2_dilated, 2_dilated)
                           : FILTER("4x4_dilated", 4_dilated, 4_dilated);
    }
    switch (output) {
    case 2: return FILTER("2x2", 2, 2);
    case 5: return FILTER("5x5", 5, 5);
    case 6: return FILTER("6x6", 6, 6);
    default: return FILTER("4x4", 4, 4);
    }
}
