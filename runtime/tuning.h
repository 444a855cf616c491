/* Measured tuning: what cannot change a result is chosen by the clock, and remembered in a file.
 *
 * A layer that could be planned in several ways lists them, the model's first, and asks which to take. Without tuning it is
 * the first. Else the file is asked for what was measured before; and if that may be done, every way is planned on trial
 * and run by the plan's threads, with a second cache that holds other things than its weights, as in a network. */
#ifndef FMAP_RUNTIME_TUNING_H
#define FMAP_RUNTIME_TUNING_H

#include "runtime/planning.h"

/* Ways to plan a layer: numbers that mean something to it alone. */
enum { FMAP_TUNED_VALUES = 4, FMAP_TUNED_MOST = 8 };
struct fmap_tuned {
    int64_t values[FMAP_TUNED_VALUES];
};

/* What was measured, for people; "": nothing. */
struct fmap_tuned_note {
    char text[96];
};

/* Which of `n` ways, 1 .. FMAP_TUNED_MOST, to plan the node in. `layer` tells all of the layer that its time depends on, in
 * printable characters. Ask once for a node. */
fmap_status fmap_planning_choose(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const char *layer, const struct fmap_tuned *ways, int n, int *chosen,
                                 struct fmap_tuned_note *note);

/* ---- what was measured before ---------------------------------------------------------------------- */

struct fmap_tuning_entry {
    const char *key; /* version, processor, instruction set, threads, layer, with tabs between them */
    struct fmap_tuned way;
    double microseconds, usual_microseconds; /* of that way; of the model's */
};

struct fmap_tuning_cache {
    struct fmap_storage *storage;
    struct fmap_processor_text *processor;
    char *path;      /* NULL: nowhere */
    bool path_named; /* by the caller or the environment */
    bool measures;
    bool changed;
    struct fmap_tuning_entry *entries;
    size_t n_entries, capacity;
};

/* Makes planning->tuning from the options and the environment, or leaves it NULL. */
fmap_status fmap_tuning_open(struct fmap_planning *planning, const fmap_plan_options *options);

/* Writes the file if something was measured. */
fmap_status fmap_tuning_close(struct fmap_planning *planning);

const struct fmap_tuning_entry *fmap_tuning_find(const struct fmap_tuning_cache *cache, const char *key);

/* Adds or replaces; false when there is no memory or there are too many. */
bool fmap_tuning_set(struct fmap_tuning_cache *cache, const struct fmap_tuning_entry *entry);

/* Adds what a file says, which may be anything; false when there is no memory (tuning_file.c). */
bool fmap_tuning_read(struct fmap_tuning_cache *cache);

/* Replaces the file by all entries; false with errno set (tuning_file.c). */
bool fmap_tuning_write(const struct fmap_tuning_cache *cache);

/* ---- measuring ----------------------------------------------------------------------------------------- */

/* Seconds that the node takes, planned in each of `n` ways (tuning_trial.c). */
fmap_status fmap_tuning_measure(const struct fmap_planning *planning, const struct fmap_graph_node *node,
                                int n, double *seconds);

#endif
