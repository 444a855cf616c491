#include "roofline.h"

#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Most of a name: the end of a path says more than its beginning. */
static void short_name(const char *name, char text[ROOFLINE_NAME_BYTES]) {
    enum { MOST = 26 };
    size_t length = strlen(name);
    const char *from = length > MOST ? name + length - MOST : name;
    while (((unsigned char)*from & 0xc0) == 0x80) from++; /* begin with a whole letter */
    snprintf(text, ROOFLINE_NAME_BYTES, "%s%.*s", from > name ? "\xe2\x80\xa6" : "", MOST, from);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    }
}

static int by_share(const void *a, const void *b) {
    double left = ((const struct roofline_point *)a)->share;
    double right = ((const struct roofline_point *)b)->share;
    return (left < right) - (left > right);
}

/* The index of a kernel; too many share the last. */
static int find_kernel(struct roofline *roofline, const char *algorithm) {
    int i = 0;
    while (i < roofline->n_kernels && strcmp(roofline->kernels[i].name, algorithm) != 0) i++;
    if (i == ROOFLINE_MAX_KERNELS) {
        snprintf(roofline->kernels[i - 1].name, ROOFLINE_NAME_BYTES, "others");
        return i - 1;
    }
    if (i == roofline->n_kernels) {
        snprintf(roofline->kernels[i].name, ROOFLINE_NAME_BYTES, "%s", algorithm);
        roofline->n_kernels++;
    }
    return i;
}

fmap_status roofline_collect(struct roofline *roofline, const char *network, const struct trial *trial,
                             fmap_error *error) {
    *roofline = (struct roofline){.trial = trial, .network = network};
    roofline->points = calloc(trial->info.n_layers + 1, sizeof *roofline->points);
    if (roofline->points == NULL) return fail_memory(error, "the layers");
    for (size_t i = 0; i < trial->info.n_layers; i++) {
        struct layer_cost cost;
        if (!trial_layer_cost(trial, i, &cost)) continue;
        if (cost.flops <= 0 || cost.layer.bytes <= 0) {
            roofline->n_left_out++;
            roofline->share_left_out += cost.share;
            continue;
        }
        struct roofline_point *point = &roofline->points[roofline->n_points++];
        short_name(cost.layer.name, point->name);
        point->intensity = cost.flops / (double)cost.layer.bytes;
        point->gflops = 1e-9 * cost.flops / cost.seconds;
        point->share = cost.share;
        point->kernel = find_kernel(roofline, cost.algorithm);
        roofline->kernels[point->kernel].share += cost.share;
    }
    if (roofline->n_points == 0) {
        return fail(error, FMAP_ERROR_UNSUPPORTED,
                    "'%s' has no layer with multiply-adds: there is nothing to draw", network);
    }
    qsort(roofline->points, roofline->n_points, sizeof *roofline->points, by_share);
    return FMAP_OK;
}

void roofline_release(struct roofline *roofline) { free(roofline->points); }
