#include "runtime/layers/winograd.h"

/* Kernels of 3x3 and of one line with stride 1 are dilated. A dilation as large as the map sees nothing but padding beside an
 * output's own pixel. Kernels count pixels in ints, those of a patch beyond the border too. */
static bool can_dilate(const struct fmap_tiles_problem *problem) {
    if (!fmap_winograd_is_dilated(problem)) return true;
    if (problem->kernel[0] == 5 && problem->kernel[1] == 5) return false;
    for (int axis = 0; axis < 2; axis++) {
        int64_t dilation = fmap_winograd_dilation(problem, axis), in = problem->in[axis];
        if (problem->strides[axis] != 1 || (problem->kernel[axis] > 1 && dilation >= in) ||
            in + problem->out[axis] + FMAP_WINOGRAD_MAX_LINE * dilation > INT32_MAX)
            return false;
    }
    return true;
}

static bool fits(const struct fmap_tiles_problem *problem) {
    bool halves = problem->strides[0] == 2 && problem->kernel[0] == 3 && problem->kernel[1] == 3;
    return fmap_winograd_has_kernel(problem) && problem->strides[0] == problem->strides[1] &&
           (problem->strides[0] == 1 || halves) && can_dilate(problem) && fmap_tiles_aligned(problem) &&
           problem->weights;
}

static int64_t channels_of_group(const struct fmap_tiles_problem *problem) {
    return problem->channels / problem->groups;
}

/* Pairs of an output and a channel of its group. */
static int64_t pairs_of(const struct fmap_tiles_problem *problem) {
    return channels_of_group(problem) * problem->outputs;
}

/* Of several groups each is by itself: what is multiplied between weights that come from afar is less. */
static bool large_weights(const struct fmap_tiles_problem *problem) {
    return pairs_of(problem) > (problem->groups == 1 ? 30000 : 8000);
}

/* Few tiles would each need all of large weights, four times those of the direct sum. */
static bool few_tiles(const struct fmap_tiles_problem *problem) {
    return problem->out[0] <= 8 && problem->out[1] <= 8 && large_weights(problem);
}

static double direct_cost(const struct fmap_tiles_problem *problem) {
    return (double)(problem->out[0] * problem->out[1]) * (double)(problem->kernel[0] * problem->kernel[1]) *
           (double)pairs_of(problem);
}

/* Of kernels of 5x5 and of stride 2 there are tiles of two alone: where they cost clearly less than the direct sum. */
static int64_t choose_two(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm) {
    double clearly = problem->kernel[0] == 5 ? 0.7 : 0.85;
    if (algorithm == FMAP_ALGORITHM_WINOGRAD_F2) return 2;
    if (algorithm != FMAP_ALGORITHM_BEST && algorithm != FMAP_ALGORITHM_FASTEST) return 0;
    return fmap_winograd_cost(problem, 2) < clearly * direct_cost(problem) ? 2 : 0;
}

/* How many taps of the kernel meet the image, of all outputs along an axis. */
static double inner_taps(const struct fmap_tiles_problem *problem, int axis) {
    int64_t pad = axis == 0 ? problem->pad_top : problem->pad_left, n = 0;
    for (int64_t k = 0; k < problem->kernel[axis]; k++) {
        int64_t tap = k * fmap_winograd_dilation(problem, axis);
        int64_t first = pad > tap ? pad - tap : 0;
        int64_t end = fmap_least(problem->out[axis], problem->in[axis] + pad - tap);
        n += end > first ? end - first : 0;
    }
    return (double)n;
}

/* Of the direct sum, which skips the others. */
static double inner_cost(const struct fmap_tiles_problem *problem) {
    return inner_taps(problem, 0) * inner_taps(problem, 1) * (double)pairs_of(problem);
}

/* Of kernels of one line: where it costs clearly less than the direct sum, which skips the taps outside. By default with no
 * larger an error than F(4x4, 3x3) has for 512 channels, to which F(3, 7) comes with fewer: it grows with their root. */
static int64_t choose_line(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm) {
    int64_t length = fmap_winograd_line(problem), exact = length == 7 ? 3 : 4;
    if (algorithm == FMAP_ALGORITHM_WINOGRAD_F4) return exact;
    if (algorithm == FMAP_ALGORITHM_WINOGRAD_F6) return 6;
    if (algorithm != FMAP_ALGORITHM_BEST && algorithm != FMAP_ALGORITHM_FASTEST) return 0;
    static const double CLEARLY = 0.85;
    static const int64_t MOST_OF_F3_7 = 240;
    if (length == 7 && algorithm == FMAP_ALGORITHM_BEST && channels_of_group(problem) > MOST_OF_F3_7)
        return 0;
    bool large = (length == 3 || algorithm == FMAP_ALGORITHM_FASTEST) &&
                 fmap_winograd_cost(problem, 6) < fmap_winograd_cost(problem, exact);
    int64_t output = large ? 6 : exact;
    /* Up to twice those of the direct sum have to come from memory for so few tiles. */
    static const int64_t FEW = 16;
    int64_t n_tiles = fmap_winograd_tiles(problem, output, 0) * fmap_winograd_tiles(problem, output, 1);
    if (large_weights(problem) && n_tiles < FEW) return 0;
    return fmap_winograd_cost(problem, output) < CLEARLY * inner_cost(problem) ? output : 0;
}

/* Tiles of many phases are often not full, and with a large dilation the direct sum has few taps. */
static int64_t choose_dilated(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm) {
    static const double CLEARLY = 0.9;
    if (algorithm == FMAP_ALGORITHM_WINOGRAD_F2) return 2;
    if (algorithm == FMAP_ALGORITHM_WINOGRAD_F4) return 4;
    if (algorithm != FMAP_ALGORITHM_BEST && algorithm != FMAP_ALGORITHM_FASTEST) return 0;
    if (problem->channels < 5 || problem->outputs < 8) return 0;
    double two = fmap_winograd_cost(problem, 2), four = fmap_winograd_cost(problem, 4);
    int64_t chosen = two < four || few_tiles(problem) ? 2 : 4;
    return (chosen == 2 ? two : four) < CLEARLY * inner_cost(problem) ? chosen : 0;
}

/* Groups of one block whose tiles do not fill a register tile: a call of it would have little to do. */
static bool narrow_and_small(const struct fmap_tiles_problem *problem) {
    bool small = problem->out[0] <= 8 && problem->out[1] <= 8;
    return small && problem->groups > 1 && channels_of_group(problem) <= FMAP_BLOCK &&
           problem->outputs / problem->groups <= FMAP_BLOCK;
}

/* Measured from 5 channels (with fewer, the stem is as fast) and maps of 4 x 4 on: it pays. */
static int64_t best(const struct fmap_tiles_problem *problem) {
    if (problem->channels < 5 || problem->outputs < 8 || problem->out[0] < 4 || problem->out[1] < 4) return 0;
    if (narrow_and_small(problem)) return 0;
    return few_tiles(problem) ? 2 : 4;
}

/* What the tiles of a size cost: products, and transforms of which each is as much as so many channels of products; along one
 * axis that is less. */
double fmap_winograd_cost(const struct fmap_tiles_problem *problem, int64_t output) {
    int64_t n_tiles = fmap_winograd_tiles(problem, output, 0) * fmap_winograd_tiles(problem, output, 1);
    double products = (double)(n_tiles * fmap_winograd_points(problem, output));
    double channels = (double)problem->channels, outputs = (double)problem->outputs;
    double transform = fmap_winograd_line(problem) ? 4 : 10;
    return products * ((double)pairs_of(problem) + transform * channels + transform * outputs);
}

static int64_t fastest(const struct fmap_tiles_problem *problem) {
    int64_t chosen = best(problem);
    if (chosen != 4) return chosen;
    for (int64_t output = 5; output <= 6; output++) {
        /* Their weights are larger, and their transforms need more than the registers. */
        if (fmap_winograd_cost(problem, output) < 0.9 * fmap_winograd_cost(problem, 4) &&
            fmap_winograd_cost(problem, output) < fmap_winograd_cost(problem, chosen)) {
            chosen = output;
        }
    }
    return chosen;
}

int64_t fmap_winograd_choose(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm) {
    if (!fits(problem)) return 0;
    if (fmap_winograd_line(problem)) return choose_line(problem, algorithm);
    if (problem->kernel[0] == 5 || problem->strides[0] == 2) return choose_two(problem, algorithm);
    if (fmap_winograd_is_dilated(problem)) return choose_dilated(problem, algorithm);
    switch (algorithm) {
    case FMAP_ALGORITHM_BEST: return best(problem);
    case FMAP_ALGORITHM_FASTEST: return fastest(problem);
    case FMAP_ALGORITHM_WINOGRAD_F2: return 2;
    case FMAP_ALGORITHM_WINOGRAD_F4: return 4;
    case FMAP_ALGORITHM_WINOGRAD_F5: return 5;
    case FMAP_ALGORITHM_WINOGRAD_F6: return 6;
    default: return 0;
    }
}

bool fmap_winograd_can_pool(const struct fmap_tiles_problem *problem, int64_t output,
                            const struct fmap_pooled *pooled) {
    const struct fmap_window_size *pool = &pooled->window;
    enum fmap_activate kind = problem->activate.kind;
    if (fmap_pooled_is_whole(pooled) || problem->adds || fmap_winograd_line(problem) ||
        fmap_winograd_is_dilated(problem))
        return false;
    bool is_halving = pool->pads[0] == 0 && pool->pads[1] == 0;
    for (int i = 0; i < 2; i++) {
        is_halving = is_halving && pool->kernel[i] == 2 && pool->strides[i] == 2 && pool->dilations[i] == 1 &&
                     2 * pool->out[i] <= pool->in[i];
    }
    return is_halving && output % 2 == 0 && (kind == FMAP_ACTIVATE_NONE || kind == FMAP_ACTIVATE_CLIP);
}
