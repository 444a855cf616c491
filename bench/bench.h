/* What the benchmarks share. */
#ifndef FMAP_BENCH_BENCH_H
#define FMAP_BENCH_BENCH_H

#include <stdbool.h>

/* Every layer, batch, number of threads (powers of two) and engine, as far as `filter` (an extended regular expression;
 * NULL or "": all) matches; measures the roofs that they need. False: the expression is not one. */
bool bench_register_layers(const char *filter, int max_threads);

/* Gives back what the last layer holds; returns how many engines gave a wrong answer. */
int bench_close_layers(void);

/* As JSON: the best instruction set, every layer. */
void bench_print_layers(void);

#endif
