/* Places in a running program where a tracer can hook in (USDT): one instruction that does nothing, until perf, bpftrace
 * or SystemTap puts something there. docs/profiling.md shows how.
 *
 *   fmap:layer__start(index, name, kernel)   before a step: the layer's number in the model (-1: none), its name, and
 *                                            the kernel, as fmap_plan_layer() gives them; "" where there is none
 *   fmap:layer__end(index)                   after it; a layer of several steps has several such pairs
 *
 * Only the thread that called fmap_context_run() passes them. */
#ifndef FMAP_RUNTIME_PROBES_H
#define FMAP_RUNTIME_PROBES_H

#include "runtime/plan.h"

#ifdef FMAP_HAVE_SDT
#include <sys/sdt.h>

#ifdef __clang__ /* which does not like how sdt.h is written */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpedantic"
#endif

static inline void fmap_probe_layer_start(const struct fmap_step *step) {
    DTRACE_PROBE3(fmap, layer__start, step->layer, step->name, step->kernel);
}

static inline void fmap_probe_layer_end(const struct fmap_step *step) {
    DTRACE_PROBE1(fmap, layer__end, step->layer);
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

#else

static inline void fmap_probe_layer_start(const struct fmap_step *step) { (void)step; }
static inline void fmap_probe_layer_end(const struct fmap_step *step) { (void)step; }

#endif

#endif
