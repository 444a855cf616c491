/* What every part of the interface shares: versions, statuses, shapes, tensors, memory. */
#ifndef FMAP_BASE_H
#define FMAP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FMAP_VERSION_MAJOR 0
#define FMAP_VERSION_MINOR 1
#define FMAP_VERSION_PATCH 0

#if defined(__GNUC__)
#define FMAP_API __attribute__((visibility("default")))
#else
#define FMAP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is linked, as "major.minor.patch" and as
 * major * 10000 + minor * 100 + patch. The macros above are those of the header compiled against. */
FMAP_API const char *fmap_version(void);
FMAP_API int fmap_version_number(void);

/* ---- errors ---------------------------------------------------------------------------------- */

typedef enum fmap_status {
    FMAP_OK = 0,
    FMAP_ERROR_ARGUMENT,    /* the call itself is wrong: NULL, out of range, wrong order of calls */
    FMAP_ERROR_MODEL,       /* the network is inconsistent: shapes or attributes that do not fit */
    FMAP_ERROR_FORMAT,      /* a file is damaged or is not of the format that was expected */
    FMAP_ERROR_UNSUPPORTED, /* valid, but not (yet) something that this library does */
    FMAP_ERROR_MEMORY,      /* the allocator returned NULL */
    FMAP_ERROR_LIMIT,       /* a size is larger than can be represented or allowed */
    FMAP_ERROR_IO           /* the operating system refused to open or read a file */
} fmap_status;

/* One word for a status, such as "unsupported". Never NULL, static. */
FMAP_API const char *fmap_status_name(fmap_status status);

enum { FMAP_ERROR_MESSAGE_BYTES = 512 };

/* Filled by a function that fails; untouched by one that succeeds. `message` is one sentence that
 * names, as far as they apply, the file, the node, the tensor, what was found and what was expected.
 * It is UTF-8, without a newline, cut (never overrun) when too long. */
typedef struct fmap_error {
    fmap_status status;
    char message[FMAP_ERROR_MESSAGE_BYTES];
} fmap_error;

/* ---- shapes and tensors ---------------------------------------------------------------------- */

enum { FMAP_MAX_RANK = 8 };

/* A dimension that is not known until a plan is made, such as the batch. */
#define FMAP_UNKNOWN ((int64_t)-1)

typedef struct fmap_shape {
    int rank; /* 0 .. FMAP_MAX_RANK; 0 is a scalar; FMAP_UNKNOWN: not even the rank is known before a plan is made */
    int64_t dims[FMAP_MAX_RANK];
} fmap_shape;

/* The values are those of ONNX' TensorProto.DataType. */
typedef enum fmap_type {
    FMAP_TYPE_UNKNOWN = 0, /* of a value whose rank is unknown: settled when a plan is made */
    FMAP_FLOAT32 = 1,
    FMAP_UINT8 = 2,
    FMAP_INT8 = 3,
    FMAP_INT32 = 6,
    FMAP_INT64 = 7,
    FMAP_BOOL = 9
} fmap_type;

/* Bytes of one element; 0 for a value that is not a type. */
FMAP_API size_t fmap_type_bytes(fmap_type type);

/* Elements of a shape: the product of its dimensions, 1 for a scalar. False, with *elements
 * untouched, when a dimension is unknown or negative or the product exceeds INT64_MAX. */
FMAP_API bool fmap_shape_elements(const fmap_shape *shape, int64_t *elements);

/* A dense row-major array that somebody else owns. `data` need not be aligned. */
typedef struct fmap_tensor {
    fmap_type type;
    fmap_shape shape;
    const void *data;
} fmap_tensor;

/* The order of the elements of a caller's buffer of rank 4. Other ranks are always row-major. */
typedef enum fmap_layout {
    FMAP_NCHW = 0, /* planes: one height x width picture per channel */
    FMAP_NHWC,     /* pixels: all channels of a pixel side by side */
    /* [n][ceil(c / 16)][h][w][16]: the library's own, without any reordering, for callers who chain plans or layers.
     * Of inputs and outputs only, not of taps. Lanes beyond the last channel may hold anything. */
    FMAP_BLOCKED
} fmap_layout;

/* Channels of a block. */
enum { FMAP_BLOCKED_CHANNELS = 16 };

/* ---- memory ---------------------------------------------------------------------------------- */

/* Where the library's memory comes from. `allocate` returns memory aligned to `alignment` (a power
 * of two) or NULL; `release` is given the same size again and is never called with NULL. Both must
 * be safe to call from the thread that calls the library. NULL for an fmap_allocator pointer, or
 * NULL members, mean aligned_alloc() and free(). The structure is copied. */
typedef struct fmap_allocator {
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    void (*release)(void *user, void *memory, size_t bytes);
    void *user;
} fmap_allocator;

/* ---- instruction sets ------------------------------------------------------------------------ */

/* In rising order on each architecture; kernels exist for each. */
typedef enum fmap_isa {
    FMAP_ISA_BEST = 0, /* as a cap: whatever the processor and the operating system offer */
    FMAP_ISA_SCALAR,   /* plain C */
    FMAP_ISA_NEON,     /* 64-bit Arm */
    FMAP_ISA_AVX2,     /* x86-64 with AVX2 and FMA */
    FMAP_ISA_AVX512    /* x86-64 with AVX-512 F, BW, DQ and VL */
} fmap_isa;

/* "scalar", "neon", "avx2", "avx512"; "best" for FMAP_ISA_BEST. Never NULL, static. */
FMAP_API const char *fmap_isa_name(fmap_isa isa);

/* The instruction set with that name. False when there is none. */
FMAP_API bool fmap_isa_parse(const char *name, fmap_isa *isa);

/* The best instruction set that this library was built with and that both this processor and this
 * operating system support, not above `cap`. */
FMAP_API fmap_isa fmap_isa_select(fmap_isa cap);

#ifdef __cplusplus
}
#endif

#endif
