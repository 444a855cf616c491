/* What benchmarks time: shapes from networks that people run. */
#include "case.h"

static const struct fmap_activate_job no_activation = {FMAP_ACTIVATE_NONE, 0.0f, 0.0f};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* ---- the register tile: 3x3 over 64 channels, and 1x1 over 256 --------------------------------------------- */

static const struct {
    int pixels, vectors, n_blocks, n_positions;
} tiles[] = {
    {14, 2, 4, 9}, {12, 2, 4, 9}, {7, 2, 4, 9}, {9, 3, 4, 9},   {6, 4, 4, 9},  {4, 3, 4, 9},
    {14, 1, 4, 9}, {1, 4, 4, 9},  {1, 1, 4, 9}, {14, 2, 16, 1}, {6, 4, 16, 1},
};

static struct kernel_case *tile_at(int i) {
    return tile_case(&(struct tile_shape){.pixels = tiles[i].pixels,
                                          .vectors = tiles[i].vectors,
                                          .n_blocks = tiles[i].n_blocks,
                                          .last_lanes = FMAP_BLOCK,
                                          .n_positions = tiles[i].n_positions,
                                          .kernel_size = tiles[i].n_positions,
                                          .src_pixel_stride = FMAP_BLOCK,
                                          .dst_pixel_stride = FMAP_BLOCK,
                                          .activate = no_activation});
}

/* ---- dense layers: what the first cache holds, and the second ------------------------------------------------- */

static const struct gemv_shape gemv_shapes[] = {
    {.streams = 4, .vectors = 4, .n_outputs = 64, .n_blocks = 8},
    {.streams = 4, .vectors = 4, .n_outputs = 256, .n_blocks = 32},
};

static struct kernel_case *gemv_at(int i) { return gemv_case(&gemv_shapes[i]); }

static struct kernel_case *gemv_bf16_at(int i) {
    struct gemv_shape shape = gemv_shapes[i];
    shape.bf16 = true;
    return gemv_case(&shape);
}

static struct kernel_case *widen_at(int i) { return widen_case(32 * 1024 << i); }

static const struct dense_shape dense_shapes[] = {
    {.rows = 6, .vectors = 4, .n_blocks = 32}, {.rows = 6, .vectors = 4, .n_blocks = 32, .bf16 = true},
    {.rows = 9, .vectors = 3, .n_blocks = 32}, {.rows = 9, .vectors = 3, .n_blocks = 32, .bf16 = true},
    {.rows = 2, .vectors = 4, .n_blocks = 32}, {.rows = 2, .vectors = 4, .n_blocks = 32, .bf16 = true},
};

static struct kernel_case *dense_at(int i) { return dense_case(&dense_shapes[i]); }

/* ---- windows -------------------------------------------------------------------------------------------------- */

/* Square windows over square images. */
#define WINDOW(size, kernel, step, apart, pad) \
    .in_h = size, .in_w = size, .kernel_h = kernel, .kernel_w = kernel, .stride = step, .dilation = apart, \
    .pad_before = pad, .pad_after = pad

static const struct window_shape depthwise_shapes[] = {
    {WINDOW(112, 3, 1, 1, 1)}, {WINDOW(56, 3, 1, 1, 1)},
    {WINDOW(28, 3, 1, 1, 1)},  {WINDOW(14, 3, 1, 1, 1)},
    {WINDOW(7, 3, 1, 1, 1)},   {WINDOW(56, 3, 2, 1, 1)},
    {WINDOW(28, 5, 1, 1, 2)},  {WINDOW(28, 5, 2, 1, 2)},
    {WINDOW(56, 7, 1, 1, 3)},  {WINDOW(28, 3, 1, 1, 1), .multiplier = 2},
    {WINDOW(28, 3, 1, 2, 2)},
};

static const struct window_shape pool_shapes[] = {
    {WINDOW(56, 2, 2, 1, 0)},
    {WINDOW(112, 3, 2, 1, 1)},
    {WINDOW(28, 3, 1, 1, 1)},
    {WINDOW(28, 5, 1, 1, 2)},
};

static struct kernel_case *depthwise_at(int i) { return depthwise_case(&depthwise_shapes[i]); }
static struct kernel_case *max_pool_at(int i) { return max_pool_case(&pool_shapes[i]); }
static struct kernel_case *average_pool_at(int i) { return average_pool_case(&pool_shapes[i]); }

/* ---- element-wise, softmax, dropout: in the first cache, in the second, and beyond ------------------------------ */

static const struct eltwise_shape unary_shapes[] = {
    {.n = 4096, .activate = {FMAP_ACTIVATE_CLIP, 0.0f, 6.0f}},
    {.n = 65536, .activate = {FMAP_ACTIVATE_CLIP, 0.0f, 6.0f}},
    {.n = 1 << 20, .activate = {FMAP_ACTIVATE_CLIP, 0.0f, 6.0f}},
    {.n = 4096, .activate = {FMAP_ACTIVATE_LEAKY, 0.1f, 0.0f}},
    {.n = 4096, .activate = {FMAP_ACTIVATE_SIGMOID, 0.0f, 0.0f}},
    {.n = 4096, .activate = {FMAP_ACTIVATE_TANH, 0.0f, 0.0f}},
};

static const struct eltwise_shape binary_shapes[] = {
    {.n = 4096, .op = FMAP_BINARY_ADD, .walk = FMAP_WALK_SAME},
    {.n = 1 << 18, .op = FMAP_BINARY_ADD, .walk = FMAP_WALK_SAME},
    {.n = 4096, .op = FMAP_BINARY_MUL, .walk = FMAP_WALK_BLOCK},
    {.n = 4096, .op = FMAP_BINARY_MUL, .walk = FMAP_WALK_SCALAR},
};

static const struct eltwise_shape affine_shapes[] = {
    {.n = 4096},
    {.n = 4096, .activate = {FMAP_ACTIVATE_CLIP, 0.0f, 6.0f}},
    {.n = 1 << 18},
};

static const struct softmax_shape softmax_shapes[] = {
    {.n = 10, .stride = 1, .n_rows = 1, .aligned = true, .range = 5.0f},
    {.n = 1000, .stride = 1, .n_rows = 1, .aligned = true, .range = 5.0f},
    {.n = 21, .stride = 4096, .n_rows = 4096, .aligned = true, .range = 5.0f},
};

static const struct dropout_shape dropout_shapes[] = {
    {.key = 1, .step = 2, .first = 0, .n = 4096, .threshold = UINT64_C(1) << 31},
};

static struct kernel_case *unary_at(int i) { return unary_case(&unary_shapes[i]); }
static struct kernel_case *binary_at(int i) { return binary_case(&binary_shapes[i]); }
static struct kernel_case *affine_at(int i) { return affine_case(&affine_shapes[i]); }
static struct kernel_case *softmax_at(int i) { return softmax_case(&softmax_shapes[i]); }
static struct kernel_case *dropout_mask_at(int i) { return dropout_mask_case(&dropout_shapes[i]); }

/* ---- reductions of whole maps, of channels, of rows; normalizations ---------------------------------------------- */

static const struct reduce_shape reduce_shapes[] = {
    {FMAP_REDUCE_SUM, .n = 49, .stride = 16, .n_rows = 16},
    {FMAP_REDUCE_SUM, .n = 3136, .stride = 16, .n_rows = 16},
    {FMAP_REDUCE_MAXIMUM, .n = 3136, .stride = 16, .n_rows = 16},
    {FMAP_REDUCE_SUM, .n = 768, .stride = 1, .n_rows = 49},
    {FMAP_REDUCE_SQUARES, .n = 768, .stride = 1, .n_rows = 49, .shifted = true},
    {FMAP_REDUCE_EXPONENTIALS, .n = 1000, .stride = 1, .n_rows = 4, .shifted = true},
};

static const struct maps_shape maps_shapes[] = {
    {FMAP_REDUCE_SUM, .n = 49, .n_maps = 128, .divisor = 49},
    {FMAP_REDUCE_MAXIMUM, .n = 49, .n_maps = 128, .divisor = 1},
    {FMAP_REDUCE_SUM, .n = 169, .n_maps = 63, .divisor = 169},
};

static const struct lanes_shape lanes_shapes[] = {
    {FMAP_REDUCE_SUM, .channels = 64, .n_pixels = 784},
    {FMAP_REDUCE_MAXIMUM, .channels = 256, .n_pixels = 784},
};

static const struct normalize_shape normalize_shapes[] = {
    {FMAP_NORMALIZE_SCALARS, .n = 4096},
    {FMAP_NORMALIZE_ROW, .n = 768},
    {FMAP_NORMALIZE_ELEMENTS, .n = 4096},
    {FMAP_NORMALIZE_BLOCK, .n = 4096},
};

static const struct lrn_shape lrn_shapes[] = {
    {.channels = 96, .n_pixels = 784, .size = 5, .alpha = 2e-5f, .beta = 0.75f, .bias = 1},
};

static struct kernel_case *reduce_at(int i) { return reduce_case(&reduce_shapes[i]); }
static struct kernel_case *reduce_maps_at(int i) { return reduce_maps_case(&maps_shapes[i]); }
static struct kernel_case *reduce_lanes_at(int i) { return reduce_lanes_case(&lanes_shapes[i]); }
static struct kernel_case *normalize_at(int i) { return normalize_case(&normalize_shapes[i]); }
static struct kernel_case *lrn_at(int i) { return lrn_case(&lrn_shapes[i]); }

/* ---- Winograd's transforms -------------------------------------------------------------------------------------- */

static struct winograd_shape winograd_at(int output, int i) {
    static const int sizes[] = {56, 14};
    return (struct winograd_shape){.output = output,
                                   .out_h = sizes[i],
                                   .out_w = sizes[i],
                                   .pad_top = 1,
                                   .pad_left = 1,
                                   .pad_bottom = 1,
                                   .pad_right = 1,
                                   .per_call = 14};
}

#define WINOGRAD(output) \
    static struct kernel_case *winograd##output##_input_at(int i) { \
        struct winograd_shape shape = winograd_at(output, i); \
        return winograd_input_case(&shape); \
    } \
    static struct kernel_case *winograd##output##_output_at(int i) { \
        struct winograd_shape shape = winograd_at(output, i); \
        return winograd_output_case(&shape); \
    }
static struct kernel_case *winograd2_5x5_output_at(int i) {
    struct winograd_shape shape = winograd_at(2, i);
    shape.kernel = 5;
    return winograd_output_case(&shape);
}
#define WINOGRAD_DILATED(output) \
    static struct kernel_case *winograd##output##_dilated_input_at(int i) { \
        struct winograd_shape shape = winograd_dilated_at(output, i); \
        return winograd_input_case(&shape); \
    } \
    static struct kernel_case *winograd##output##_dilated_output_at(int i) { \
        struct winograd_shape shape = winograd_dilated_at(output, i); \
        return winograd_output_case(&shape); \
    }
static struct winograd_shape winograd_dilated_at(int output, int i) {
    struct winograd_shape shape = winograd_at(output, i);
    shape.dilations[0] = shape.dilations[1] = shape.pad_top = shape.pad_left = shape.pad_bottom =
        shape.pad_right = 2;
    return shape;
}
WINOGRAD_DILATED(2)
WINOGRAD_DILATED(4)
#undef WINOGRAD_DILATED
static struct kernel_case *winograd2_stride2_input_at(int i) {
    struct winograd_shape shape = winograd_at(2, i);
    shape.stride = 2;
    return winograd_input_case(&shape);
}
static struct kernel_case *winograd2_stride2_output_at(int i) {
    struct winograd_shape shape = winograd_at(2, i);
    shape.stride = 2;
    return winograd_output_case(&shape);
}
/* Rows; columns second. */
static struct winograd_shape line_at(int output, int kernel, int i) {
    static const int sizes[] = {35, 17};
    return (struct winograd_shape){.output = output,
                                   .kernel = kernel,
                                   .line = i == 0 ? WINOGRAD_ROWS : WINOGRAD_COLUMNS,
                                   .out_h = sizes[i],
                                   .out_w = sizes[i],
                                   .pad_top = i == 0 ? 0 : kernel / 2,
                                   .pad_left = i == 0 ? kernel / 2 : 0,
                                   .pad_bottom = i == 0 ? 0 : kernel / 2,
                                   .pad_right = i == 0 ? kernel / 2 : 0,
                                   .per_call = 14};
}

#define LINE_INPUT(patch, output, kernel) \
    static struct kernel_case *winograd_line##patch##_input_at(int i) { \
        struct winograd_shape shape = line_at(output, kernel, i); \
        return winograd_input_case(&shape); \
    }
#define LINE_OUTPUT(output, kernel) \
    static struct kernel_case *winograd_line##output##_##kernel##_output_at(int i) { \
        struct winograd_shape shape = line_at(output, kernel, i); \
        return winograd_output_case(&shape); \
    }
LINE_INPUT(6, 4, 3)
LINE_INPUT(8, 6, 3)
LINE_INPUT(9, 3, 7)
LINE_INPUT(10, 6, 5)
LINE_INPUT(12, 6, 7)
LINE_OUTPUT(4, 3)
LINE_OUTPUT(6, 3)
LINE_OUTPUT(4, 5)
LINE_OUTPUT(6, 5)
LINE_OUTPUT(3, 7)
LINE_OUTPUT(6, 7)
#undef LINE_INPUT
#undef LINE_OUTPUT
WINOGRAD(2)
WINOGRAD(4)
WINOGRAD(5)
WINOGRAD(6)

#define STEM_WINOGRAD(taps, stride) \
    static struct kernel_case *stem_winograd##taps##_input_at(int i) { \
        return stem_winograd_input_case(&(struct stem_winograd_shape){taps, 112 >> i, stride, {0}}); \
    } \
    static struct kernel_case *stem_winograd##taps##_output_at(int i) { \
        return stem_winograd_output_case(&(struct stem_winograd_shape){taps, 112 >> i, stride, {0}}); \
    }
STEM_WINOGRAD(3, 4)
STEM_WINOGRAD(4, 2)
STEM_WINOGRAD(5, 1)
#undef WINOGRAD

/* ---- layouts and statistics ------------------------------------------------------------------------------------- */

static const struct reorder_shape reorder_shapes[] = {
    {.n_pixels = 3136, .n_lanes = 16, .channel_stride = 3136, .pixel_stride = 1},
    {.n_pixels = 50176, .n_lanes = 3, .channel_stride = 50176, .pixel_stride = 1},
    {.n_pixels = 3136, .n_lanes = 16, .channel_stride = 1, .pixel_stride = 64},
    {.n_pixels = 50176, .n_lanes = 3, .channel_stride = 1, .pixel_stride = 3},
};

static const struct statistics_shape statistics_shapes[] = {
    {.n_pixels = 3136, .pixel_stride = 16, .n_lanes = 16},
    {.n_pixels = 3136, .pixel_stride = 16, .n_lanes = 3},
};

static const struct grouped_shape grouped_shapes[] = {
    {16, 16, 4, 56, 56, 3, 3, 1, 1, 1, {FMAP_ACTIVATE_NONE, 0.0f, 0.0f}, CASE_FILL_UNIFORM},
    {16, 16, 2, 28, 28, 3, 3, 1, 1, 1, {FMAP_ACTIVATE_NONE, 0.0f, 0.0f}, CASE_FILL_UNIFORM},
    {16, 16, 1, 14, 14, 3, 3, 1, 1, 1, {FMAP_ACTIVATE_NONE, 0.0f, 0.0f}, CASE_FILL_UNIFORM},
    {16, 16, 4, 56, 56, 3, 3, 2, 1, 1, {FMAP_ACTIVATE_NONE, 0.0f, 0.0f}, CASE_FILL_UNIFORM},
};

static const struct grouped_shape dot_shapes[] = {
    {64, 1, 1, 56, 56, 3, 3, 1, 1, 1, {FMAP_ACTIVATE_NONE, 0.0f, 0.0f}, CASE_FILL_UNIFORM},
    {256, 2, 1, 28, 28, 1, 1, 1, 1, 0, {FMAP_ACTIVATE_NONE, 0.0f, 0.0f}, CASE_FILL_UNIFORM},
    {32, 3, 1, 28, 28, 9, 9, 1, 1, 4, {FMAP_ACTIVATE_NONE, 0.0f, 0.0f}, CASE_FILL_UNIFORM},
};

static const struct restack_shape restack_shapes[] = {{15, 14, 256}, {3, 9, 64}};

static struct kernel_case *grouped_at(int i) { return grouped_case(&grouped_shapes[i]); }
static struct kernel_case *dot_at(int i) { return dot_case(&dot_shapes[i]); }
static const struct resample_shape resample_shapes[] = {{.taps = 2, .n_outputs = 1, .unit = 896},
                                                        {.taps = 2, .n_outputs = 112, .unit = 16},
                                                        {.taps = 4, .n_outputs = 112, .unit = 16}};

static struct kernel_case *resample_at(int i) { return resample_case(&resample_shapes[i]); }
static struct kernel_case *restack_at(int i) { return restack_case(&restack_shapes[i]); }

static const struct gather_shape gather_shapes[] = {{.n = 224, .distance = 1},
                                                    {.n = 112, .distance = 2},
                                                    {.n = 224, .distance = 3},
                                                    {.n = 112, .distance = 6}};

static struct kernel_case *gather_at(int i) { return gather_case(&gather_shapes[i]); }
static struct kernel_case *gather_pixels_at(int i) { return gather_pixels_case(&gather_shapes[i]); }
static struct kernel_case *to_blocked_at(int i) { return reorder_to_blocked_case(&reorder_shapes[i]); }
static struct kernel_case *to_plain_at(int i) { return reorder_to_plain_case(&reorder_shapes[i]); }
static struct kernel_case *statistics_at(int i) { return statistics_case(&statistics_shapes[i]); }

const struct kernel_case_list kernel_case_lists[] = {
    {"tile", COUNT(tiles), tile_at},
    {"gemv", COUNT(gemv_shapes), gemv_at},
    {"gemv_bf16", COUNT(gemv_shapes), gemv_bf16_at},
    {"widen", 2, widen_at},
    {"dense", COUNT(dense_shapes), dense_at},
    {"depthwise", COUNT(depthwise_shapes), depthwise_at},
    {"grouped", COUNT(grouped_shapes), grouped_at},
    {"dot", COUNT(dot_shapes), dot_at},
    {"restack", COUNT(restack_shapes), restack_at},
    {"resample", COUNT(resample_shapes), resample_at},
    {"max_pool", COUNT(pool_shapes), max_pool_at},
    {"average_pool", COUNT(pool_shapes), average_pool_at},
    {"reduce", COUNT(reduce_shapes), reduce_at},
    {"reduce_maps", COUNT(maps_shapes), reduce_maps_at},
    {"reduce_lanes", COUNT(lanes_shapes), reduce_lanes_at},
    {"normalize", COUNT(normalize_shapes), normalize_at},
    {"lrn", COUNT(lrn_shapes), lrn_at},
    {"unary", COUNT(unary_shapes), unary_at},
    {"binary", COUNT(binary_shapes), binary_at},
    {"affine", COUNT(affine_shapes), affine_at},
    {"softmax", COUNT(softmax_shapes), softmax_at},
    {"dropout_mask", COUNT(dropout_shapes), dropout_mask_at},
    {"winograd2_input", 2, winograd2_input_at},
    {"winograd2_output", 2, winograd2_output_at},
    {"winograd2_dilated_input", 2, winograd2_dilated_input_at},
    {"winograd2_dilated_output", 2, winograd2_dilated_output_at},
    {"winograd4_dilated_input", 2, winograd4_dilated_input_at},
    {"winograd4_dilated_output", 2, winograd4_dilated_output_at},
    {"winograd4_input", 2, winograd4_input_at},
    {"winograd4_output", 2, winograd4_output_at},
    {"winograd2_5x5_output", 2, winograd2_5x5_output_at},
    {"winograd2_stride2_input", 2, winograd2_stride2_input_at},
    {"winograd2_stride2_output", 2, winograd2_stride2_output_at},
    {"winograd5_input", 2, winograd5_input_at},
    {"winograd5_output", 2, winograd5_output_at},
    {"winograd6_input", 2, winograd6_input_at},
    {"winograd6_output", 2, winograd6_output_at},
    {"winograd_line6_input", 2, winograd_line6_input_at},
    {"winograd_line8_input", 2, winograd_line8_input_at},
    {"winograd_line9_input", 2, winograd_line9_input_at},
    {"winograd_line10_input", 2, winograd_line10_input_at},
    {"winograd_line12_input", 2, winograd_line12_input_at},
    {"winograd_line4_3_output", 2, winograd_line4_3_output_at},
    {"winograd_line6_3_output", 2, winograd_line6_3_output_at},
    {"winograd_line4_5_output", 2, winograd_line4_5_output_at},
    {"winograd_line6_5_output", 2, winograd_line6_5_output_at},
    {"winograd_line3_7_output", 2, winograd_line3_7_output_at},
    {"winograd_line6_7_output", 2, winograd_line6_7_output_at},
    {"stem_winograd3_input", 2, stem_winograd3_input_at},
    {"stem_winograd3_output", 2, stem_winograd3_output_at},
    {"stem_winograd4_input", 2, stem_winograd4_input_at},
    {"stem_winograd4_output", 2, stem_winograd4_output_at},
    {"stem_winograd5_input", 2, stem_winograd5_input_at},
    {"stem_winograd5_output", 2, stem_winograd5_output_at},
    {"reorder_to_blocked", COUNT(reorder_shapes), to_blocked_at},
    {"reorder_to_plain", COUNT(reorder_shapes), to_plain_at},
    {"gather", COUNT(gather_shapes), gather_at},
    {"gather_pixels", COUNT(gather_shapes), gather_pixels_at},
    {"statistics", COUNT(statistics_shapes), statistics_at},
};
const int n_kernel_case_lists = COUNT(kernel_case_lists);
