/* A network with something of everything, for the tests of plans, runs and taps. */
#ifndef TESTS_NET_SAMPLE_H
#define TESTS_NET_SAMPLE_H

#include "tests/net.h"

enum {
    NET_SAMPLE_H = 12,
    NET_SAMPLE_W = 13,
    NET_SAMPLE_C = 3,
    NET_SAMPLE_INPUTS = NET_SAMPLE_C * NET_SAMPLE_H * NET_SAMPLE_W,
    NET_SAMPLE_OUTPUTS = 10
};

/* Input "x"; layers in this order, "->" for the activation that Keras' argument adds as a node of its own:
 *   padding conv1 norm1 relu1 dropout1 pool1                    3 x 12 x 13 -> 20 x 6 x 6
 *   conv2 -> conv2_relu6 (depthwise)  conv3  add1 (+ pool1)  relu3  concat1 (and pool1)
 *   conv4 (8 groups, stride 2)  leaky4  pool4 (average)         -> 16 x 3 x 3
 *   flatten (h, w, c)  dense1 -> dense1_tanh  dropout2  dense2  softmax */
net_build net_sample_build;

/* The same without norm1: folding a normalization into weights rounds differently, all other rewrites of the graph
 * leave every bit alone. */
net_build net_sample_plain_build;

/* The number of nodes, and the i-th's name (with norm1). */
size_t net_sample_layers(const char *const **names);

/* n images that look random, to be freed. */
float *net_sample_images(int n, uint64_t seed);

#endif
