/* Numbers as people read them. */
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>

const char *shape_text(const fmap_shape *shape, char text[SHAPE_TEXT_BYTES]) {
    size_t used = 0;
    snprintf(text, SHAPE_TEXT_BYTES, "scalar");
    for (int i = 0; i < shape->rank && i < FMAP_MAX_RANK; i++) {
        /* Eight dimensions of at most 20 characters always fit. */
        const char *separator = i == 0 ? "" : "x";
        int written = shape->dims[i] < 0 ? snprintf(text + used, SHAPE_TEXT_BYTES - used, "%s?", separator)
                                         : snprintf(text + used, SHAPE_TEXT_BYTES - used, "%s%" PRId64,
                                                    separator, shape->dims[i]);
        used += (size_t)written;
    }
    return text;
}

static const char *scaled(double value, double step, const char *const *units, char *text) {
    int unit = 0;
    while (value >= 0.9995 * step && units[unit + 1] != NULL) {
        value /= step;
        unit++;
    }
    int decimals = unit == 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(text, QUANTITY_TEXT_BYTES, "%.*f%s", decimals, value, units[unit]);
    return text;
}

const char *bytes_text(uint64_t bytes, char text[QUANTITY_TEXT_BYTES]) {
    static const char *const units[] = {" B", " KB", " MB", " GB", " TB", NULL};
    return scaled((double)bytes, 1000.0, units, text);
}

const char *count_text(double count, char text[QUANTITY_TEXT_BYTES]) {
    static const char *const units[] = {"", " k", " M", " G", " T", NULL};
    return scaled(count, 1000.0, units, text);
}
