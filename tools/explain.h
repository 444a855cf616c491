/* What a plan chose for every layer, and why. */
#ifndef FMAP_TOOLS_EXPLAIN_H
#define FMAP_TOOLS_EXPLAIN_H

#include <stdio.h>

#include <jansson.h>

#include <fmap/fmap.h>

/* The instruction set and its reason, a table of all steps, a sentence for each step that has one. `cap` is what --isa
 * asked for. */
fmap_status explain_print(const fmap_plan *plan, fmap_isa cap, FILE *stream, fmap_error *error);

/* Why this instruction set: one sentence. */
const char *explain_isa(const fmap_plan *plan, fmap_isa cap);

/* The steps, in order. */
json_t *explain_json(const fmap_plan *plan);

/* Prints on stderr when the environment variable FMAP_VERBOSE holds the word "dispatch". */
fmap_status explain_if_asked(const fmap_plan *plan, fmap_isa cap, fmap_error *error);

#endif
