/* Which kernels can run here. Compiled without instruction-set flags: it runs before anyone knows. */
#include "kernels.h"

#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#define ISA(name, suffix, supported) \
    static int name##_supported(void) { return supported; }
#include "isas.inc"
#undef ISA

static const struct {
    const struct fmap_kernels *kernels;
    int (*supported)(void);
} isas[] = {
#define ISA(name, suffix, supported) {&fmap_kernels_##name, name##_supported},
#include "isas.inc"
#undef ISA
};

int fmap_kernels_count(void) { return (int)(sizeof isas / sizeof isas[0]); }

const struct fmap_kernels *fmap_kernels_at(int i) {
    return i >= 0 && i < fmap_kernels_count() && isas[i].supported() ? isas[i].kernels : NULL;
}
