/* The caches of this machine, as the system tells. */
#ifndef FMAP_RUNTIME_CACHES_H
#define FMAP_RUNTIME_CACHES_H

#include "fmap/fmap.h"

/* Bytes of the first processor's data or unified cache of a level, all of it if it is shared; 0 when the system does
 * not say. */
size_t fmap_cache_bytes(fmap_memory_level level);

/* Of the second cache: what work is cut to fit into. A usual size when the system does not say or says nonsense. */
size_t fmap_near_cache_bytes(void);

#endif
