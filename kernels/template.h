/* What every kernel source begins with. The sources are compiled once per instruction set; simd.h is the
 * one of that instruction set and defines:
 *
 *   LANES                       floats of a vector
 *   vf, vmask                   a vector of floats; the result of a comparison
 *   v_load v_store              LANES floats, any alignment (aligned is faster)
 *   v_load_bf16                 LANES bfloat16: the upper halves of floats whose lower halves are 0
 *   v_load_first v_store_first  the first n floats, 0 <= n <= LANES; loading sets the others to 0
 *   v_splat                     the same float in every lane
 *   v_add v_sub v_mul v_div
 *   v_fma(a, b, c)              a * b + c, rounded once
 *   v_accumulate(&sum, a, b)   sum = a * b + sum, rounded once, without leaving its register
 *   BY_LANE                     defined where an instruction multiplies by a lane; then LANES is 4 and there is
 *   v_accumulate_lane(&sum, a, b, lane)   sum = a * b[lane] + sum; v_load_pair, v_load_one, v_in_order: neon/simd.h
 *   v_max v_min                 a > b ? a : b and a < b ? a : b: so b when either is NaN
 *   v_max_or_nan(a, b)          v_max, but NaN when either is
 *   v_less(a, b) v_first(n)     masks: a < b; the first n lanes
 *   v_select(mask, a, b)        mask ? a : b
 *   v_round                     to the nearest integer, ties to even
 *   v_sqrt
 *   v_copy_sign(x, sign)        |x| with the sign of `sign`
 *   v_exponent v_fraction       of a normal x > 0: the n and the 1 <= m < 2 of x = m * 2^n; of any other x: anything
 *   v_minus_quarter_bits(first, x)   the float whose bits are first - a quarter of those of x, as integers: like a multiple
 *                               of x^-1/4, within a few percent, of a normal x > 0
 *   v_scale(x, n)               x * 2^n rounded once, for 0.5 < x < 2 and an integral -252 < n < 254
 *   v_power(sum)                2^n of sum = 1.5 * 2^23 + 127 + n and an integral -127 <= n <= 128: 0 and infinity at the ends;
 *                               with 256 more it is -2^n
 *   v_scale_down(x, n, larger)  x * 2^n rounded once, for 0.5 < x < 2, an integral -190 < n < 64 and larger = 2^(n + 64)
 *   v_keep(v)                   v, now in a register: a load is not repeated as an operand of every use
 *   vi v_lanes(lanes, first)    numbers of lanes: lanes[i] - first, each 0 .. LANES - 1
 *   v_pick(v, lanes)            lane lanes[i] of v in lane i
 *   v_transpose(rows)           LANES vectors: rows[i][j] becomes rows[j][i], in place
 *   TILES(TILE)                 its register tiles: TILE(pixels, vectors) ...
 *   PLANAR_TILES(TILE) PLANAR_PIXELS   those of few channels, where they are not the same
 *   PLANAR_THREES               defined where these take terms at equal distances three at a time, and every second pixel: planar.h
 *   PLANAR_HALVES_PIXELS        then: pixels of their tile of two blocks that is stored a half at a time: planar_halves.h
 *   READS_IMAGES                true: planar tiles read nothing but their terms, and need no copy of an image of floats
 *   FETCHES_FAR_WEIGHTS         true: pointwise layers fetch weights that no near cache holds ahead, unless a trial was
 *                               against it; false: the processor's prefetchers are as good
 *   GEMV_STREAMS GEMV_VECTORS GEMV_SIZES(SIZE)   streams of weights at once for one image: SIZE(streams, vectors) ...
 *   EXPONENTIALS                vectors whose exponentials are computed together; 1 where nothing is said
 *   WINDOW_PIXELS               most pixels of a row in a window kernel's group
 *   WINDOW_SINGLES(GROUP, ...)  its groups of one row: GROUP(1, pixels, ...) for each number of pixels
 *   WINDOW_SHARED_PAIRS(GROUP, ...) and WINDOW_SHARED_PAIR_PIXELS   its groups of two rows, for windows whose
 *                               pixels share columns, and the most pixels of one; or nothing and 0
 *   WINDOW_APART_PAIRS(GROUP, ...) and WINDOW_APART_PAIR_PIXELS   the same for windows whose pixels do not
 *   WINDOW_REGISTERS            registers for sums, a row of weights and a value
 */
#ifndef FMAP_TEMPLATE_H
#define FMAP_TEMPLATE_H

#include "kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* Complete unrolling is what keeps accumulators in registers, and each compiler wants it spelled its own
 * way: Clang ignores GCC's pragma without a word. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#define ROLLED _Pragma("GCC unroll 1")
#endif

/* K(name) is fmap_name_<isa>: a symbol that a profile can tell. */
#define FMAP_PASTE_(name, isa) fmap_##name##_##isa
#define FMAP_PASTE(name, isa)  FMAP_PASTE_(name, isa)
#define K(name)                FMAP_PASTE(name, FMAP_ISA)

/* The compiler may assume nothing about these two pointers across this point. Without it GCC and Clang
 * hoist broadcasts out of the loop, run out of registers and spill them. */
#define BARRIER(x, w) __asm__ volatile("" : "+r"(x), "+r"(w))

/* No load moves across this point. */
#define LOAD_BARRIER() __asm__ volatile("" ::: "memory")

#include "simd.h"

#ifndef PLANAR_TILES
#define PLANAR_TILES  TILES
#define PLANAR_PIXELS TILE_PIXELS
#endif

#ifndef EXPONENTIALS
#define EXPONENTIALS 1
#endif

/* Vectors of a block of 16 channels. */
enum { PARTS = FMAP_BLOCK / LANES };

#define KERNEL(name, job) void K(name)(const struct job *);
#include "kernels.inc"
#undef KERNEL

#endif
