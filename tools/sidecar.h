/* The sidecar: what a model file does not say about itself, in JSON beside it (model.onnx has
 * model.json).
 *
 *   {"title": "...", "description": "...", "licence": "...", "source": "...",
 *    "labels": ["0", "1", ...],
 *    "image": {"width": 28, "height": 28, "channels": 1, "layout": "nchw",
 *              "resize": "fit", "crop": "none", "scale": 0.00392156862745098,
 *              "mean": [0], "std": [1], "invert": "auto", "digit": true}}
 *
 * Everything is optional; further keys are allowed beside "image", not inside. "digit": true is the same
 * as "center": "mass"; "bgr": true puts blue first.
 * value = (pixel * scale - mean[channel]) / std[channel], pixel in 0..255.
 */
#ifndef FMAP_TOOLS_SIDECAR_H
#define FMAP_TOOLS_SIDECAR_H

#include "preprocess.h"

struct labels {
    size_t count;
    char **names;
};

struct sidecar {
    char *title; /* NULL: not given, as the other texts */
    char *description;
    char *licence;
    char *source;
    struct labels labels;
    struct preprocess_options image; /* what the file leaves out is unset */
};

/* Reads the sidecar at `path`. Errors: IO; FORMAT naming the file, the line or the key. */
fmap_status sidecar_read(const char *path, struct sidecar *sidecar, fmap_error *error);

/* Reads the sidecar of a model, if there is one; else an empty one. */
fmap_status sidecar_find(const char *model_path, struct sidecar *sidecar, fmap_error *error);
void sidecar_release(struct sidecar *sidecar);

/* Adds a copy of a name. */
fmap_status labels_add(struct labels *labels, const char *name, size_t length, fmap_error *error);

/* One label a line (LF or CRLF); a last empty line does not count. */
fmap_status labels_read(const char *path, struct labels *labels, fmap_error *error);
void labels_release(struct labels *labels);

#endif
