/* AVX-512: 16 lanes, 32 registers. */
#include <immintrin.h>

#define LANES 16

typedef __m512 vf;
typedef __mmask16 vmask;

INLINE vf v_load(const float *x) { return _mm512_loadu_ps(x); }
INLINE void v_store(float *x, vf v) { _mm512_storeu_ps(x, v); }
INLINE vf v_load_first(const float *x, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), x); }
INLINE void v_store_first(float *x, vf v, int n) { _mm512_mask_storeu_ps(x, (__mmask16)((1u << n) - 1), v); }
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

INLINE vf v_power_of_two(vf n) {
    __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
}

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
