/* See oracle.h. Nothing here is fast, and nothing should become so. */
#include "oracle.h"

#include <math.h>

struct oracle_window oracle_window(void) {
    return (struct oracle_window){
        .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1};
}

int oracle_out_size(int in, int kernel, int stride, int dilation, int pad_before, int pad_after,
                    bool ceil_mode) {
    int room = in + pad_before + pad_after - (dilation * (kernel - 1) + 1);
    if (room < 0) return 0;
    int out = room / stride + 1;
    if (ceil_mode && room % stride != 0 && out * stride < in + pad_before) out++;
    return out;
}

/* An element of map `map` of an image [maps][h][w]; false when it lies outside. */
static bool pixel(const float *src, int map, int h, int w, int y, int x, double *value) {
    if (y < 0 || y >= h || x < 0 || x >= w) return false;
    *value = (double)src[((ptrdiff_t)map * h + y) * w + x];
    return true;
}

/* ---- convolution and dense ------------------------------------------------------------------------ */

static double conv_at(const struct oracle_conv_2d *conv, int n, int f, int y, int x, double *magnitude) {
    const struct oracle_window *window = &conv->window;
    int group_channels = conv->channels / conv->groups;
    int group = f / (conv->filters / conv->groups);
    double sum = conv->bias ? (double)conv->bias[f] : 0.0;
    *magnitude = fabs(sum);
    for (int i = 0; i < group_channels; i++) {
        int map = n * conv->channels + group * group_channels + i;
        for (int r = 0; r < window->kernel_h; r++) {
            for (int k = 0; k < window->kernel_w; k++) {
                int in_y = y * window->stride_h - window->pad_top + r * window->dilation_h;
                int in_x = x * window->stride_w - window->pad_left + k * window->dilation_w;
                double value;
                if (!pixel(conv->src, map, conv->in_h, conv->in_w, in_y, in_x, &value)) continue;
                value *=
                    (double)conv
                        ->weights[((f * group_channels + i) * window->kernel_h + r) * window->kernel_w + k];
                sum += value;
                *magnitude += fabs(value);
            }
        }
    }
    return sum;
}

void oracle_conv_2d(const struct oracle_conv_2d *conv, double *dst, double *magnitude) {
    double ignored;
    for (int n = 0; n < conv->n; n++) {
        for (int f = 0; f < conv->filters; f++) {
            for (int y = 0; y < conv->out_h; y++) {
                for (int x = 0; x < conv->out_w; x++) {
                    *dst++ = conv_at(conv, n, f, y, x, magnitude ? magnitude++ : &ignored);
                }
            }
        }
    }
}

void oracle_dense(const struct oracle_dense *dense, double *dst, double *magnitude) {
    for (int n = 0; n < dense->n; n++) {
        for (int u = 0; u < dense->units; u++) {
            double sum = dense->bias ? (double)dense->bias[u] : 0.0;
            double absolute = fabs(sum);
            for (int f = 0; f < dense->features; f++) {
                double product = (double)dense->src[(ptrdiff_t)n * dense->features + f] *
                                 (double)dense->weights[u * dense->unit_stride + f * dense->feature_stride];
                sum += product;
                absolute += fabs(product);
            }
            *dst++ = sum;
            if (magnitude) *magnitude++ = absolute;
        }
    }
}

/* ---- pooling --------------------------------------------------------------------------------------- */

struct pooled {
    double maximum, sum, magnitude;
    int n_inside, n_with_padding;
};

static struct pooled pool_at(const struct oracle_pool_2d *pool, int map, int y, int x) {
    const struct oracle_window *window = &pool->window;
    struct pooled result = {.maximum = -INFINITY};
    for (int r = 0; r < window->kernel_h; r++) {
        for (int k = 0; k < window->kernel_w; k++) {
            int in_y = y * window->stride_h - window->pad_top + r * window->dilation_h;
            int in_x = x * window->stride_w - window->pad_left + k * window->dilation_w;
            double value;
            if (in_y < pool->in_h + window->pad_bottom && in_x < pool->in_w + window->pad_right) {
                result.n_with_padding++; /* Nothing lies before the padding at the top and left. */
            }
            if (!pixel(pool->src, map, pool->in_h, pool->in_w, in_y, in_x, &value)) continue;
            if (isnan(value) || value > result.maximum)
                result.maximum = value; /* NaN stays: nothing exceeds it. */
            result.sum += value;
            result.magnitude += fabs(value);
            result.n_inside++;
        }
    }
    return result;
}

void oracle_max_pool_2d(const struct oracle_pool_2d *pool, double *dst) {
    for (int map = 0; map < pool->n * pool->channels; map++) {
        for (int y = 0; y < pool->out_h; y++) {
            for (int x = 0; x < pool->out_w; x++) *dst++ = pool_at(pool, map, y, x).maximum;
        }
    }
}

void oracle_average_pool_2d(const struct oracle_pool_2d *pool, double *dst, double *magnitude) {
    for (int map = 0; map < pool->n * pool->channels; map++) {
        for (int y = 0; y < pool->out_h; y++) {
            for (int x = 0; x < pool->out_w; x++) {
                struct pooled pooled = pool_at(pool, map, y, x);
                double divisor = pool->count_padding ? pooled.n_with_padding : pooled.n_inside;
                *dst++ = pooled.n_inside > 0 ? pooled.sum / divisor : 0.0;
                if (magnitude) *magnitude++ = pooled.n_inside > 0 ? pooled.magnitude / divisor : 0.0;
            }
        }
    }
}

void oracle_global_average(const float *src, int n_maps, int64_t n_pixels, double *dst, double *magnitude) {
    for (int map = 0; map < n_maps; map++) {
        double sum = 0.0, absolute = 0.0;
        for (int64_t i = 0; i < n_pixels; i++) {
            sum += (double)src[map * n_pixels + i];
            absolute += fabs((double)src[map * n_pixels + i]);
        }
        dst[map] = sum / (double)n_pixels;
        if (magnitude) magnitude[map] = absolute / (double)n_pixels;
    }
}

/* ---- softmax, activations, normalization ------------------------------------------------------------ */

static double reduce_term(enum fmap_reduce_op op, double x, double shift) {
    switch (op) {
    case FMAP_REDUCE_ABSOLUTES: return fabs(x);
    case FMAP_REDUCE_SQUARES: return (x - shift) * (x - shift);
    case FMAP_REDUCE_EXPONENTIALS: return exp(x - shift);
    default: return x;
    }
}

double oracle_reduce(enum fmap_reduce_op op, const float *src, int64_t n, double shift, double *magnitude) {
    bool extreme = op == FMAP_REDUCE_MAXIMUM || op == FMAP_REDUCE_MINIMUM,
         product = op == FMAP_REDUCE_PRODUCT;
    double result = product   ? 1.0
                    : extreme ? (op == FMAP_REDUCE_MAXIMUM ? -INFINITY : INFINITY)
                              : 0.0,
           sizes = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double x = reduce_term(op, (double)src[i], shift);
        if (!extreme) {
            result = product ? result * x : result + x;
            sizes += fabs(x);
        } else if (isnan(x) || isnan(result)) {
            result = NAN;
        } else {
            result = op == FMAP_REDUCE_MAXIMUM ? fmax(result, x) : fmin(result, x);
        }
    }
    if (magnitude) *magnitude = product ? fabs(result) : sizes;
    return result;
}

void oracle_softmax(const float *src, int outer, int n, int inner, double *dst) {
    for (int o = 0; o < outer; o++) {
        for (int i = 0; i < inner; i++) {
            ptrdiff_t first = (ptrdiff_t)o * n * inner + i;
            double largest = -INFINITY, sum = 0.0;
            for (int k = 0; k < n; k++) largest = fmax(largest, (double)src[first + (ptrdiff_t)k * inner]);
            for (int k = 0; k < n; k++) sum += exp((double)src[first + (ptrdiff_t)k * inner] - largest);
            for (int k = 0; k < n; k++) {
                ptrdiff_t at = first + (ptrdiff_t)k * inner;
                dst[at] = exp((double)src[at] - largest) / sum;
            }
        }
    }
}

static double hard_sigmoid(double x, double a, double b) { return fmin(fmax(a * x + b, 0.0), 1.0); }

static double oracle_by_library(double x, enum fmap_activate kind) {
    switch (kind) {
    case FMAP_ACTIVATE_SIN: return sin(x);
    case FMAP_ACTIVATE_COS: return cos(x);
    case FMAP_ACTIVATE_TAN: return tan(x);
    case FMAP_ACTIVATE_ASIN: return asin(x);
    case FMAP_ACTIVATE_ACOS: return acos(x);
    case FMAP_ACTIVATE_ATAN: return atan(x);
    case FMAP_ACTIVATE_SINH: return sinh(x);
    case FMAP_ACTIVATE_COSH: return cosh(x);
    case FMAP_ACTIVATE_ASINH: return asinh(x);
    case FMAP_ACTIVATE_ACOSH: return acosh(x);
    case FMAP_ACTIVATE_ATANH: return atanh(x);
    default: return x;
    }
}

double oracle_activate(double x, const struct fmap_activate_job *activate) {
    double a = (double)activate->a, b = (double)activate->b, pi = 3.14159265358979323846;
    if (isnan(x)) return activate->kind == FMAP_ACTIVATE_THRESHOLD ? 0.0 : x;
    switch (activate->kind) {
    case FMAP_ACTIVATE_NONE: return x;
    case FMAP_ACTIVATE_CLIP: return fmin(fmax(x, a), b);
    case FMAP_ACTIVATE_LEAKY: return x < 0.0 ? a * x : x;
    case FMAP_ACTIVATE_SIGMOID: return 1.0 / (1.0 + exp(-x));
    case FMAP_ACTIVATE_TANH: return tanh(x);
    case FMAP_ACTIVATE_HARD_SIGMOID: return hard_sigmoid(x, a, b);
    case FMAP_ACTIVATE_HARD_SWISH: return x * hard_sigmoid(x, a, b);
    case FMAP_ACTIVATE_SILU: return x / (1.0 + exp(-x));
    case FMAP_ACTIVATE_ELU: return x < 0.0 ? a * expm1(x) : x;
    case FMAP_ACTIVATE_SELU: return b * (x < 0.0 ? a * expm1(x) : x);
    case FMAP_ACTIVATE_CELU: return fmax(x, 0.0) + fmin(a * expm1(x / a), 0.0);
    case FMAP_ACTIVATE_GELU: return x * 0.5 * erfc(-x / sqrt(2.0));
    case FMAP_ACTIVATE_GELU_TANH: return x * 0.5 * (1.0 + tanh(sqrt(2.0 / pi) * (x + 0.044715 * x * x * x)));
    case FMAP_ACTIVATE_MISH: return x * tanh(log1p(exp(x)));
    case FMAP_ACTIVATE_SOFTPLUS: return x > 50.0 ? x : log1p(exp(x));
    case FMAP_ACTIVATE_SOFTSIGN: return x / (1.0 + fabs(x));
    case FMAP_ACTIVATE_THRESHOLD: return x > a ? x : 0.0;
    case FMAP_ACTIVATE_NEG: return -x;
    case FMAP_ACTIVATE_ABS: return fabs(x);
    case FMAP_ACTIVATE_SIGN: return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
    case FMAP_ACTIVATE_FLOOR: return floor(x);
    case FMAP_ACTIVATE_CEIL: return ceil(x);
    case FMAP_ACTIVATE_ROUND: return nearbyint(x);
    case FMAP_ACTIVATE_SQRT: return sqrt(x);
    case FMAP_ACTIVATE_SQUARE: return x * x;
    case FMAP_ACTIVATE_CUBE: return x * x * x;
    case FMAP_ACTIVATE_RECIPROCAL: return 1.0 / x;
    case FMAP_ACTIVATE_EXP: return exp(x);
    case FMAP_ACTIVATE_LOG: return log(x);
    case FMAP_ACTIVATE_ERF: return erf(x);
    default: return oracle_by_library(x, activate->kind);
    }
}

void oracle_batch_normalization(const struct oracle_batch_normalization *norm, double *dst,
                                double *magnitude) {
    for (int n = 0; n < norm->n; n++) {
        for (int c = 0; c < norm->channels; c++) {
            double scale = (norm->gamma ? (double)norm->gamma[c] : 1.0) /
                           sqrt((double)norm->variance[c] + norm->epsilon);
            double beta = norm->beta ? (double)norm->beta[c] : 0.0;
            for (int i = 0; i < norm->pixels; i++) {
                double x = (double)norm->src[((ptrdiff_t)n * norm->channels + c) * norm->pixels + i];
                *dst++ = (x - (double)norm->mean[c]) * scale + beta;
                if (magnitude)
                    *magnitude++ = (fabs(x) + fabs((double)norm->mean[c])) * fabs(scale) + fabs(beta);
            }
        }
    }
}

/* ---- dropout ------------------------------------------------------------------------------------------ */

void oracle_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = UINT64_C(0xD2511F53) * c[0];
        uint64_t product1 = UINT64_C(0xCD9E8D57) * c[2];
        uint32_t next[4] = {(uint32_t)(product1 >> 32) ^ c[1] ^ k[0], (uint32_t)product1,
                            (uint32_t)(product0 >> 32) ^ c[3] ^ k[1], (uint32_t)product0};
        for (int i = 0; i < 4; i++) c[i] = next[i];
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++) out[i] = c[i];
}

float oracle_dropout_mask(uint64_t key, uint64_t step, uint64_t index, uint64_t threshold) {
    uint64_t block = index / 4;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)step,
                                 (uint32_t)(step >> 32)};
    const uint32_t words[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    uint32_t out[4];
    oracle_philox(counter, words, out);
    return (uint64_t)out[index % 4] < threshold ? 0.0f : 1.0f;
}

/* ---- moving data ---------------------------------------------------------------------------------------- */

void oracle_channels_last(const float *src, int n, int channels, int pixels, float *dst) {
    for (int image = 0; image < n; image++) {
        for (int i = 0; i < pixels; i++) {
            for (int c = 0; c < channels; c++) *dst++ = src[((ptrdiff_t)image * channels + c) * pixels + i];
        }
    }
}

void oracle_pad_2d(const struct oracle_pad_2d *pad, float *dst) {
    for (int map = 0; map < pad->n_maps; map++) {
        for (int y = -pad->top; y < pad->h + pad->bottom; y++) {
            for (int x = -pad->left; x < pad->w + pad->right; x++) {
                double value;
                *dst++ = pixel(pad->src, map, pad->h, pad->w, y, x, &value) ? (float)value : pad->value;
            }
        }
    }
}
