/* A pool behind a convolution by register tiles (tiles_pool.c). */
#ifndef FMAP_LAYERS_TILES_POOL_H
#define FMAP_LAYERS_TILES_POOL_H

#include "runtime/layers/tiles_job.h"

fmap_part fmap_tiles_pooled_part;

/* The job's pool, once its panels are known: the tiles' destination becomes the ring. */
fmap_status fmap_tiles_plan_pool(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                                 struct fmap_tiles_job *job);

/* Parts over images, rows of the pool and panels. */
struct fmap_share fmap_tiles_cut_pool(struct fmap_tiles_job *job, int64_t images, int64_t wanted,
                                      int threads);

#endif
