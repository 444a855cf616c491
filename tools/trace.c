#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json.h"
#include "tool.h"

enum { RUNS = 5, PROCESS_NAME_BYTES = 256 };

fmap_status trace_begin(struct trace *trace, fmap_error *error) {
    *trace = (struct trace){0};
    trace->stream = open_memstream(&trace->text, &trace->n_bytes);
    if (trace->stream == NULL) return fail_memory(error, "the trace");
    fputs("{\"displayTimeUnit\": \"ms\", \"otherData\": {\"fmap\": ", trace->stream);
    json_text(trace->stream, fmap_version());
    fputs("}, \"traceEvents\": [", trace->stream);
    return FMAP_OK;
}

/* Begins an event: {"ph": "X", "pid": 1, "tid": 0, "name": "conv1" */
static void begin_event(struct trace *trace, const char *phase, int thread, const char *name) {
    fprintf(trace->stream, "%s\n{\"ph\": \"%s\", \"pid\": %d, \"tid\": %d, \"name\": ", trace->any ? "," : "",
            phase, trace->n_processes, thread);
    json_text(trace->stream, name);
    trace->any = true;
}

static void name_tracks(struct trace *trace, const fmap_model *model, const struct trial *trial) {
    char name[PROCESS_NAME_BYTES];
    snprintf(name, sizeof name, "%.180s, %d thread%s, batch %" PRId64, fmap_model_name(model),
             trial->info.threads, trial->info.threads == 1 ? "" : "s", trial->batch);
    begin_event(trace, "M", 0, "process_name");
    fputs(", \"args\": {\"name\": ", trace->stream);
    json_text(trace->stream, name);
    fputs("}}", trace->stream);
    for (int thread = 0; thread < trial->info.threads; thread++) {
        begin_event(trace, "M", thread, "thread_name");
        fprintf(trace->stream, ", \"args\": {\"name\": \"thread %d\"}}", thread);
    }
}

/* The operations and bytes of a layer count for the step that does its work, not for those that bring data into
 * another layout before and after it. */
static void add_costs(struct trace *trace, const fmap_step_info *step, const fmap_layer_info *layer) {
    bool works = layer->kernel != NULL && strcmp(layer->kernel, step->kernel) == 0;
    fprintf(trace->stream, ", \"flops\": %" PRId64 ", \"bytes\": %" PRId64, works ? 2 * layer->macs : 0,
            works ? layer->bytes : 0);
}

static void add_step(struct trace *trace, const struct trial *trial, size_t i, int run, double start) {
    fmap_step_info step;
    fmap_layer_info layer = {0};
    if (fmap_plan_step(trial->plan, i, &step) != FMAP_OK) return;
    if (step.layer >= 0) (void)fmap_plan_layer(trial->plan, (size_t)step.layer, &layer);
    for (int thread = 0; thread < trial->info.threads; thread++) {
        fmap_span span;
        if (fmap_context_step_span(trial->context, i, thread, &span) != FMAP_OK || span.parts == 0) continue;
        begin_event(trace, "X", thread, layer.name != NULL ? layer.name : step.kernel);
        fputs(", \"cat\": ", trace->stream);
        json_text(trace->stream, layer.op != NULL ? layer.op : "step");
        fprintf(trace->stream, ", \"ts\": %.3f, \"dur\": %.3f, \"args\": {\"run\": %d, \"kernel\": ",
                1e6 * (start + span.begin), 1e6 * (span.end - span.begin), run);
        json_text(trace->stream, step.kernel);
        fprintf(trace->stream, ", \"parts\": %" PRId64 ", \"of_parts\": %" PRId64, span.parts, step.parts);
        add_costs(trace, &step, &layer);
        fputs("}}", trace->stream);
    }
}

fmap_status trace_add(struct trace *trace, const fmap_model *model, const struct trial *trial,
                      fmap_error *error) {
    trace->n_processes++;
    name_tracks(trace, model, trial);
    if (trace->n_processes == 1) trace->started = clock_seconds();
    for (int run = 0; run <= RUNS; run++) {
        double start = clock_seconds() - trace->started;
        TRY(fmap_context_run(trial->context, (const void *const *)trial->buffers.input_data,
                             trial->buffers.output_data, error));
        if (run == 0) continue; /* the first may meet cold memory */
        for (size_t i = 0; i < trial->info.n_steps; i++) {
            add_step(trace, trial, i, run, start);
        }
    }
    return FMAP_OK;
}

fmap_status trace_write(struct trace *trace, const char *path, fmap_error *error) {
    fputs("\n]}\n", trace->stream);
    bool good = ferror(trace->stream) == 0;
    if (fclose(trace->stream) != 0) good = false;
    trace->stream = NULL;
    return good ? file_write(path, trace->text, trace->n_bytes, error) : fail_memory(error, "the trace");
}

void trace_release(struct trace *trace) {
    if (trace->stream != NULL) (void)fclose(trace->stream);
    free(trace->text);
}
