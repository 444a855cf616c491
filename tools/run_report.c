#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "run.h"

/* So many pictures are no longer shown with all their answers, but with a line each. */
enum { MANY = 50 };

/* An output of one picture that is not a list of classes. */
struct summary {
    double minimum;
    double maximum;
    double mean;
    double deviation;
};

static struct summary summarise(fmap_type type, const void *data, int64_t first, int64_t n) {
    struct summary summary = {.minimum = INFINITY, .maximum = -INFINITY};
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double value = buffer_element(type, data, first + i);
        summary.minimum = fmin(summary.minimum, value);
        summary.maximum = fmax(summary.maximum, value);
        summary.mean += value / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        double difference = buffer_element(type, data, first + i) - summary.mean;
        squares += difference * difference / (double)n;
    }
    summary.deviation = sqrt(squares);
    return summary;
}

/* The part of an output that belongs to one picture of the batch. */
struct part {
    const struct buffer *buffer;
    const void *data;
    fmap_shape shape;
    int64_t first;
    int64_t elements;
};

static struct part part_of(const struct run *run, size_t output, size_t i) {
    const struct buffer *buffer = &run->buffers.outputs[output];
    struct part part = {.buffer = buffer, .data = run->buffers.output_data[output], .shape = buffer->shape};
    part.elements = buffer->elements / run->batch;
    part.first = part.elements * (int64_t)i;
    if (part.shape.rank > 0) part.shape.dims[0] /= run->batch;
    return part;
}

/* "path", or "path[17]" inside a file of many. */
static void print_name(const struct waiting *picture, char *name, size_t size) {
    if (picture->count > 1) {
        snprintf(name, size, "%s[%zu]", picture->path, picture->index);
    } else {
        snprintf(name, size, "%s", picture->path);
    }
    for (char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    }
}

static void print_score(float score, bool probability) {
    if (probability) {
        printf("%6.2f%%", 100 * (double)score);
    } else {
        printf("%10.5g", (double)score);
    }
}

/* ---- one picture, as text -------------------------------------------------------------------- */

static void print_summary(const struct part *part) {
    char shape[SHAPE_TEXT_BYTES];
    const struct summary summary = summarise(part->buffer->type, part->data, part->first, part->elements);
    printf("  output %s %s: min %.6g, max %.6g, mean %.6g, standard deviation %.6g\n", part->buffer->name,
           shape_text(&part->shape, shape), summary.minimum, summary.maximum, summary.mean,
           summary.deviation);
}

static void print_block(const struct run *run, size_t i, const char *name, size_t n, bool probability,
                        const char *verdict) {
    char number[LABEL_NUMBER_BYTES];
    printf("%s%s\n", name, verdict);
    for (size_t output = 0; output < run->buffers.n_outputs; output++) {
        if (run->n_answers == 0 || output != run->answer_index) {
            const struct part part = part_of(run, output, i);
            print_summary(&part);
            continue;
        }
        for (size_t j = 0; j < n; j++) {
            printf("  ");
            print_score(run->answers[j].score, probability);
            printf("  %s\n", network_label(&run->network, run->answers[j].class, number));
        }
    }
}

static void print_line(const struct run *run, const char *name, bool probability, const char *verdict) {
    char number[LABEL_NUMBER_BYTES];
    printf("%s  ", name);
    print_score(run->answers[0].score, probability);
    printf("  %s%s\n", network_label(&run->network, run->answers[0].class, number), verdict);
}

/* Many pictures with known answers are only counted, unless somebody wants to see them. */
static void print_picture(struct run *run, size_t i, size_t n, bool probability, const char *verdict) {
    const struct waiting *picture = &run->waiting[i];
    bool many = picture->count >= MANY || run->options->n_pictures >= MANY;
    if (many && run->expected.count > 0 && !run->options->verbose) return;
    char name[4096];
    print_name(picture, name, sizeof name);
    progress_end(&run->progress);
    if (many && n > 0) {
        print_line(run, name, probability, verdict);
    } else {
        print_block(run, i, name, n, probability, verdict);
    }
}

/* ---- one picture, as JSON -------------------------------------------------------------------- */

static json_t *json_answers(const struct run *run, size_t n, bool probability) {
    json_t *list = json_array();
    for (size_t j = 0; j < n; j++) {
        char number[LABEL_NUMBER_BYTES];
        const struct answer *answer = &run->answers[j];
        json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "class", (json_int_t)answer->class, "label",
                                              json_name(network_label(&run->network, answer->class, number)),
                                              probability ? "probability" : "score",
                                              json_real_or_null((double)answer->score)));
    }
    return list;
}

static json_t *json_outputs(const struct run *run, size_t i) {
    json_t *list = json_array();
    for (size_t output = 0; output < run->buffers.n_outputs; output++) {
        const struct part part = part_of(run, output, i);
        const struct summary summary = summarise(part.buffer->type, part.data, part.first, part.elements);
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_name(part.buffer->name), "shape",
                            json_shape(&part.shape), "minimum", json_real_or_null(summary.minimum), "maximum",
                            json_real_or_null(summary.maximum), "mean", json_real_or_null(summary.mean),
                            "standard_deviation", json_real_or_null(summary.deviation)));
    }
    return list;
}

static fmap_status add_json(struct run *run, size_t i, size_t n, bool probability, fmap_error *error) {
    const struct waiting *picture = &run->waiting[i];
    json_t *object = json_pack("{s:o, s:I, s:o}", "picture", json_name(picture->path), "index",
                               (json_int_t)picture->index, "outputs", json_outputs(run, i));
    if (n > 0) json_object_set_new(object, "answers", json_answers(run, n, probability));
    if (run->expected.count > 0) {
        json_object_set_new(object, "expected", json_integer(run->expected.classes[run->n_done]));
    }
    if (json_array_append_new(run->results, object) != 0) return fail_memory(error, "the output");
    return FMAP_OK;
}

/* ---- both ------------------------------------------------------------------------------------ */

fmap_status run_report_picture(struct run *run, size_t i, fmap_error *error) {
    char verdict[96] = "";
    bool probability = false;
    size_t n = 0;
    if (run->n_answers > 0) {
        const struct part part = part_of(run, run->answer_index, i);
        float *scores = (float *)run->buffers.output_data[run->answer_index] + part.first;
        if (run->options->softmax) softmax(scores, run->n_answers);
        probability = is_distribution(scores, run->n_answers);
        n = top_answers(scores, run->n_answers, run->options->top, run->answers);
    }
    if (run->expected.count > 0) {
        if (run->n_done >= run->expected.count) {
            return fail(error, FMAP_ERROR_FORMAT, "'%s' holds only %zu labels, there are more pictures",
                        run->options->expect, run->expected.count);
        }
        char number[LABEL_NUMBER_BYTES];
        int64_t expected = run->expected.classes[run->n_done];
        bool right = n > 0 && (int64_t)run->answers[0].class == expected;
        run->n_right += right;
        if (!right) {
            snprintf(verdict, sizeof verdict, "  (wrong: expected %s)",
                     network_label(&run->network, (size_t)expected, number));
        }
    }
    fmap_status status = FMAP_OK;
    if (run->options->json) {
        status = add_json(run, i, n, probability, error);
    } else {
        print_picture(run, i, n, probability, verdict);
    }
    run->n_done++;
    return status;
}

double run_accuracy(const struct run *run) {
    return run->n_done > 0 ? 100 * (double)run->n_right / (double)run->n_done : 0;
}

static fmap_status print_json(struct run *run, fmap_error *error) {
    json_t *root = json_pack(
        "{s:o, s:s, s:i, s:I, s:I, s:f, s:O}", "network", json_name(fmap_model_name(run->network.model)),
        "isa", fmap_isa_name(run->info.isa), "threads", run->info.threads, "batch", (json_int_t)run->batch,
        "count", (json_int_t)run->n_done, "seconds", run->seconds, "pictures", run->results);
    if (root != NULL && run->expected.count > 0) {
        json_object_set_new(root, "right", json_integer((json_int_t)run->n_right));
        json_object_set_new(root, "accuracy", json_real(run_accuracy(run)));
    }
    return output_json(root, error);
}

fmap_status run_report_end(struct run *run, fmap_error *error) {
    progress_end(&run->progress);
    if (run->expected.count > 0 && run->n_done != run->expected.count) {
        return fail(error, FMAP_ERROR_FORMAT, "'%s' holds %zu labels, but there are %zu pictures",
                    run->options->expect, run->expected.count, run->n_done);
    }
    if (run->options->json) return print_json(run, error);
    if (run->expected.count > 0) {
        printf("accuracy %.2f%% (%zu of %zu)\n", run_accuracy(run), run->n_right, run->n_done);
    }
    if (run->options->verbose) {
        printf("%zu picture%s in %.3f s, %.0f a second: %s, %d thread%s, batch %" PRId64 "\n", run->n_done,
               run->n_done == 1 ? "" : "s", run->seconds, (double)run->n_done / run->seconds,
               fmap_isa_name(run->info.isa), run->info.threads, run->info.threads == 1 ? "" : "s",
               run->batch);
    }
    return FMAP_OK;
}
