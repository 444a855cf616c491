/* What this machine can do at most: the roofs that a layer's speed is compared with. */
#ifndef FMAP_MACHINE_H
#define FMAP_MACHINE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where data comes from, nearest first. */
typedef enum fmap_memory_level {
    FMAP_LEVEL_L1 = 0,
    FMAP_LEVEL_L2,
    FMAP_LEVEL_L3,
    FMAP_LEVEL_MEMORY,
    FMAP_LEVELS
} fmap_memory_level;

/* "L1", "L2", "L3", "memory". Never NULL, static. */
FMAP_API const char *fmap_memory_level_name(fmap_memory_level level);

typedef struct fmap_machine_options {
    fmap_isa max_isa; /* the environment variable FMAP_MAX_ISA caps it too */
    int threads;      /* that work at once; 0: what OpenMP would use */
    /* Each roof is measured for about so long, several times, and the best is kept; 0 is 2. As long as what is
     * compared with it: a processor that boosts, or a virtual machine that is interrupted, does less in a long time
     * than in a short one. */
    double milliseconds;
} fmap_machine_options;

typedef struct fmap_machine {
    fmap_isa isa;
    int threads;
    /* Of float32, a multiply-add counts as two, by all threads together, from registers. */
    double flops_per_second;
    /* Of reading, by all threads together, each from memory of its own. */
    double bytes_per_second[FMAP_LEVELS];
    /* Of a cache, as the system tells it, and 0 where it does not; of the memory: what each thread read. A level that
     * the machine does not have is as fast as the next one. */
    size_t level_bytes[FMAP_LEVELS];
} fmap_machine;

/* Measures with every thread at once; takes some hundred milliseconds. NULL options: all defaults.
 * Errors: ARGUMENT (NULL, a number of threads below 0 or above 1024, milliseconds below 0 or above 1000), MEMORY. */
FMAP_API fmap_status fmap_machine_measure(const fmap_machine_options *options, fmap_machine *machine,
                                          fmap_error *error);

#ifdef __cplusplus
}
#endif

#endif
