/* The roofline of a network: each layer's speed over its operations for each byte, under what the machine can do at
 * most (Williams, Waterman, Patterson: Roofline, CACM 52, 2009), as an SVG picture. */
#ifndef FMAP_TOOLS_ROOFLINE_H
#define FMAP_TOOLS_ROOFLINE_H

#include <stdbool.h>
#include <stdio.h>

#include "trial.h"

enum { ROOFLINE_MAX_KERNELS = 8, ROOFLINE_NAME_BYTES = 64 };

struct roofline_point {
    char name[ROOFLINE_NAME_BYTES]; /* printable, cut when long */
    double intensity;               /* operations a byte */
    double gflops;
    double share;  /* of the time of all layers */
    int kernel;    /* index of roofline.kernels */
    double x, y;   /* pixels, as all that follow */
    double radius; /* its area is its share */
    bool labelled;
    bool leader;    /* a line leads to the label */
    double label_x; /* left end of the label's base line */
    double label_y;
};

struct roofline_kernel {
    char name[ROOFLINE_NAME_BYTES]; /* the algorithm; the last may be "others" */
    double share;
};

struct roofline {
    const struct trial *trial;
    const char *network;
    struct roofline_point *points; /* longest time first */
    size_t n_points;
    struct roofline_kernel kernels[ROOFLINE_MAX_KERNELS];
    int n_kernels;
    size_t n_left_out; /* layers without multiply-adds */
    double share_left_out;
};

/* Collects the layers of a trial that measured layers and roofs. */
fmap_status roofline_collect(struct roofline *roofline, const char *network, const struct trial *trial,
                             fmap_error *error);
void roofline_release(struct roofline *roofline);

/* Draws into a stream; errors stay with it (ferror). */
void roofline_draw(struct roofline *roofline, FILE *stream);

/* ---- labels -------------------------------------------------------------------------------------- */

struct roofline_box {
    double left, top, right, bottom;
};

enum { ROOFLINE_LABEL_SIZE = 11 };

/* Pixels that a text is wide, about: there is no font at hand to ask. */
double roofline_text_width(const char *text, double size);

/* Finds a place in `area` for the label of every point, the longest first, where it hides no other label, no point and
 * none of the boxes; a point that finds none has no label. */
void roofline_place_labels(struct roofline_point *points, size_t n_points, const struct roofline_box *area,
                           const struct roofline_box *taken, size_t n_taken);

#endif
