/* Plain C: one lane. */
#include <math.h>
#include <string.h>

#define LANES 1

typedef float vf;
typedef int vmask;
typedef int32_t vi;

INLINE vmask v_first(int n) { return n > 0; }
INLINE vf v_load(const float *x) { return *x; }
INLINE void v_store(float *x, vf v) { *x = v; }
INLINE vf v_load_first(const float *x, int n) { return n > 0 ? *x : 0.0f; }
INLINE void v_store_first(float *x, vf v, int n) {
    if (n > 0) *x = v;
}
INLINE vf v_splat(float x) { return x; }
INLINE vf v_add(vf a, vf b) { return a + b; }
INLINE vf v_sub(vf a, vf b) { return a - b; }
INLINE vf v_mul(vf a, vf b) { return a * b; }
INLINE vf v_div(vf a, vf b) { return a / b; }
INLINE vf v_fma(vf a, vf b, vf c) { return fmaf(a, b, c); }
INLINE vf v_max(vf a, vf b) { return a > b ? a : b; }
INLINE vf v_min(vf a, vf b) { return a < b ? a : b; }
INLINE vmask v_less(vf a, vf b) { return a < b; }
INLINE vf v_select(vmask mask, vf a, vf b) { return mask ? a : b; }
INLINE vf v_round(vf x) { return rintf(x); }
INLINE vf v_sqrt(vf x) { return sqrtf(x); }
INLINE vf v_copy_sign(vf x, vf sign) { return copysignf(x, sign); }
INLINE uint32_t v_bits(vf x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
INLINE vf v_of_bits(uint32_t bits) {
    vf x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
INLINE vf v_load_bf16(const uint16_t *x) { return v_of_bits((uint32_t)*x << 16); }
INLINE vf v_exponent(vf x) { return (float)((int32_t)(v_bits(x) >> 23) - 127); }
INLINE vf v_fraction(vf x) { return v_of_bits((v_bits(x) & 0x007fffff) | 0x3f800000); }
INLINE vf v_minus_quarter_bits(int32_t first, vf x) { return v_of_bits((uint32_t)first - (v_bits(x) >> 2)); }
INLINE vf v_max_or_nan(vf a, vf b) { return a != a ? a : v_max(a, b); }

INLINE void v_accumulate(vf *sum, vf a, vf b) { *sum = v_fma(a, b, *sum); }
INLINE vf v_keep(vf v) { return v; }
INLINE vi v_lanes(const int32_t *lanes, int first) { return *lanes - first; }
INLINE vf v_pick(vf v, vi lanes) {
    (void)lanes;
    return v;
}

/* In two steps, because 2^n itself may be out of range; only the second can round. 2^n is made without a
 * conversion to an integer, which would be undefined for NaN: adding 1.5 * 2^23 leaves the integer in the
 * low bits. */
INLINE vf v_power(vf sum) { return v_of_bits(v_bits(sum) << 23); }
INLINE vf v_scale(vf x, vf n) {
    float half = floorf(n * 0.5f), shift = 12582912.0f + 127.0f;
    return x * v_power(half + shift) * v_power(n - half + shift);
}
INLINE vf v_scale_down(vf x, vf n, vf larger) {
    (void)n;
    return x * larger * 0x1p-64f;
}

INLINE void v_transpose(vf rows[LANES]) { (void)rows; }

/* clang-format off */
#define TILES(TILE) \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) \
    TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3) TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4)
#define TILE_PIXELS {0, 4, 4, 4, 4}

#define READS_IMAGES false
#define FETCHES_FAR_WEIGHTS true

#define WINDOW_REGISTERS 32
#define WINDOW_PIXELS 4
#define WINDOW_SINGLES(GROUP, ...) \
    GROUP(1, 1, __VA_ARGS__) GROUP(1, 2, __VA_ARGS__) GROUP(1, 3, __VA_ARGS__) GROUP(1, 4, __VA_ARGS__)
#define WINDOW_APART_PAIRS(GROUP, ...) \
    GROUP(2, 1, __VA_ARGS__) GROUP(2, 2, __VA_ARGS__) GROUP(2, 3, __VA_ARGS__) GROUP(2, 4, __VA_ARGS__)
#define WINDOW_APART_PAIR_PIXELS 4
#define WINDOW_SHARED_PAIRS(GROUP, ...) WINDOW_APART_PAIRS(GROUP, __VA_ARGS__)
#define WINDOW_SHARED_PAIR_PIXELS 4

#define GEMV_STREAMS 2
#define GEMV_VECTORS 4
#define GEMV_SIZES(SIZE) \
    SIZE(1, 1) SIZE(1, 2) SIZE(1, 3) SIZE(1, 4) \
    SIZE(2, 1) SIZE(2, 2) SIZE(2, 3) SIZE(2, 4)
/* clang-format on */
