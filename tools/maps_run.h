/* The two runs behind maps_collect(). Only for maps.c. */
#ifndef FMAP_TOOLS_MAPS_RUN_H
#define FMAP_TOOLS_MAPS_RUN_H

#include "maps.h"

/* Sets layer->view and layer->statistics from shape and values. `known` are the library's n_known
 * statistics; where they do not fit the view (a vector counts as one) they are computed here. */
fmap_status layer_see(struct layer_maps *layer, const fmap_statistics *known, int64_t n_known,
                      fmap_error *error);

/* Runs a plan without taps a few times: shapes, parameters, kernels and the shortest times. */
fmap_status maps_time(const struct network *network, const struct maps_options *options, const float *input,
                      struct maps *maps, fmap_error *error);

/* Runs a plan with taps once: maps, statistics and the network's output. */
fmap_status maps_record(const struct network *network, const struct maps_options *options, const float *input,
                        struct maps *maps, fmap_error *error);

#endif
