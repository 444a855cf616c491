/* What libraries read from the environment before main() begins. */
#ifndef FMAP_BENCH_ENVIRONMENT_H
#define FMAP_BENCH_ENVIRONMENT_H

/* Starts this program again when a variable would keep a rival from its best, or has to hold it back because
 * FMAP_MAX_ISA caps ours. */
void bench_clean_environment(char **argv);

#endif
