/* The page: one HTML file that shows a network at work, and asks nobody for anything. */
#ifndef FMAP_TOOLS_PAGE_H
#define FMAP_TOOLS_PAGE_H

#include "colormap.h"
#include "image.h"
#include "maps.h"
#include "picture.h"

/* One possible answer, likeliest first. */
struct page_answer {
    const char *label;
    double probability;
};

struct page {
    const char *title;
    const char *description; /* NULL: none */
    const struct image *picture;
    const struct maps *maps;
    const struct page_answer *answers;
    size_t n_answers;
    const struct colormap *colormap;
    enum normalize normalize;
    int channels; /* at most so many maps of each layer; the contact sheets have all */
};

/* Makes the page, from malloc(). Beyond PAGE_FULL_BYTES the rest of the layers show only a few maps,
 * and say so. Errors: MEMORY, LIMIT. */
enum { PAGE_FULL_BYTES = 20 * 1024 * 1024 };
fmap_status page_make(const struct page *page, char **html, size_t *n_bytes, fmap_error *error);

#endif
