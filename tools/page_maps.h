/* Maps, statistics and filters of one layer, as JSON. Only for page_data.c. */
#ifndef FMAP_TOOLS_PAGE_MAPS_H
#define FMAP_TOOLS_PAGE_MAPS_H

#include <stdio.h>

#include "maps.h"

/* What the maps on the page have cost so far. */
struct page_budget {
    size_t used_bytes;
};

/* Writes members of the layer's object, each followed by a comma:
 *
 *   "maps": {"total", "shown": channels; "width", "height", "shrink": 1 pixel is shrink x shrink values;
 *            "columns", "png": the shown maps side by side in a grey PNG, 0 is a map's low, 255 its high;
 *            "ranges": [low, high of map 0, low, ...]; "low", "high": of all maps}
 *   "vector": {"total", "shown", "low", "high", and "values" when few, else "png": values from left to
 *              right and top to bottom}
 *   "statistics": [[minimum, maximum, mean, standard deviation, share of zeros] of map 0, ...]
 *   "filters": {"count", "shown", "depth", "slices": shown of the depth; "height", "width",
 *               "weights": float32, little-endian, [shown][slices][height][width], base64;
 *               "bias": [...] or null}
 *
 * At most `channels` of them. Errors: MEMORY, LIMIT. */
fmap_status page_maps_write(const struct layer_maps *layer, int channels, struct page_budget *budget,
                            FILE *stream, fmap_error *error);

#endif
