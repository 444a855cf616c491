/* fmap-bench: every layer, ours and the rivals', with Google Benchmark's flags. */
#include "bench/bench.h"
#include "bench/engine.h"
#include "bench/environment.h"
#include "bench/gbench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The value of Google Benchmark's flag, which it takes away; a filter that begins with a minus excludes, so everything
 * may be needed. */
static const char *find_filter(int argc, char **argv) {
    static const char flag[] = "--benchmark_filter=";
    const char *filter = NULL;
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], flag, sizeof flag - 1) == 0) filter = argv[i] + sizeof flag - 1;
    if (filter && (*filter == '-' || strcmp(filter, "all") == 0)) filter = NULL;
    return filter;
}

int main(int argc, char **argv) {
    const char *filter = find_filter(argc, argv);
    bench_clean_environment(argv);
    gbench_initialize(&argc, argv);
    if (argc == 2 && strcmp(argv[1], "--layers") == 0) {
        bench_print_layers();
        return 0;
    }
    if (argc > 1) {
        fprintf(stderr, "fmap-bench: unknown option %s (see --help)\n", argv[1]);
        return 2;
    }
    gbench_context("fmap", fmap_version());
    bench_engines_open();
    if (!bench_register_layers(filter, (int)sysconf(_SC_NPROCESSORS_ONLN))) {
        fprintf(stderr, "fmap-bench: --benchmark_filter=%s is not a regular expression\n", filter);
        return 2;
    }
    uint64_t n_run = gbench_run();
    int n_wrong = bench_close_layers();
    return n_run > 0 && n_wrong == 0 ? 0 : 1;
}
