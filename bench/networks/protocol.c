#include "protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "handoff.h"

enum { MOST_RUNS = 1000 * 1000 };

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

json_t *failure(const char *format, ...) {
    char sentence[2 * REASON_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return json_pack("{s:b, s:s}", "ok", 0, "error", sentence);
}

static bool read_floats(const char *path, float *values, size_t n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    bool good = fread(values, sizeof *values, n, file) == n && fgetc(file) == EOF;
    return fclose(file) == 0 && good;
}

static bool write_floats(const char *path, const float *values, size_t n) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) return false;
    bool good = fwrite(values, sizeof *values, n, file) == n;
    return fclose(file) == 0 && good;
}

/* Runs once; the seconds, or -1 and why. */
static double run_once(const struct engine *engine, char reason[REASON_BYTES]) {
    double start = now();
    return engine->run(engine->state, reason) ? now() - start : -1;
}

static json_t *run(const struct engine *engine, const struct ports *ports, const char *input,
                   const char *output) {
    char reason[REASON_BYTES] = "";
    if (ports->input == NULL) return failure("a run was asked for before a load");
    if (!read_floats(input, ports->input, ports->n_inputs)) {
        return failure("%s does not hold %zu floats", input, ports->n_inputs);
    }
    double seconds = run_once(engine, reason);
    if (seconds < 0) return failure("%s", reason);
    if (!write_floats(output, ports->output, ports->n_outputs)) return failure("%s: cannot write", output);
    return json_pack("{s:b, s:f}", "ok", 1, "seconds", seconds);
}

static json_t *measure(const struct engine *engine, const struct ports *ports, json_int_t repetitions,
                       double min_seconds) {
    char reason[REASON_BYTES] = "";
    if (ports->input == NULL) return failure("a time was asked for before a load");
    json_t *times = json_array();
    double start = now();
    for (json_int_t i = 0; i < MOST_RUNS && (i < repetitions || now() - start < min_seconds); i++) {
        double seconds = run_once(engine, reason);
        if (seconds < 0) {
            json_decref(times);
            return failure("%s", reason);
        }
        json_array_append_new(times, json_real(seconds));
    }
    return json_pack("{s:b, s:o}", "ok", 1, "seconds", times);
}

/* What to say to a request; NULL to "quit". */
static json_t *answer(const struct engine *engine, struct ports *ports, json_t *asked) {
    struct request request = {.threads = 1, .batch = 1};
    const char *input = NULL, *output = NULL;
    json_int_t repetitions = 1;
    double min_seconds = 0;
    if (json_object_get(asked, "quit") != NULL) return NULL;
    if (json_object_get(asked, "handoff") != NULL) {
        return json_pack("{s:b, s:f}", "ok", 1, "seconds", handoff_seconds());
    }
    if (json_unpack(asked, "{s:s, s?i, s?I}", "load", &request.path, "threads", &request.threads, "batch",
                    &request.batch) == 0) {
        request.shape = json_object_get(asked, "shape");
        request.variants = json_object_get(asked, "variants");
        *ports = (struct ports){0};
        return engine->load(engine->state, &request, ports);
    }
    if (json_unpack(asked, "{s:s, s:s}", "run", &input, "output", &output) == 0) {
        return run(engine, ports, input, output);
    }
    if (json_unpack(asked, "{s:{s?I, s?F}}", "time", "repetitions", &repetitions, "min_seconds",
                    &min_seconds) == 0) {
        return measure(engine, ports, repetitions, min_seconds);
    }
    return failure("a request is {\"load\"...}, {\"run\"...}, {\"time\"...} or {\"quit\"...}");
}

void serve(const struct engine *engine) {
    struct ports ports = {0};
    char *line = NULL;
    size_t capacity = 0;
    bool more = true;
    while (more && getline(&line, &capacity, stdin) > 0) {
        json_error_t error;
        json_t *request = json_loads(line, 0, &error);
        json_t *reply = request != NULL ? answer(engine, &ports, request)
                                        : failure("no JSON: %s", error.text);
        more = reply != NULL;
        if (more) {
            json_dumpf(reply, stdout, JSON_COMPACT);
            putchar('\n');
            more = fflush(stdout) == 0;
        }
        json_decref(reply);
        json_decref(request);
    }
    free(line);
}
