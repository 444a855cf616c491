/* The conversation of a network benchmark's runner that is written in C (docs: runners.py): requests on the standard
 * input, one JSON object a line, each answered by a line. What an engine has to bring is loading and running. */
#ifndef FMAP_BENCH_NETWORKS_PROTOCOL_H
#define FMAP_BENCH_NETWORKS_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { REASON_BYTES = 1024 };

/* What a loaded network reads and writes; the engine's memory. */
struct ports {
    float *input;    /* NULL: nothing is loaded */
    float *output;   /* all of them, one behind the other */
    size_t n_inputs; /* elements */
    size_t n_outputs;
};

struct request {
    const char *path;
    int threads;
    json_int_t batch;
    const json_t *shape;    /* of the only input; NULL: what the file says */
    const json_t *variants; /* what an earlier load found out to be the best; NULL: find out */
};

struct engine {
    void *state;
    /* Loads a network in the place of the last one and says where its ports are. The answer: what runners.py says, or
     * failure(). */
    json_t *(*load)(void *state, const struct request *request, struct ports *ports);
    /* Runs once from the ports' input to their output. False: the reason is a sentence. */
    bool (*run)(void *state, char reason[REASON_BYTES]);
};

/* The answer to what cannot be done. */
json_t *failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Seconds since some time ago. */
double now(void);

/* Answers requests until the input ends or says "quit". */
void serve(const struct engine *engine);

#endif
