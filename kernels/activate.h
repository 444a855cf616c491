/* What happens to values that a kernel has just stored, before they leave the first cache: every function of
 * FMAP_FUNCTIONS (activate_job.h). A clip, whose cost would be felt, kernels do in registers; the others would make the loops
 * around them large, and are called. */
#ifndef FMAP_ACTIVATE_H
#define FMAP_ACTIVATE_H

#include "template.h"

/* The vector at dst + i * step becomes the function of the one at src + i * step, i < n. dst may be src. */
void K(activate)(const float *src, float *dst, ptrdiff_t step, int64_t n,
                 const struct fmap_activate_job *activate);

#endif
