/* Plain C: one lane. */
#include <math.h>
#include <string.h>

#define LANES 1

typedef float vf;
typedef int vmask;

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

INLINE vf v_power_of_two(vf n) {
    uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

#define TILES(TILE) \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) \
    TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3) TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4)
#define TILE_PIXELS {0, 4, 4, 4, 4}
