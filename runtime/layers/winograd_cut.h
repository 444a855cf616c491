/* How a Winograd convolution is cut: into blocks of tiles, panels of outputs and parts for threads. No cut changes a bit. */
#ifndef FMAP_LAYERS_WINOGRAD_CUT_H
#define FMAP_LAYERS_WINOGRAD_CUT_H

#include "runtime/layers/tiles.h"

struct fmap_winograd_work {
    const struct fmap_kernels *kernels;
    int64_t groups;                      /* of channels, each cut alike */
    int64_t points, channels, n_vectors; /* of a tile; of a group's input; of its output */
    int64_t n_tiles;                     /* of all images */
    int64_t threads;                     /* that share it */
    int64_t near_bytes;                  /* of the second cache */
    double
        far_bytes_per_cycle; /* that a thread gets from beyond it while it could do two multiply-adds; 0: a usual one */
};

struct fmap_winograd_cut {
    int64_t vectors;      /* of a panel at most */
    int64_t n_blocks;     /* of tiles, nearly equal; one may span images */
    int64_t panels_parts; /* that the panels are dealt to; each transforms the block's input for itself */
};

/* The cycles that a cut takes by the model: multiply-adds, transforms, and what has to come from beyond the second cache. */
double fmap_winograd_cut_cycles(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut);

/* The best cuts by the model, the best first, with panels of different widths or blocks of other sizes: for a
 * measurement to choose from. Returns how many, at least 1. */
enum { FMAP_WINOGRAD_CUTS = 6 };
int fmap_winograd_cuts(const struct fmap_winograd_work *work,
                       struct fmap_winograd_cut cuts[FMAP_WINOGRAD_CUTS]);

/* Whether the weights that a thread needs do not stay in its second cache beside what it computes, or until the next run. */
bool fmap_winograd_is_far(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut);

#endif
