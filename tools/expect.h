/* What the pictures really show, to count how often the network is right. */
#ifndef FMAP_TOOLS_EXPECT_H
#define FMAP_TOOLS_EXPECT_H

#include <stddef.h>

#include "sidecar.h"

struct expected {
    size_t count;
    int64_t *classes;
};

/* Reads an IDX file of labels, or a text file with one a line: the name of a class as in `labels`, else
 * its number. Either may be compressed by gzip. FORMAT when a line is neither. */
fmap_status expected_read(const char *path, const struct labels *labels, struct expected *expected,
                          fmap_error *error);
void expected_release(struct expected *expected);

#endif
