/* What this processor and this operating system offer. */
#include "kernels/kernels.h"
#include "runtime/plan.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    fmap_isa isa;
    const char *name;
} names[] = {{FMAP_ISA_BEST, "best"},
             {FMAP_ISA_SCALAR, "scalar"},
             {FMAP_ISA_NEON, "neon"},
             {FMAP_ISA_AVX2, "avx2"},
             {FMAP_ISA_AVX512, "avx512"}};

enum { N_NAMES = sizeof names / sizeof names[0] };

const char *fmap_isa_name(fmap_isa isa) {
    for (size_t i = 0; i < N_NAMES; i++) {
        if (names[i].isa == isa) return names[i].name;
    }
    return "unknown";
}

bool fmap_isa_parse(const char *name, fmap_isa *isa) {
    for (size_t i = 0; name && isa && i < N_NAMES; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *isa = names[i].isa;
            return true;
        }
    }
    return false;
}

/* The best kernels not above the cap; the plain ones are always there. */
static const struct fmap_kernels *best_kernels(fmap_isa cap, fmap_isa *isa) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (kernels && fmap_isa_parse(kernels->isa, isa) && (cap == FMAP_ISA_BEST || *isa <= cap))
            return kernels;
    }
    *isa = FMAP_ISA_SCALAR;
    return fmap_kernels_at(fmap_kernels_count() - 1);
}

fmap_isa fmap_isa_select(fmap_isa cap) {
    fmap_isa isa;
    best_kernels(cap, &isa);
    return isa;
}

fmap_status fmap_host_kernels(fmap_isa cap, const struct fmap_kernels **kernels, fmap_isa *isa,
                              fmap_error *error) {
    if (cap < FMAP_ISA_BEST || cap > FMAP_ISA_AVX512) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "there is no instruction set %d", (int)cap);
    }
    const char *text = getenv("FMAP_MAX_ISA");
    if (text && *text) {
        fmap_isa environment;
        if (!fmap_isa_parse(text, &environment)) {
            return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                             "FMAP_MAX_ISA is '%.40s', expected best, scalar, neon, avx2 or avx512", text);
        }
        if (cap == FMAP_ISA_BEST || (environment != FMAP_ISA_BEST && environment < cap)) cap = environment;
    }
    *kernels = best_kernels(cap, isa);
    return FMAP_OK;
}
