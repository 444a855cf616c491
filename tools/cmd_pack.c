/* fmap pack: a model's file with its weights ready for use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports.h"
#include "tool.h"

enum { MOST_ISAS = 4, MOST_WEIGHTS = 2 };
enum { MOST_PLANS = OPTION_LIST_MOST * OPTION_LIST_MOST * MOST_ISAS * MOST_WEIGHTS };

struct pack_options {
    const char *model;
    const char *output;
    const char *check; /* a packed file; NULL: write one */
    struct port_options ports;
    struct option_list threads; /* empty: the library's choice, as the batch */
    struct option_list batches;
    size_t n_isas;
    fmap_isa isas[MOST_ISAS];
    size_t n_weights; /* 0: those of floats */
    fmap_weights weights[MOST_WEIGHTS];
};

struct packing {
    const struct pack_options *options;
    fmap_model *model;
    struct sidecar sidecar;
    fmap_plan *plans[MOST_PLANS];
    size_t n_plans;
};

enum { KEY_MAX_ISA = 0x400, KEY_CHECK, KEY_WEIGHTS };

/* Calls `take` for each of the words of "avx2,scalar"; there is at least one, and at most `most`. */
static void parse_words(struct argp_state *state, const char *option, const char *text, size_t most,
                        void (*take)(struct argp_state *state, const char *word)) {
    char *copy = strdup(text);
    char *rest = NULL;
    size_t n = 0;
    if (copy == NULL) argp_failure(state, TOOL_LIMIT, 0, "out of memory");
    for (char *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (n++ == most) argp_error(state, "--%s takes at most %zu names", option, most);
        take(state, word);
    }
    if (n == 0) argp_error(state, "--%s needs a name", option);
    free(copy);
}

static void take_isa(struct argp_state *state, const char *word) {
    struct pack_options *options = state->input;
    options->isas[options->n_isas++] = option_isa(state, word);
}

static void take_weights(struct argp_state *state, const char *word) {
    struct pack_options *options = state->input;
    options->weights[options->n_weights++] = option_weights(state, word);
}

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct pack_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &options->ports; return 0;
    case 'o': options->output = argument; return 0;
    case 't': option_list(state, "threads", argument, 4096, &options->threads); return 0;
    case 'b': option_list(state, "batch", argument, 1 << 20, &options->batches); return 0;
    case KEY_MAX_ISA:
        options->n_isas = 0;
        parse_words(state, "isa", argument, MOST_ISAS, take_isa);
        return 0;
    case KEY_WEIGHTS:
        options->n_weights = 0;
        parse_words(state, "weights", argument, MOST_WEIGHTS, take_weights);
        return 0;
    case KEY_CHECK: options->check = argument; return 0;
    case ARGP_KEY_NO_ARGS:
        if (options->check != NULL) return 0;
        argp_error(state, "which MODEL?");
        return 0;
    case ARGP_KEY_END:
        if (options->check != NULL && options->model != NULL)
            argp_error(state, "--check takes a file of its own, and no MODEL");
        if (options->check == NULL && options->output == NULL) argp_error(state, "--output FILE is missing");
        return 0;
    default: return parse_model(key, argument, state, &options->model);
    }
}

static const struct argp_option options_table[] = {
    {.name = "output", .key = 'o', .arg = "FILE.fmap", .doc = "The file to write, or to replace"},
    {.name = "threads",
     .key = 't',
     .arg = "N,...",
     .doc = "Pack for plans of so many threads (default: OMP_NUM_THREADS or all processors)"},
    {.name = "batch",
     .key = 'b',
     .arg = "N,...",
     .doc = "Pack for plans of so many pictures (default: the model's, or 1)"},
    {.name = "isa",
     .key = KEY_MAX_ISA,
     .arg = "NAME,...",
     .doc = "Pack for nothing above these instruction sets (default: this machine's best)"},
    {.name = "weights",
     .key = KEY_WEIGHTS,
     .arg = "KIND,...",
     .doc = "Pack for plans that keep weights of dense layers so: f32 (default), bf16"},
    {.name = "check",
     .key = KEY_CHECK,
     .arg = "FILE.fmap",
     .doc = "Instead of packing, read a packed file and check all of its digests"},
    {0},
};

static const struct argp pack_argp = {
    .options = options_table,
    .parser = parse,
    .args_doc = "MODEL",
    .doc =
        "Writes a file that holds the network as it was and, beside it, its weights in the order in which "
        "the kernels read them. It is a MODEL for every command, with the same answers to the bit. The "
        "first answer comes sooner, because weights are mapped and not packed, and processes that use the "
        "file share them in memory.\v"
        "A plan of other threads, pictures, instruction sets, kinds of weights or of another version of fmap "
        "finds those weights that it needs in the same order, and packs the others from the network in the "
        "file.",
    .children = (const struct argp_child[]){{.argp = &port_argp}, {0}},
};

static fmap_status add_plan(struct packing *packing, fmap_plan_options options, fmap_error *error) {
    struct ports ports;
    TRY(ports_settle(&packing->options->ports, packing->model, &packing->sidecar, options.batch, &ports,
                     error));
    options.ports = ports.ports;
    options.n_ports = ports.count;
    TRY(fmap_plan_create(packing->model, &options, &packing->plans[packing->n_plans], error));
    packing->n_plans++;
    return FMAP_OK;
}

/* For every instruction set and kind of weights. */
static fmap_status add_kinds(struct packing *packing, fmap_plan_options plan, fmap_error *error) {
    const struct pack_options *options = packing->options;
    for (size_t i = 0; i < options->n_isas || i == 0; i++) {
        plan.max_isa = i < options->n_isas ? options->isas[i] : FMAP_ISA_BEST;
        for (size_t k = 0; k < options->n_weights || k == 0; k++) {
            plan.weights = k < options->n_weights ? options->weights[k] : FMAP_WEIGHTS_F32;
            TRY(add_plan(packing, plan, error));
        }
    }
    return FMAP_OK;
}

static fmap_status add_plans(struct packing *packing, fmap_error *error) {
    static const struct option_list usual = {.count = 1}; /* of zero: whatever is the default */
    const struct pack_options *options = packing->options;
    const struct option_list *threads = options->threads.count > 0 ? &options->threads : &usual;
    const struct option_list *batches = options->batches.count > 0 ? &options->batches : &usual;
    for (size_t i = 0; i < threads->count; i++) {
        for (size_t k = 0; k < batches->count; k++) {
            const fmap_plan_options plan = {.threads = threads->values[i], .batch = batches->values[k]};
            TRY(add_kinds(packing, plan, error));
        }
    }
    return FMAP_OK;
}

static fmap_status pack(struct packing *packing, fmap_error *error) {
    const struct pack_options *options = packing->options;
    TRY(fmap_model_load(options->model, NULL, &packing->model, error));
    TRY(sidecar_find(options->model, &packing->sidecar, error));
    TRY(add_plans(packing, error));
    TRY(fmap_pack_write((const fmap_plan *const *)packing->plans, packing->n_plans, options->output, error));
    TRY(fmap_pack_check(options->output, error));
    size_t model_bytes;
    (void)fmap_model_source(packing->model, &model_bytes);
    char text[QUANTITY_TEXT_BYTES], all[QUANTITY_TEXT_BYTES];
    uint64_t bytes = 0;
    for (size_t i = 0; i < packing->n_plans; i++) {
        fmap_plan_info info;
        fmap_plan_describe(packing->plans[i], &info);
        bytes += info.weights_bytes;
        printf("%s, %d thread%s%s: %s packed", fmap_isa_name(info.isa), info.threads,
               info.threads == 1 ? "" : "s", info.weights == FMAP_WEIGHTS_BF16 ? ", bf16" : "",
               bytes_text(info.weights_bytes, text));
        if (i > 0) printf(", %s as above", bytes_text(info.shared_bytes, text));
        putchar('\n');
    }
    printf("%s: the network in %s, packed weights in %s\n", options->output, bytes_text(model_bytes, text),
           bytes_text(bytes, all));
    return FMAP_OK;
}

int cmd_pack(int argc, char **argv) {
    struct pack_options options = {0};
    parse_options(&pack_argp, argc, argv, &options);
    fmap_error error;
    if (options.check != NULL) {
        if (fmap_pack_check(options.check, &error) != FMAP_OK) return complain(&error);
        printf("%s: as it was written\n", options.check);
        return TOOL_OK;
    }
    struct packing packing = {.options = &options};
    fmap_status status = pack(&packing, &error);
    for (size_t i = 0; i < packing.n_plans; i++) fmap_plan_destroy(packing.plans[i]);
    sidecar_release(&packing.sidecar);
    fmap_model_destroy(packing.model);
    return status == FMAP_OK ? TOOL_OK : complain(&error);
}
