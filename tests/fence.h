/* Memory for a file, before a page that may not be touched: reading beyond the file is a crash without any sanitizer. */
#ifndef TESTS_FENCE_H
#define TESTS_FENCE_H

#include <stddef.h>
#include <stdint.h>

struct fence {
    uint8_t *pages;
    size_t bytes;
    size_t page_bytes;
};

/* For files of at most so many bytes. Ends the program where there is no memory. */
struct fence fence_raise(size_t bytes);

/* A copy of the bytes that ends at the fence. */
const uint8_t *fence_copy(const struct fence *fence, const void *data, size_t bytes);

void fence_take_down(struct fence *fence);

#endif
