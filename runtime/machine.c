/* Measuring the machine: all threads at once, the best of several. */
#include "runtime/caches.h"
#include "runtime/plan.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { MOST_THREADS = 1024, SAMPLES = 10, PAGE_BYTES = 4096, CHUNK_BYTES = 256 << 10 };

static const size_t MEGABYTE = (size_t)1 << 20;
static const double USUAL_MILLISECONDS = 2;
static const double LEAST_SECONDS = 0.02; /* of all samples of a roof */

/* What one thread works on and what came of it. Threads write into their own lines of cache. */
struct worker {
    _Alignas(64) float *memory;
    size_t position; /* bytes: where in the memory to go on reading */
    double amount;   /* operations or bytes */
    double begin, end;
    float result;
};

struct measurement {
    const struct fmap_kernels *kernels;
    struct worker *workers;
    int threads;
    size_t memory_bytes; /* of each worker */
    size_t level_bytes;  /* of them, in use now */
    bool one_stream;
    void (*work)(const struct measurement *measurement, struct worker *worker);
    int64_t rounds;
    atomic_int arrived;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- one sample ------------------------------------------------------------------------------------ */

/* A barrier that lets all go within a fraction of a microsecond, where one that sleeps takes many. */
static void start_together(struct measurement *measurement, int team) {
    atomic_fetch_add(&measurement->arrived, 1);
    while (atomic_load(&measurement->arrived) < team) sched_yield();
}

static void work_timed(void *argument, int thread, int team) {
    struct measurement *measurement = argument;
    struct worker *worker = &measurement->workers[thread];
    if (thread == 0) measurement->threads = team;
    start_together(measurement, team);
    worker->begin = now();
    measurement->work(measurement, worker);
    worker->end = now();
}

/* All threads at once: what they did by the time from the first's beginning to the last's end. */
static double sample(struct measurement *measurement) {
    atomic_store(&measurement->arrived, 0);
    fmap_host_together(measurement->threads, work_timed, measurement);
    const struct worker *workers = measurement->workers;
    double amount = 0, begin = workers[0].begin, end = workers[0].end;
    for (int i = 0; i < measurement->threads; i++) {
        amount += workers[i].amount;
        if (workers[i].begin < begin) begin = workers[i].begin;
        if (workers[i].end > end) end = workers[i].end;
    }
    return end - begin > 1e-9 ? amount / (end - begin) : amount * 1e9;
}

/* How long the quickest thread took: the others may have been interrupted. */
static double quickest(const struct measurement *measurement) {
    double seconds = measurement->workers[0].end - measurement->workers[0].begin;
    for (int i = 1; i < measurement->threads; i++) {
        const struct worker *worker = &measurement->workers[i];
        if (worker->end - worker->begin < seconds) seconds = worker->end - worker->begin;
    }
    return seconds;
}

/* The best rate of several samples of about so many seconds; the shorter they are, the more, because somebody else may
 * be using the processors for a while. */
static double best_rate(struct measurement *measurement, double seconds) {
    double best = 0, taken = 0;
    measurement->rounds = 1;
    while (sample(measurement) > 0 && (taken = quickest(measurement)) < 0.7 * seconds) {
        double factor = taken > 0.1 * seconds ? seconds / taken : 4;
        measurement->rounds = (int64_t)((double)measurement->rounds * factor) + 1;
    }
    double begin = now();
    for (int i = 0; i < SAMPLES || now() - begin < LEAST_SECONDS; i++) {
        double rate = sample(measurement);
        if (rate > best) best = rate;
    }
    return best;
}

/* ---- what is sampled ------------------------------------------------------------------------------- */

static void multiply(const struct measurement *measurement, struct worker *worker) {
    measurement->kernels->peak(&(struct fmap_peak){
        .iterations = 64 * measurement->rounds, .result = &worker->result, .flops = &worker->amount});
}

/* Reads `bytes`, a multiple of a page, from where the worker's memory begins plus `position`: in one stream, or in four
 * that lie a quarter of `span` apart. */
static struct fmap_bandwidth reading(const struct measurement *measurement, struct worker *worker,
                                     size_t position, size_t span, size_t bytes) {
    ptrdiff_t lanes = measurement->kernels->lanes;
    bool one = measurement->one_stream;
    size_t offset = one ? position : position / 4;
    return (struct fmap_bandwidth){.src = worker->memory + offset / sizeof(float),
                                   .stream_stride = one ? 2 * lanes : (ptrdiff_t)(span / 4 / sizeof(float)),
                                   .step = one ? 8 * lanes : 2 * lanes,
                                   .n_steps = (int64_t)(bytes / sizeof(float)) / (8 * lanes),
                                   .iterations = 1,
                                   .result = &worker->result};
}

/* The same bytes over and over. */
static void read_cache(const struct measurement *measurement, struct worker *worker) {
    size_t bytes = measurement->level_bytes;
    struct fmap_bandwidth job = reading(measurement, worker, 0, bytes, bytes);
    job.iterations = measurement->rounds;
    measurement->kernels->bandwidth(&job);
    worker->amount = (double)bytes * (double)job.iterations;
}

/* Goes on where the last sample ended, so that a short one finds nothing in a cache either. */
static void read_memory(const struct measurement *measurement, struct worker *worker) {
    size_t bytes = CHUNK_BYTES;
    for (int64_t i = 0; i < measurement->rounds; i++) {
        if (worker->position + bytes > measurement->level_bytes) worker->position = 0;
        struct fmap_bandwidth job = reading(measurement, worker, worker->position, measurement->level_bytes,
                                            bytes);
        measurement->kernels->bandwidth(&job);
        worker->position += bytes;
    }
    worker->amount = (double)bytes * (double)measurement->rounds;
}

/* Pages come into being, near to the processor that writes them first. */
static void touch(const struct measurement *measurement, struct worker *worker) {
    memset(worker->memory, 1, measurement->memory_bytes);
    worker->amount = (double)measurement->memory_bytes;
}

/* ---- how much to read ------------------------------------------------------------------------------ */

static size_t clamp(size_t value, size_t low, size_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Of each thread: much more than the last cache holds, but no more than half a gigabyte in all. */
static size_t memory_bytes_for(const size_t *caches, int threads) {
    size_t last = caches[FMAP_LEVEL_L3] ? caches[FMAP_LEVEL_L3] : caches[FMAP_LEVEL_L2];
    size_t bytes = clamp(8 * last, 128 * MEGABYTE, 512 * MEGABYTE) / (size_t)threads;
    return bytes / CHUNK_BYTES * CHUNK_BYTES;
}

/* Half of a cache; of the last one a share that is well beyond the one before. 0: there is no such cache. */
static size_t reach_of(const size_t *caches, fmap_memory_level level, const struct measurement *measurement) {
    size_t bytes = caches[level] / 2;
    if (level == FMAP_LEVEL_L3 && bytes) {
        size_t before = 2 * caches[FMAP_LEVEL_L2];
        bytes = clamp(bytes / (size_t)measurement->threads, before, 4 * before > bytes ? before : 4 * before);
    }
    bytes = clamp(bytes, 0, measurement->memory_bytes);
    return bytes / PAGE_BYTES * PAGE_BYTES;
}

static void find_caches(size_t *caches) {
    size_t any = 0;
    for (int level = FMAP_LEVEL_L1; level < FMAP_LEVEL_MEMORY; level++) {
        caches[level] = fmap_cache_bytes((fmap_memory_level)level);
        any |= caches[level];
    }
    if (any) return;
    caches[FMAP_LEVEL_L1] = 32 << 10; /* what most processors have at least */
    caches[FMAP_LEVEL_L2] = 256 << 10;
    caches[FMAP_LEVEL_L3] = 4 << 20;
}

/* ---- all of it ------------------------------------------------------------------------------------- */

static double read_rate(struct measurement *measurement, double seconds) {
    double best = 0;
    for (int i = 0; i < 2; i++) { /* some memories give more to several streams, others to one */
        measurement->one_stream = i == 0;
        double rate = best_rate(measurement, seconds);
        if (rate > best) best = rate;
    }
    return best;
}

static void measure_levels(struct measurement *measurement, const size_t *caches, double seconds,
                           fmap_machine *machine) {
    measurement->work = touch;
    (void)sample(measurement);
    measurement->work = read_memory;
    measurement->level_bytes = measurement->memory_bytes;
    machine->level_bytes[FMAP_LEVEL_MEMORY] = measurement->memory_bytes;
    machine->bytes_per_second[FMAP_LEVEL_MEMORY] = read_rate(measurement, seconds);
    measurement->work = read_cache;
    for (int level = FMAP_LEVEL_L3; level >= FMAP_LEVEL_L1; level--) {
        measurement->level_bytes = reach_of(caches, (fmap_memory_level)level, measurement);
        machine->level_bytes[level] = fmap_cache_bytes((fmap_memory_level)level);
        machine->bytes_per_second[level] = measurement->level_bytes ? read_rate(measurement, seconds)
                                                                    : machine->bytes_per_second[level + 1];
    }
}

static void count_team(void *argument, int thread, int team) {
    if (thread == 0) *(int *)argument = team;
}

static fmap_status measure(struct measurement *measurement, struct fmap_storage *storage, double seconds,
                           fmap_machine *machine, fmap_error *error) {
    size_t caches[FMAP_LEVELS] = {0};
    find_caches(caches);
    size_t threads = (size_t)measurement->threads;
    measurement->memory_bytes = memory_bytes_for(caches, measurement->threads);
    measurement->workers = fmap_storage_take(storage, threads, sizeof *measurement->workers);
    if (!measurement->workers) return fmap_fail_memory(error, threads * sizeof *measurement->workers);

    size_t bytes = threads * measurement->memory_bytes;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fmap_fail_memory(error, bytes);
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < threads; i++) {
        measurement->workers[i].memory = (float *)(void *)(memory + i * measurement->memory_bytes);
    }
    machine->threads = measurement->threads;
    measurement->work = multiply;
    machine->flops_per_second = best_rate(measurement, seconds);
    measure_levels(measurement, caches, seconds, machine);
    munmap(memory, bytes);
    return FMAP_OK;
}

fmap_status fmap_machine_measure(const fmap_machine_options *options, fmap_machine *machine,
                                 fmap_error *error) {
    static const fmap_machine_options defaults;
    if (!options) options = &defaults;
    if (!machine) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_machine_measure: machine is NULL");
    if (options->threads < 0 || options->threads > MOST_THREADS) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_machine_measure: threads is %d, expected 0 to %d",
                         options->threads, MOST_THREADS);
    }
    if (!(options->milliseconds >= 0 && options->milliseconds <= 1000)) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                         "fmap_machine_measure: milliseconds is %g, expected 0 to 1000",
                         options->milliseconds);
    }
    fmap_machine measured = {0};
    struct measurement measurement = {0};
    TRY(fmap_host_kernels(options->max_isa, &measurement.kernels, &measured.isa, error));
    fmap_host_together(options->threads ? options->threads : fmap_host_threads(), count_team,
                       &measurement.threads);
    struct fmap_storage storage = {.allocator = fmap_allocator_or_default(NULL)};
    double milliseconds = options->milliseconds > 0 ? options->milliseconds : USUAL_MILLISECONDS;
    fmap_status status = measure(&measurement, &storage, 1e-3 * milliseconds, &measured, error);
    fmap_storage_release(&storage);
    if (status == FMAP_OK) *machine = measured;
    return status;
}

const char *fmap_memory_level_name(fmap_memory_level level) {
    static const char *const names[FMAP_LEVELS] = {"L1", "L2", "L3", "memory"};
    return level >= FMAP_LEVEL_L1 && level < FMAP_LEVELS ? names[level] : "unknown";
}
