/* The shapes of a network's inputs, for the commands that need no picture. */
#ifndef FMAP_TOOLS_PORTS_H
#define FMAP_TOOLS_PORTS_H

#include "sidecar.h"
#include "tool.h"

enum { MAX_PORTS = 16 };

/* --input-shape [NAME=]1x3x224x224, once for each input. */
struct port_options {
    size_t n_shapes;
    struct {
        const char *name; /* "": the only input */
        fmap_shape shape;
    } shapes[MAX_PORTS];
};
extern const struct argp port_argp; /* state->input: struct port_options * */

struct ports {
    size_t count;
    fmap_port ports[MAX_PORTS]; /* point at shapes[] below: do not copy the structure */
    fmap_shape shapes[MAX_PORTS];
};

/* Settles the shape of every input: as the options say, else as the model says, with what it leaves
 * open from the sidecar's picture. `batch` replaces the first dimension; 0: the model's, or 1. */
fmap_status ports_settle(const struct port_options *options, const fmap_model *model,
                         const struct sidecar *sidecar, int64_t batch, struct ports *ports,
                         fmap_error *error);

/* Reads "1x3x224x224". False when it is nothing of the kind. */
bool shape_parse(const char *text, fmap_shape *shape);

#endif
