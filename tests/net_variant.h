/* The network of one node that a layer is tested as (net_layer.h), in one of the forms that its inputs may have. */
#ifndef TESTS_NET_VARIANT_H
#define TESTS_NET_VARIANT_H

#include "tests/net_layer.h"

/* Where the computed inputs lie before the layer. */
enum net_forms { NET_PLAIN, NET_PIXELS, NET_BLOCKED, NET_FIRST_BLOCKED, NET_FIRST_PLAIN, NET_N_FORMS };

struct net_variant {
    const struct net_layer *layer;
    enum net_forms forms;
};

/* Builds the network of a struct net_variant. */
net_build net_variant_build;

fmap_type net_operand_type(const struct net_operand *operand);
const void *net_operand_elements(const struct net_operand *operand);

#endif
