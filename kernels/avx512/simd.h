/* AVX-512: 16 lanes, 32 registers. */
#include <immintrin.h>

#define LANES 16

typedef __m512 vf;
typedef __mmask16 vmask;
typedef __m512i vi;

INLINE vmask v_first(int n) { return (__mmask16)((1u << n) - 1); }
INLINE vf v_load(const float *x) { return _mm512_loadu_ps(x); }
INLINE vf v_load_bf16(const uint16_t *x) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)x)), 16));
}
INLINE void v_store(float *x, vf v) { _mm512_storeu_ps(x, v); }
INLINE vf v_load_first(const float *x, int n) { return _mm512_maskz_loadu_ps(v_first(n), x); }
INLINE void v_store_first(float *x, vf v, int n) { _mm512_mask_storeu_ps(x, v_first(n), v); }
INLINE vf v_splat(float x) { return _mm512_set1_ps(x); }
INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vmask v_less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
INLINE vf v_select(vmask mask, vf a, vf b) { return _mm512_mask_blend_ps(mask, b, a); }
INLINE vf v_round(vf x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf v_sqrt(vf x) { return _mm512_sqrt_ps(x); }
INLINE vf v_copy_sign(vf x, vf sign) {
    __m512i mask = _mm512_set1_epi32((int)0x80000000);
    /* mask ? sign : x */
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(mask, _mm512_castps_si512(sign), _mm512_castps_si512(x), 0xca));
}
INLINE vf v_exponent(vf x) { return _mm512_getexp_ps(x); }
INLINE vf v_fraction(vf x) { return _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src); }
INLINE vf v_minus_quarter_bits(int32_t first, vf x) {
    __m512i quarter = _mm512_srli_epi32(_mm512_castps_si512(x), 2);
    return _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_set1_epi32(first), quarter));
}
INLINE vf v_max_or_nan(vf a, vf b) {
    return _mm512_mask_max_ps(a, _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), a, b);
}
/* Written out, because the accumulator must be summed where it is: GCC likes to sum in the factor's register when that
 * is its last use, and then has to move or even spill accumulators. */
INLINE void v_accumulate(vf *sum, vf a, vf b) {
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(b));
}
INLINE vf v_keep(vf v) {
    __asm__("" : "+v"(v));
    return v;
}
INLINE vi v_lanes(const int32_t *lanes, int first) {
    return _mm512_sub_epi32(_mm512_loadu_si512(lanes), _mm512_set1_epi32(first));
}
INLINE vf v_pick(vf v, vi lanes) { return _mm512_permutexvar_ps(lanes, v); }
INLINE vf v_scale(vf x, vf n) { return _mm512_scalef_ps(x, n); }
INLINE vf v_scale_down(vf x, vf n, vf larger) {
    (void)larger;
    return v_scale(x, n);
}
INLINE vf v_power(vf sum) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(sum), 23)); }

INLINE void v_transpose(vf rows[LANES]) {
    vf a[LANES], b[LANES];
    UNROLL for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    /* b[i + j]: rows i to i + 3 of columns j, j + 4, j + 8, j + 12 */
    UNROLL for (int i = 0; i < 16; i += 4) {
        b[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    UNROLL for (int j = 0; j < 4; j++) {
        vf low_even = _mm512_shuffle_f32x4(b[j], b[j + 4], 0x88); /* columns j, j + 8 of rows 0 to 7 */
        vf low_odd = _mm512_shuffle_f32x4(b[j], b[j + 4], 0xdd);  /* columns j + 4, j + 12 */
        vf high_even = _mm512_shuffle_f32x4(b[j + 8], b[j + 12], 0x88);
        vf high_odd = _mm512_shuffle_f32x4(b[j + 8], b[j + 12], 0xdd);
        rows[j] = _mm512_shuffle_f32x4(low_even, high_even, 0x88);
        rows[j + 4] = _mm512_shuffle_f32x4(low_odd, high_odd, 0x88);
        rows[j + 8] = _mm512_shuffle_f32x4(low_even, high_even, 0xdd);
        rows[j + 12] = _mm512_shuffle_f32x4(low_odd, high_odd, 0xdd);
    }
}

/* clang-format off */
/* At least 12 accumulators hide the latency of 4 at 2 a cycle; 28 of 32 registers leave room for weights
 * and a broadcast. */
#define TILES(TILE) \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) \
    TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) TILE(13, 1) TILE(14, 1) \
    TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) \
    TILE(8, 2) TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2) TILE(13, 2) TILE(14, 2) \
    TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3) TILE(5, 3) TILE(6, 3) TILE(7, 3) TILE(8, 3) TILE(9, 3) \
    TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4) TILE(5, 4) TILE(6, 4)
#define TILE_PIXELS {0, 14, 14, 9, 6}

#define READS_IMAGES false
#define FETCHES_FAR_WEIGHTS true

/* 14 accumulators, two rows of up to 7 weights, a value. */
#define WINDOW_REGISTERS 32
#define WINDOW_PIXELS 7
#define WINDOW_SINGLES(GROUP, ...) \
    GROUP(1, 1, __VA_ARGS__) GROUP(1, 2, __VA_ARGS__) GROUP(1, 3, __VA_ARGS__) GROUP(1, 4, __VA_ARGS__) \
    GROUP(1, 5, __VA_ARGS__) GROUP(1, 6, __VA_ARGS__) GROUP(1, 7, __VA_ARGS__)
#define WINDOW_APART_PAIRS(GROUP, ...) \
    GROUP(2, 1, __VA_ARGS__) GROUP(2, 2, __VA_ARGS__) GROUP(2, 3, __VA_ARGS__) GROUP(2, 4, __VA_ARGS__) \
    GROUP(2, 5, __VA_ARGS__) GROUP(2, 6, __VA_ARGS__) GROUP(2, 7, __VA_ARGS__)
#define WINDOW_APART_PAIR_PIXELS 7
#define WINDOW_SHARED_PAIRS(GROUP, ...) WINDOW_APART_PAIRS(GROUP, __VA_ARGS__)
#define WINDOW_SHARED_PAIR_PIXELS 7

#define GEMV_STREAMS 4
#define GEMV_VECTORS 4
#define GEMV_SIZES(SIZE) \
    SIZE(1, 1) SIZE(1, 2) SIZE(1, 3) SIZE(1, 4) \
    SIZE(2, 1) SIZE(2, 2) SIZE(2, 3) SIZE(2, 4) \
    SIZE(3, 1) SIZE(3, 2) SIZE(3, 3) SIZE(3, 4) \
    SIZE(4, 1) SIZE(4, 2) SIZE(4, 3) SIZE(4, 4)
/* clang-format on */
