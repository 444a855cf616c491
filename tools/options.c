/* Command lines: what all commands share. */
#include "tool.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_USAGE = 0x100, KEY_TUNE, KEY_STRIPS, KEY_ISA, KEY_WEIGHTS };

static error_t parse_help(int key, char *argument, struct argp_state *state) {
    (void)argument;
    switch (key) {
    case 'h': argp_state_help(state, stdout, ARGP_HELP_STD_HELP); return 0;
    case KEY_USAGE: argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK); return 0;
    case ARGP_KEY_INIT: state->child_inputs[0] = state->input; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

void parse_options(const struct argp *argp, int argc, char **argv, void *input) {
    static const struct argp_option help_options[] = {
        {.name = "help", .key = 'h', .doc = "Print this help", .group = -1},
        {.name = "usage", .key = KEY_USAGE, .doc = "Print a short usage line", .group = -1},
        {0},
    };
    const struct argp_child children[] = {{.argp = argp}, {0}};
    const struct argp whole = {.options = help_options, .parser = parse_help, .children = children};

    char name[32];
    char *command = argv[0];
    snprintf(name, sizeof name, "fmap %s", command);
    argv[0] = name;
    argp_err_exit_status = TOOL_USAGE;
    error_t status = argp_parse(&whole, argc, argv, ARGP_NO_HELP, NULL, input);
    if (status != 0) {
        fprintf(stderr, "%s: cannot read the command line: %s\n", name, strerror(status));
        exit(TOOL_USAGE);
    }
    argv[0] = command;
}

long option_integer(struct argp_state *state, const char *option, const char *text, long low, long high) {
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < low || number > high) {
        argp_error(state, "--%s takes a whole number from %ld to %ld, not '%s'", option, low, high, text);
    }
    return number;
}

double option_number(struct argp_state *state, const char *option, const char *text, double low,
                     double high) {
    char *end = NULL;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < low || number > high) {
        argp_error(state, "--%s takes a number from %g to %g, not '%s'", option, low, high, text);
    }
    return number;
}

void option_list(struct argp_state *state, const char *option, const char *text, long high,
                 struct option_list *list) {
    char *copy = strdup(text);
    char *rest = NULL;
    list->count = 0;
    if (copy == NULL) argp_failure(state, TOOL_LIMIT, 0, "out of memory");
    for (char *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (list->count == OPTION_LIST_MOST)
            argp_error(state, "--%s takes at most %d numbers", option, OPTION_LIST_MOST);
        list->values[list->count++] = (int)option_integer(state, option, word, 1, high);
    }
    if (list->count == 0) argp_error(state, "--%s needs a number", option);
    free(copy);
}

int option_word(struct argp_state *state, const char *option, const char *text, const char *const *words) {
    char list[256] = "";
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
        size_t used = strlen(list);
        const char *separator = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        snprintf(list + used, sizeof list - used, "%s%s", separator, words[i]);
    }
    argp_error(state, "--%s takes %s, not '%s'", option, list, text);
    return -1;
}

fmap_isa option_isa(struct argp_state *state, const char *text) {
    static const char *const isas[] = {"best", "scalar", "neon", "avx2", "avx512", NULL};
    fmap_isa isa = FMAP_ISA_BEST;
    (void)fmap_isa_parse(isas[option_word(state, "isa", text, isas)], &isa);
    return isa;
}

fmap_weights option_weights(struct argp_state *state, const char *text) {
    static const char *const names[] = {"f32", "bf16", NULL};
    return option_word(state, "weights", text, names) == 1 ? FMAP_WEIGHTS_BF16 : FMAP_WEIGHTS_F32;
}

void option_tune(void) { setenv("FMAP_TUNING", "measure", 1); }

void option_strips(struct argp_state *state, const char *text) {
    static const char *const words[] = {"auto", "never", "always", NULL};
    setenv("FMAP_STRIPS", words[option_word(state, "strips", text, words)], 1);
}

error_t parse_model(int key, char *argument, struct argp_state *state, const char **model) {
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) argp_error(state, "one MODEL at a time");
        *model = argument;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which MODEL?"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_engine(int key, char *argument, struct argp_state *state) {
    struct engine_options *options = state->input;
    switch (key) {
    case 't': options->threads = (int)option_integer(state, "threads", argument, 1, 4096); return 0;
    case KEY_ISA: options->max_isa = option_isa(state, argument); return 0;
    case KEY_WEIGHTS: options->weights = option_weights(state, argument); return 0;
    case KEY_TUNE: option_tune(); return 0;
    case KEY_STRIPS: option_strips(state, argument); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option engine_options[] = {
    {.name = "threads",
     .key = 't',
     .arg = "N",
     .doc = "Threads (default: OMP_NUM_THREADS or all processors)"},
    {.name = "isa",
     .key = KEY_ISA,
     .arg = "NAME",
     .doc = "Use nothing above this instruction set: scalar, neon, avx2 or avx512"},
    {.name = "weights", .key = KEY_WEIGHTS, .arg = "KIND", .doc = WEIGHTS_DOC},
    {.name = "tune", .key = KEY_TUNE, .doc = TUNE_DOC},
    {.name = "strips", .key = KEY_STRIPS, .arg = "WHEN", .doc = STRIPS_DOC},
    {0},
};

const struct argp engine_argp = {.options = engine_options, .parser = parse_engine};
