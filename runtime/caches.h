/* The caches of this machine, as the system tells. */
#ifndef FMAP_RUNTIME_CACHES_H
#define FMAP_RUNTIME_CACHES_H

#include "fmap/fmap.h"

/* Bytes of the first processor's data or unified cache of a level, all of it if it is shared; 0 when the system does
 * not say. */
size_t fmap_cache_bytes(fmap_memory_level level);

#endif
