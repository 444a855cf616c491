/* Failures: a status and a sentence in the caller's fmap_error. */
#ifndef FMAP_RUNTIME_STATUS_H
#define FMAP_RUNTIME_STATUS_H

#include "fmap/fmap.h"

/* Fills *error (which may be NULL) from a printf-like format and returns `status`. Control characters and
 * bytes that are not UTF-8, which come from names in hostile files, are replaced by '?'. */
fmap_status fmap_fail(fmap_error *error, fmap_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The sentence for an allocator that returned NULL. */
fmap_status fmap_fail_memory(fmap_error *error, size_t bytes);

/* Passes a failure on to the caller. */
#define TRY(call) \
    do { \
        fmap_status try_status_ = (call); \
        if (try_status_ != FMAP_OK) return try_status_; \
    } while (0)

#endif
