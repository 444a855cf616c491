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

struct fmap_packing_task {
    struct fmap_packing_task *next;
    struct fmap_packer packer;
    float *packed;
};

/* Waking threads takes as long as packing so many floats. */
enum { FLOATS_WORTH_A_TEAM = 16 * 1024 };

struct team_work {
    const struct fmap_packing_task *tasks;
    int64_t taken; /* parts of all tasks, in their order */
};

/* Threads take part by part: one that comes late keeps nobody waiting. */
static void pack_some(void *argument, int thread, int team) {
    (void)thread;
    (void)team;
    struct team_work *work = argument;
    const struct fmap_packing_task *task = work->tasks;
    int64_t before = 0; /* parts of the tasks before */
    while (task) {
        int64_t part = __atomic_fetch_add(&work->taken, 1, __ATOMIC_RELAXED);
        while (task && part >= before + task->packer.parts) {
            before += task->packer.parts;
            task = task->next;
        }
        if (task) task->packer.part(task->packer.job, part - before, task->packed);
    }
}

void fmap_planning_pack_all(struct fmap_planning *planning) {
    struct fmap_packings *packings = &planning->plan->packings;
    struct team_work work = {.tasks = planning->tasks};
    int64_t n_floats = 0;
    for (const struct fmap_packing_task *task = work.tasks; task; task = task->next)
        n_floats += task->packer.n_floats;
    if (packings->threads > 1 && n_floats >= FLOATS_WORTH_A_TEAM)
        fmap_host_together(packings->threads, pack_some, &work);
    else
        pack_some(&work, 0, 1);
    planning->tasks = NULL;
    fmap_packings_made(packings);
}

/* The task is there before anybody can wait for it. */
static fmap_status add_task(struct fmap_planning *planning, const struct fmap_packer *packer,
                            const void **packed) {
    struct key key = key_of(planning, packer);
    struct fmap_packing_task *task = fmap_storage_take(&planning->storage, 1, sizeof *task);
    void *job = fmap_storage_copy(&planning->storage, packer->job, packer->job_bytes, 1);
    if (!task || !job) return fmap_planning_out_of_memory(planning);
    bool made;
    *task = (struct fmap_packing_task){.next = planning->tasks, .packer = *packer};
    task->packer.job = job;
    task->packed = fmap_packings_get(&planning->plan->packings, key.text,
                                     (size_t)packer->n_floats * sizeof(float), &made);
    if (!task->packed) return fmap_planning_out_of_memory(planning);
    if (made) planning->tasks = task;
    *packed = task->packed;
    return FMAP_OK;
}

fmap_status fmap_planning_pack(struct fmap_planning *planning, const struct fmap_packer *packer,
                               struct fmap_operand *packed) {
    *packed = (struct fmap_operand){.base = FMAP_BASE_CONSTANT};
    if (planning->plan->packings.packed) return add_task(planning, packer, &packed->constant);
    float *memory = fmap_storage_take_raw(&planning->plan->storage, (size_t)packer->n_floats, sizeof *memory);
    if (!memory) return fmap_planning_out_of_memory(planning);
    for (int64_t part = 0; part < packer->parts; part++) packer->part(packer->job, part, memory);
    packed->constant = memory;
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

enum { ROWS_AT_A_TIME = 8 };

struct team_look {
    struct fmap_packing_look *looks;
    size_t n;
    int64_t taken; /* rows of all that is not known, in their order */
};

/* Scaling and rounding keep the order of magnitudes: the largest of a row is enough. */
static void look_at_rows(struct fmap_packing_look *look, int64_t row, int64_t end) {
    const struct fmap_packing_source *source = &look->source;
    int64_t row_floats = source->n / source->n_scales;
    for (; row < end; row++) {
        int32_t bits = largest(source->floats, row * row_floats, row_floats);
        float magnitude;
        memcpy(&magnitude, &bits, sizeof magnitude);
        if (isfinite((float)(source->scale[row] * (double)magnitude))) continue;
        __atomic_store_n(&look->finite, false, __ATOMIC_RELAXED);
        return;
    }
}

static void look_at_some(void *argument, int thread, int team) {
    (void)thread;
    (void)team;
    struct team_look *work = argument;
    int64_t row = 0, end = 0, before = 0; /* rows taken; those of the looks before */
    for (size_t i = 0; i < work->n; i++) {
        int64_t rows = work->looks[i].known ? 0 : work->looks[i].source.n_scales;
        while (row < before + rows) {
            if (row == end) {
                row = __atomic_fetch_add(&work->taken, ROWS_AT_A_TIME, __ATOMIC_RELAXED);
                end = row + ROWS_AT_A_TIME;
                continue;
            }
            int64_t last = fmap_least(end, before + rows);
            look_at_rows(&work->looks[i], row - before, last - before);
            row = last;
        }
        before += rows;
    }
}

static struct key key_of_look(const struct fmap_graph *original, const struct fmap_packing_look *look) {
    struct key key = {.used = 0};
    add(&key, "fmap %s.%d finite ", fmap_version(), FMAP_PACKING_REVISION);
    add_source(&key, original, &look->source);
    return key;
}

fmap_status fmap_packing_look_at(struct fmap_packings *packings, const struct fmap_graph *original,
                                 struct fmap_packing_look *looks, size_t n, fmap_error *error) {
    int64_t n_floats = 0;
    for (size_t i = 0; i < n; i++) {
        looks[i].finite = true;
        looks[i].known = packings && fmap_packings_know(packings, key_of_look(original, &looks[i]).text);
        if (!looks[i].known) n_floats += looks[i].source.n;
    }
    struct team_look work = {.looks = looks, .n = n};
    if (packings && packings->threads > 1 && n_floats >= FLOATS_WORTH_A_TEAM)
        fmap_host_together(packings->threads, look_at_some, &work);
    else
        look_at_some(&work, 0, 1);
    for (size_t i = 0; i < n && packings; i++) {
        if (looks[i].known || !looks[i].finite) continue;
        if (!fmap_packings_note(packings, key_of_look(original, &looks[i]).text))
            return fmap_fail(error, FMAP_ERROR_MEMORY, "out of memory while planning");
    }
    return FMAP_OK;
}
