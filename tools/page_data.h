/* What the page's script draws from, as JSON. Only for page.c. */
#ifndef FMAP_TOOLS_PAGE_DATA_H
#define FMAP_TOOLS_PAGE_DATA_H

#include <stdio.h>

#include "page.h"

/* Writes the object that page.js calls `data`. Errors: MEMORY, LIMIT. */
fmap_status page_data_write(const struct page *page, FILE *stream, fmap_error *error);

#endif
