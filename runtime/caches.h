/* The processor and the caches of this machine, as the system tells. */
#ifndef FMAP_RUNTIME_CACHES_H
#define FMAP_RUNTIME_CACHES_H

#include "fmap/fmap.h"

/* Bytes of the first processor's data or unified cache of a level, all of it if it is shared; 0 when the system does
 * not say. */
size_t fmap_cache_bytes(fmap_memory_level level);

/* Of the second cache: what work is cut to fit into. A usual size when the system does not say or says nonsense. */
size_t fmap_near_cache_bytes(void);

/* What tells this kind of processor from others, in printable characters: its name, and the sizes of its caches. */
struct fmap_processor_text {
    char text[160];
};
struct fmap_processor_text fmap_processor_text(void);

#endif
