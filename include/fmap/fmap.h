/* fmap: a SIMD-optimised, multithreaded CPU runtime for convolutional networks.
 *
 * Three steps lead from a trained network to an answer:
 *
 *     model    what the network is: layers and weights. Load one (model.h) or write it down in
 *              Keras' terms (layers.h). Immutable once finished; share it between threads.
 *     plan     how to run it: shapes, threads, instruction set, taps (plan.h). Every shape is
 *              computed, every weight packed and every byte of memory placed here. Immutable.
 *     context  where it runs: the memory of one run at a time (plan.h). One per concurrent caller.
 *
 * Conventions that hold for every function:
 *   - Shapes are always in the order n, c, h, w. A layout (NCHW, NHWC or blocked) says how the elements of a
 *     caller's buffer are ordered in memory; it never changes the order of a shape.
 *   - A function that can fail returns an fmap_status and, when `error` is not NULL, fills it with a
 *     sentence. Nothing is printed, nothing aborts, nothing is kept in global variables.
 *   - A structure that is all zeros asks for the defaults.
 *   - Every ..._destroy accepts NULL.
 *   - Pointers to const handed out by a handle live as long as that handle.
 */
#ifndef FMAP_FMAP_H
#define FMAP_FMAP_H

#include "base.h"
#include "layers.h"
#include "machine.h"
#include "model.h"
#include "pack.h"
#include "plan.h"

#endif
