/* AVX2 and FMA: 8 lanes, 16 registers. */
#include <immintrin.h>

#define LANES 8

typedef __m256 vf;
typedef __m256 vmask;
typedef __m256i vi;

INLINE __m256i v_first_lanes(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE vmask v_first(int n) { return _mm256_castsi256_ps(v_first_lanes(n)); }
INLINE vf v_load(const float *x) { return _mm256_loadu_ps(x); }
INLINE vf v_load_bf16(const uint16_t *x) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)x)), 16));
}
INLINE void v_store(float *x, vf v) { _mm256_storeu_ps(x, v); }
INLINE vf v_load_first(const float *x, int n) {
    return __builtin_constant_p(n) && n == LANES ? v_load(x) : _mm256_maskload_ps(x, v_first_lanes(n));
}
INLINE void v_store_first(float *x, vf v, int n) {
    if (__builtin_constant_p(n) && n == LANES)
        v_store(x, v);
    else
        _mm256_maskstore_ps(x, v_first_lanes(n), v);
}
INLINE vf v_splat(float x) { return _mm256_set1_ps(x); }
INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vmask v_less(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
INLINE vf v_select(vmask mask, vf a, vf b) { return _mm256_blendv_ps(b, a, mask); }
INLINE vf v_round(vf x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf v_sqrt(vf x) { return _mm256_sqrt_ps(x); }
INLINE vf v_copy_sign(vf x, vf sign) {
    vf mask = v_splat(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(mask, x), _mm256_and_ps(mask, sign));
}
INLINE vf v_exponent(vf x) {
    __m256i biased = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(biased, _mm256_set1_epi32(127)));
}
INLINE vf v_fraction(vf x) {
    vf fraction = _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x007fffff)));
    return _mm256_or_ps(fraction, v_splat(1.0f));
}
INLINE vf v_minus_quarter_bits(int32_t first, vf x) {
    __m256i quarter = _mm256_srli_epi32(_mm256_castps_si256(x), 2);
    return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_set1_epi32(first), quarter));
}
INLINE vf v_max_or_nan(vf a, vf b) { return v_select(_mm256_cmp_ps(a, a, _CMP_UNORD_Q), a, v_max(a, b)); }

/* Written out, because the accumulator must be summed where it is: GCC likes to sum in the factor's register when that
 * is its last use, and then has to move or even spill accumulators. */
INLINE void v_accumulate(vf *sum, vf a, vf b) {
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(*sum) : "x"(a), "x"(b));
}
INLINE vf v_keep(vf v) {
    __asm__("" : "+x"(v));
    return v;
}

INLINE vi v_lanes(const int32_t *lanes, int first) {
    return _mm256_sub_epi32(_mm256_loadu_si256((const void *)lanes), _mm256_set1_epi32(first));
}
INLINE vf v_pick(vf v, vi lanes) { return _mm256_permutevar8x32_ps(v, lanes); }

/* In two steps, because 2^n itself may be out of range; only the second can round. The last bits of 1.5 * 2^23 + 254 + n are
 * those of 254 + n, which the biased exponents of both steps add up to; shifts to the left drop all others. */
INLINE vf v_scale(vf x, vf n) {
    __m256i both = _mm256_castps_si256(v_add(n, v_splat(12583166.0f)));
    __m256i half = _mm256_srli_epi32(both, 1);
    __m256i rest = _mm256_sub_epi32(both, half);
    x = v_mul(x, _mm256_castsi256_ps(_mm256_slli_epi32(half, 23)));
    return v_mul(x, _mm256_castsi256_ps(_mm256_slli_epi32(rest, 23)));
}

/* The first product is exact. */
INLINE vf v_scale_down(vf x, vf n, vf larger) {
    (void)n;
    return v_mul(v_mul(x, larger), v_splat(0x1p-64f));
}
INLINE vf v_power(vf sum) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(sum), 23)); }

INLINE void v_transpose(vf rows[LANES]) {
    vf a[LANES], b[LANES];
    UNROLL for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
    UNROLL for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        rows[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        rows[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

/* clang-format off */
/* 12 accumulators, 3 weights and a broadcast are all 16 registers. */
#define TILES(TILE) \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) \
    TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) \
    TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) \
    TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3)
#define TILE_PIXELS {0, 12, 6, 4, 0}

/* Few channels: the values of three pixels may stay instead, since no weight is read twice. */
#define PLANAR_TILES(TILE) TILES(TILE) TILE(1, 4) TILE(2, 4) TILE(3, 4)
#define PLANAR_PIXELS {0, 12, 6, 4, 3}
#define PLANAR_THREES
#define PLANAR_HALVES_PIXELS 3

#define READS_IMAGES true

/* A tile moves on by the same distance every time and is so long over each weight that the prefetcher of an
 * AMD Zen 3, which follows constant strides, is there before it. Our own fetching took a tenth of the time. */
#define FETCHES_FAR_WEIGHTS false

#define EXPONENTIALS 4

/* 10 accumulators, up to 4 weights and a value; fewer of wider windows, because a window that fills
 * all 16 registers spills. Two rows of weights leave too few. */
#define WINDOW_REGISTERS 15
#define WINDOW_PIXELS 10
#define WINDOW_SINGLES(GROUP, ...) \
    GROUP(1, 1, __VA_ARGS__) GROUP(1, 2, __VA_ARGS__) GROUP(1, 3, __VA_ARGS__) GROUP(1, 4, __VA_ARGS__) \
    GROUP(1, 5, __VA_ARGS__) GROUP(1, 6, __VA_ARGS__) GROUP(1, 7, __VA_ARGS__) GROUP(1, 8, __VA_ARGS__) \
    GROUP(1, 9, __VA_ARGS__) GROUP(1, 10, __VA_ARGS__)
#define WINDOW_APART_PAIRS(GROUP, ...) \
    GROUP(2, 1, __VA_ARGS__) GROUP(2, 2, __VA_ARGS__) GROUP(2, 3, __VA_ARGS__) GROUP(2, 4, __VA_ARGS__) \
    GROUP(2, 5, __VA_ARGS__)
#define WINDOW_APART_PAIR_PIXELS 5
#define WINDOW_SHARED_PAIRS(GROUP, ...)
#define WINDOW_SHARED_PAIR_PIXELS 0

/* Each stream reads one line a term. Fewer and wider ones leave the third cache and memory waiting. */
#define GEMV_STREAMS 6
#define GEMV_VECTORS 2
#define GEMV_SIZES(SIZE) \
    SIZE(1, 1) SIZE(1, 2) SIZE(2, 1) SIZE(2, 2) SIZE(3, 1) SIZE(3, 2) \
    SIZE(4, 1) SIZE(4, 2) SIZE(5, 1) SIZE(5, 2) SIZE(6, 1) SIZE(6, 2)
/* clang-format on */
