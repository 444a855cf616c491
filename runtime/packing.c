#include "runtime/packing.h"

#include "runtime/digest.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- keys ------------------------------------------------------------------------------------------------ */

struct key {
    char text[640];
    size_t used;
};

static void add(struct key *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct key *key, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(key->text + key->used, sizeof key->text - key->used, format, arguments);
    va_end(arguments);
    key->used += (size_t)n;
    if (key->used >= sizeof key->text) key->used = sizeof key->text - 1;
}

static void add_digest(struct key *key, const void *data, size_t bytes) {
    struct fmap_digest digest = fmap_digest_of(data, bytes);
    add(key, "%016" PRIx64 "%016" PRIx64, digest.words[0], digest.words[1]);
}

/* A constant of the model has a number. One that a pass has made may depend on the plan: its content tells. */
static void add_source(struct key *key, const struct fmap_graph *original,
                       const struct fmap_packing_source *source) {
    size_t i = 1;
    while (original && i < original->n_values && original->values[i].data != source->floats) i++;
    if (original && i < original->n_values) {
        add(key, "constant %zu", i);
    } else {
        add(key, "content ");
        add_digest(key, source->floats, (size_t)source->n * sizeof(float));
    }
    add(key, " of %" PRId64, source->n);
    if (source->scale) {
        add(key, " scaled by ");
        add_digest(key, source->scale, (size_t)source->n_scales * sizeof *source->scale);
    }
}

static struct key key_of(const struct fmap_planning *planning, const struct fmap_packer *packer) {
    struct key key = {.used = 0};
    add(&key, "fmap %s.%d %s %s ", fmap_version(), FMAP_PACKING_REVISION, planning->kernels->isa,
        packer->kind);
    add_source(&key, &planning->plan->model->graph, &packer->source);
    add(&key, " times %a as", (double)packer->factor);
    for (int i = 0; i < packer->n_numbers; i++) add(&key, " %" PRId64, packer->numbers[i]);
    return key;
}

/* ---- packing --------------------------------------------------------------------------------------------- */

struct team_work {
    const struct fmap_packer *packer;
    float *packed;
    int threads;
};

static void pack_some(void *argument, int thread, int team) {
    const struct team_work *work = argument;
    const struct fmap_packer *packer = work->packer;
    int64_t part = fmap_piece_begin(packer->parts, team, thread);
    int64_t end = part + fmap_piece_length(packer->parts, team, thread);
    for (; part < end; part++) packer->part(packer->job, part, work->packed);
}

/* Waking threads takes as long as packing so many floats. */
enum { FLOATS_WORTH_A_TEAM = 16 * 1024 };

static void pack_all(void *argument, void *memory) {
    struct team_work *work = argument;
    work->packed = memory;
    if (work->threads <= 1 || work->packer->parts == 1 || work->packer->n_floats < FLOATS_WORTH_A_TEAM)
        pack_some(work, 0, 1);
    else
        fmap_host_together(work->threads, pack_some, work);
}

fmap_status fmap_planning_pack(struct fmap_planning *planning, const struct fmap_packer *packer,
                               struct fmap_operand *packed) {
    struct fmap_packings *packings = &planning->plan->packings;
    struct team_work work = {.packer = packer, .threads = packings->threads};
    size_t bytes = (size_t)packer->n_floats * sizeof(float);
    const void *data;
    if (packings->packed) {
        struct key key = key_of(planning, packer);
        data = fmap_packings_get(packings, key.text, bytes, pack_all, &work);
    } else {
        void *memory = fmap_storage_take_raw(&planning->plan->storage, bytes, 1);
        if (memory) pack_all(&work, memory);
        data = memory;
    }
    if (!data) return fmap_planning_out_of_memory(planning);
    *packed = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = data};
    return FMAP_OK;
}

/* ---- what is known of the source ------------------------------------------------------------------------- */

enum { LANES = 8 };

/* The largest magnitude, as bits: those of floats without their sign are in the order of the floats, infinity and NaN
 * behind all others. */
static int32_t largest(const void *floats, int64_t first, int64_t n) {
    const char *at = (const char *)floats + first * (int64_t)sizeof(float);
    int32_t most[LANES] = {0};
    for (int64_t i = 0; i + LANES <= n; i += LANES, at += LANES * sizeof(float)) {
        int32_t bits[LANES];
        memcpy(bits, at, sizeof bits);
        for (int k = 0; k < LANES; k++) {
            bits[k] &= INT32_MAX;
            most[k] = bits[k] > most[k] ? bits[k] : most[k];
        }
    }
    for (int64_t i = n - n % LANES; i < n; i++, at += sizeof(float)) {
        int32_t bits;
        memcpy(&bits, at, sizeof bits);
        bits &= INT32_MAX;
        most[0] = bits > most[0] ? bits : most[0];
    }
    for (int k = 1; k < LANES; k++) most[0] = most[k] > most[0] ? most[k] : most[0];
    return most[0];
}

struct look {
    const struct fmap_packing_source *source;
    int n_infinite; /* of threads that have found something */
};

/* Scaling and rounding keep the order of magnitudes: the largest of a row is enough. */
static void look_at_some(void *argument, int thread, int team) {
    struct look *look = argument;
    const struct fmap_packing_source *source = look->source;
    int64_t rows = source->n_scales, row_floats = source->n / rows;
    int64_t row = fmap_piece_begin(rows, team, thread), end = row + fmap_piece_length(rows, team, thread);
    bool finite = true;
    for (; row < end; row++) {
        int32_t bits = largest(source->floats, row * row_floats, row_floats);
        float magnitude;
        memcpy(&magnitude, &bits, sizeof magnitude);
        finite &= isfinite((float)(source->scale[row] * (double)magnitude)) != 0;
    }
    if (!finite) (void)__atomic_add_fetch(&look->n_infinite, 1, __ATOMIC_RELAXED);
}

fmap_status fmap_packing_is_finite(struct fmap_packings *packings, const struct fmap_graph *original,
                                   const struct fmap_packing_source *source, bool *finite,
                                   fmap_error *error) {
    struct key key = {.used = 0};
    add(&key, "fmap %s.%d finite ", fmap_version(), FMAP_PACKING_REVISION);
    *finite = true;
    if (packings) {
        add_source(&key, original, source);
        if (fmap_packings_know(packings, key.text)) return FMAP_OK;
    }
    struct look look = {.source = source};
    if (packings && packings->threads > 1 && source->n >= FLOATS_WORTH_A_TEAM)
        fmap_host_together(packings->threads, look_at_some, &look);
    else
        look_at_some(&look, 0, 1);
    *finite = look.n_infinite == 0;
    if (!*finite || !packings || fmap_packings_note(packings, key.text)) return FMAP_OK;
    return fmap_fail(error, FMAP_ERROR_MEMORY, "out of memory while planning");
}
