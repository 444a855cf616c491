/* The parts of `fmap run`: cmd_run.c reads the command line and the pictures and runs the network,
 * run_report.c says what came out. */
#ifndef FMAP_TOOLS_RUN_H
#define FMAP_TOOLS_RUN_H

#include <jansson.h>

#include "buffers.h"
#include "expect.h"
#include "network.h"
#include "progress.h"
#include "tool.h"

struct run_options {
    const char *model;
    char **pictures;
    size_t n_pictures;
    const char *labels;
    const char *expect;
    struct engine_options engine;
    struct preprocess_options preprocess;
    int64_t batch; /* 0: chosen by the model and by how many pictures there are */
    size_t top;
    double at_least; /* percent; negative: not asked for */
    bool softmax;
    bool verbose;
    bool json;
};

/* A picture that waits in the batch. */
struct waiting {
    const char *path;
    size_t index; /* in its file, which holds `count` */
    size_t count;
};

struct run {
    const struct run_options *options;
    struct network network;
    struct expected expected;
    fmap_plan *plan;
    fmap_plan_info info;
    fmap_context *context;
    struct buffers buffers;
    int64_t batch;
    size_t n_answers;        /* classes of the answering output; 0: the network does not classify */
    size_t answer_index;     /* which output that is */
    struct waiting *waiting; /* [batch] */
    size_t n_waiting;
    struct answer *answers; /* [top] */
    size_t n_done;
    size_t n_right;
    double seconds;  /* in the network */
    json_t *results; /* for --json */
    struct progress progress;
};

/* Says what the network found in the i-th picture of the batch, and counts whether it is right. */
fmap_status run_report_picture(struct run *run, size_t i, fmap_error *error);

/* Closes the report: the accuracy, the speed, all of the JSON. */
fmap_status run_report_end(struct run *run, fmap_error *error);

/* Percent of right answers. */
double run_accuracy(const struct run *run);

#endif
