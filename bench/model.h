/* A timed layer as a model of ours. */
#ifndef BENCH_MODEL_H
#define BENCH_MODEL_H

#include <fmap/fmap.h>

#include "bench/problem.h"

/* Adds the layer, or the few that are timed together, behind an input "image", and of two inputs "other". Returns their output. */
fmap_value bench_model_add(fmap_model *model, const struct bench_problem *problem);

#endif
