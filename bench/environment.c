#include "bench/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether that changed anything. NULL removes the variable. */
static bool change(const char *name, const char *value) {
    const char *now = getenv(name);
    if (!value) return now && unsetenv(name) == 0;
    return (!now || strcmp(now, value) != 0) && setenv(name, value, 1) == 0;
}

void bench_clean_environment(char **argv) {
    const char *cap = getenv("FMAP_MAX_ISA");
    bool changed = change("OPENBLAS_L2_SIZE", NULL);
    changed |= change("OPENBLAS_CORETYPE", cap && strcmp(cap, "avx2") == 0 ? "Haswell" : NULL);
    if (changed) execv("/proc/self/exe", argv); /* Where that does not work, the rival runs as it is set. */
}
