/* A convolution as a network of one node, against the oracle. */
#ifndef TESTS_NET_CONV_H
#define TESTS_NET_CONV_H

#include "tests/net.h"
#include "tests/oracle.h"

struct net_conv {
    struct oracle_conv_2d shape; /* with the padding that auto_pad comes to */
    float *src, *weights, *bias; /* what shape's pointers are, once completed */
    const char *auto_pad;        /* NULL: explicit */
    bool one_dimension;          /* rank 3: height and kernel height 1 */
    bool say_kernel_shape;
    fmap_layout in, out;
    int threads;
    bool no_fusion;
    fmap_algorithm algorithm;
    /* Not 0: an output's error goes with the largest sum near it and not with its own, as transforms mix the pixels of a patch:
     * net_conv_agrees allows so many roundings of the largest of all. */
    int roundings;
};

/* Sizes that follow from the others, and numbers. False when there is no output. */
bool net_conv_complete(struct net_conv *conv, bool bias, uint64_t seed);
void net_conv_free(struct net_conv *conv);

size_t net_conv_inputs(const struct net_conv *conv);
size_t net_conv_outputs(const struct net_conv *conv);

/* Of the model: one input "x", one node and output "y". */
net_build net_conv_build;

/* Runs it with one instruction set between fences; `dst` comes back in n, c, h, w order. */
bool net_conv_run(const struct net_conv *conv, fmap_isa isa, float *dst);

/* Whether every instruction set agrees with the oracle, and with the others to the bit. */
bool net_conv_agrees(const struct net_conv *conv);

/* The largest error relative to the root mean square of the output, for inputs around zero and weights that keep their
 * size: what fmap_algorithm promises. NaN: it did not run. */
double net_conv_largest_error(const struct net_conv *conv);

/* Whether several numbers of threads, and each image alone, give the bits of one thread and all images; from and to NCHW. */
bool net_conv_same_for_threads_and_batch(const struct net_conv *conv);

/* What auto_pad comes to, in shape.window. */
void net_conv_resolve_auto_pad(struct net_conv *conv);

struct net_conv_text {
    char text[400];
};
struct net_conv_text net_conv_text(const struct net_conv *conv);

#endif
