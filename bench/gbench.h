/* Google Benchmark for C: the little of it that our benchmarks need.
 * https://github.com/google/benchmark/blob/main/docs/user_guide.md */
#ifndef FMAP_BENCH_GBENCH_H
#define FMAP_BENCH_GBENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A benchmark that is running. */
typedef struct gbench_state gbench_state;
typedef void gbench_function(gbench_state *state, void *argument);

/* Adds a benchmark whose time is what gbench_iteration() is told. The argument must live until gbench_run() returns. */
void gbench_register(const char *name, gbench_function *function, void *argument);

/* True while the loop has to go on: while (gbench_keep_running(state)) gbench_iteration(state, work()); */
bool gbench_keep_running(gbench_state *state);

/* How long this iteration took. */
void gbench_iteration(gbench_state *state, double seconds);

/* A counter of one iteration, shown per second. */
void gbench_rate(gbench_state *state, const char *name, double per_iteration);

/* A counter as it is. */
void gbench_value(gbench_state *state, const char *name, double value);

/* Text behind the row. */
void gbench_label(gbench_state *state, const char *label);

/* Leaves the benchmark out, with the reason. The loop then does not run. */
void gbench_skip(gbench_state *state, const char *reason);

/* A line in the context that is printed before the results and kept in the JSON. */
void gbench_context(const char *key, const char *value);

/* Reads and removes Google Benchmark's own flags (--benchmark_...). */
void gbench_initialize(int *argc, char **argv);

/* Runs what the flags select; returns how many benchmarks that were. */
uint64_t gbench_run(void);

#ifdef __cplusplus
}
#endif

#endif
