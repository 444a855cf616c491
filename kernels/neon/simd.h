/* 64-bit Arm's NEON, which it calls Advanced SIMD: 4 lanes, 32 registers. */
#include <arm_neon.h>

#define LANES 4

typedef float32x4_t vf;
typedef uint32x4_t vmask;
typedef uint8x16_t vi; /* of the bytes of a vector that a table look-up takes */

INLINE vmask v_first(int n) {
    static const int32_t numbers[LANES] = {0, 1, 2, 3};
    return vcltq_s32(vld1q_s32(numbers), vdupq_n_s32(n));
}
INLINE vf v_load(const float *x) { return vld1q_f32(x); }
INLINE vf v_load_bf16(const uint16_t *x) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(x), 16)); }
INLINE void v_store(float *x, vf v) { vst1q_f32(x, v); }
INLINE vf v_splat(float x) { return vdupq_n_f32(x); }

/* There are no masked loads and stores. */
INLINE vf v_load_first(const float *x, int n) {
    if (n >= LANES) return v_load(x);
    vf v = v_splat(0.0f);
    if (n > 0) v = vld1q_lane_f32(x, v, 0);
    if (n > 1) v = vld1q_lane_f32(x + 1, v, 1);
    if (n > 2) v = vld1q_lane_f32(x + 2, v, 2);
    return v;
}
INLINE void v_store_first(float *x, vf v, int n) {
    if (n >= LANES) {
        v_store(x, v);
        return;
    }
    if (n > 0) vst1q_lane_f32(x, v, 0);
    if (n > 1) vst1q_lane_f32(x + 1, v, 1);
    if (n > 2) vst1q_lane_f32(x + 2, v, 2);
}
INLINE vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
INLINE vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
INLINE vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
INLINE vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
INLINE vmask v_less(vf a, vf b) { return vcltq_f32(a, b); }
INLINE vf v_select(vmask mask, vf a, vf b) { return vbslq_f32(mask, a, b); }

/* Not FMAX and FMIN, which are of another opinion about NaN, and about +0 and -0. */
INLINE vf v_max(vf a, vf b) { return v_select(vcgtq_f32(a, b), a, b); }
INLINE vf v_min(vf a, vf b) { return v_select(vcltq_f32(a, b), a, b); }
INLINE vf v_max_or_nan(vf a, vf b) { return v_select(vceqq_f32(a, a), v_max(a, b), a); }
INLINE vf v_round(vf x) { return vrndnq_f32(x); }
INLINE vf v_sqrt(vf x) { return vsqrtq_f32(x); }
INLINE vf v_copy_sign(vf x, vf sign) { return vbslq_f32(vdupq_n_u32(0x80000000), sign, x); }
INLINE vf v_exponent(vf x) {
    int32x4_t biased = vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_f32(x), 23));
    return vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)));
}
INLINE vf v_fraction(vf x) {
    uint32x4_t fraction = vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0x007fffff));
    return vreinterpretq_f32_u32(vorrq_u32(fraction, vdupq_n_u32(0x3f800000)));
}
INLINE vf v_minus_quarter_bits(int32_t first, vf x) {
    uint32x4_t quarter = vshrq_n_u32(vreinterpretq_u32_f32(x), 2);
    return vreinterpretq_f32_u32(vsubq_u32(vdupq_n_u32((uint32_t)first), quarter));
}

/* Written out, because the accumulator must be summed where it is: GCC likes to move it to another register and back. */
INLINE void v_accumulate(vf *sum, vf a, vf b) {
    __asm__("fmla %0.4s, %1.4s, %2.4s" : "+w"(*sum) : "w"(a), "w"(b));
}

/* The instruction wants a constant. It is one after unrolling, so this is one instruction. */
#define BY_LANE
INLINE void v_accumulate_lane(vf *sum, vf a, vf b, int lane) {
    switch (lane) {
    case 0: __asm__("fmla %0.4s, %1.4s, %2.s[0]" : "+w"(*sum) : "w"(a), "w"(b)); break;
    case 1: __asm__("fmla %0.4s, %1.4s, %2.s[1]" : "+w"(*sum) : "w"(a), "w"(b)); break;
    case 2: __asm__("fmla %0.4s, %1.4s, %2.s[2]" : "+w"(*sum) : "w"(a), "w"(b)); break;
    default: __asm__("fmla %0.4s, %1.4s, %2.s[3]" : "+w"(*sum) : "w"(a), "w"(b));
    }
}
/* The first lane. */
INLINE vf v_load_one(const float *x) {
    vf v;
    __asm__("ldr %s0, %1" : "=w"(v) : "m"(*x));
    return v;
}

/* A sum is not added to before others that were pinned earlier: else GCC, short of registers, adds up one after the other. */
INLINE void v_in_order(vf *sum) { __asm__ volatile("" : "+w"(*sum)); }

/* One instruction, which GCC makes of two loads only where it happens to leave them side by side. */
INLINE void v_load_pair(const float *x, vf *a, vf *b) {
#ifdef __clang__
    *a = v_load(x);
    *b = v_load(x + LANES);
#else
    __asm__("ldp %q0, %q1, %2" : "=w"(*a), "=w"(*b) : "Ump"(*(const vf *)x), "m"(*(const vf *)(x + LANES)));
#endif
}
INLINE vf v_keep(vf v) {
    __asm__("" : "+w"(v));
    return v;
}

/* Lane l is bytes 4 l to 4 l + 3. */
INLINE vi v_lanes(const int32_t *lanes, int first) {
    uint32x4_t number = vreinterpretq_u32_s32(vsubq_s32(vld1q_s32(lanes), vdupq_n_s32(first)));
    return vreinterpretq_u8_u32(vmlaq_u32(vdupq_n_u32(0x03020100), number, vdupq_n_u32(0x04040404)));
}
INLINE vf v_pick(vf v, vi lanes) { return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(v), lanes)); }

/* In two steps, because 2^n itself may be out of range; only the second can round. The last bits of 1.5 * 2^23 + 254 + n are
 * those of 254 + n, which the biased exponents of both steps add up to; shifts to the left drop all others. */
INLINE vf v_scale(vf x, vf n) {
    uint32x4_t both = vreinterpretq_u32_f32(v_add(n, v_splat(12583166.0f)));
    uint32x4_t half = vshrq_n_u32(both, 1);
    uint32x4_t rest = vsubq_u32(both, half);
    x = v_mul(x, vreinterpretq_f32_u32(vshlq_n_u32(half, 23)));
    return v_mul(x, vreinterpretq_f32_u32(vshlq_n_u32(rest, 23)));
}

/* The first product is exact. */
INLINE vf v_scale_down(vf x, vf n, vf larger) {
    (void)n;
    return v_mul(v_mul(x, larger), v_splat(0x1p-64f));
}
INLINE vf v_power(vf sum) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(sum), 23)); }

INLINE void v_transpose(vf rows[LANES]) {
    float32x4x2_t a = vtrnq_f32(rows[0], rows[1]), b = vtrnq_f32(rows[2], rows[3]);
    rows[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    rows[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    rows[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    rows[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

/* clang-format off */
/* A register for the sums of each pixel and vector, one for the factors of each pixel, and at least two for weights. */
#define TILES(TILE) \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) \
    TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) TILE(13, 1) TILE(14, 1) \
    TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) TILE(8, 2) TILE(9, 2) TILE(10, 2) \
    TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3) TILE(5, 3) TILE(6, 3) TILE(7, 3) \
    TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4) TILE(5, 4) TILE(6, 4)
#define TILE_PIXELS {0, 14, 10, 7, 6}

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
