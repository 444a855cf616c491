/* fmap isa: what the machine offers, and what would be used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "output.h"
#include "table.h"
#include "tool.h"

struct isa_options {
    fmap_isa asked; /* BEST: tell about all */
    bool json;
};

static const struct {
    fmap_isa isa;
    const char *what;
} isas[] = {
    {FMAP_ISA_SCALAR, "plain C, on every machine"},
    {FMAP_ISA_NEON, "64-bit Arm"},
    {FMAP_ISA_AVX2, "x86-64 with AVX2 and FMA, 8 numbers at once"},
    {FMAP_ISA_AVX512, "x86-64 with AVX-512 F, BW, DQ and VL, 16 numbers at once"},
};

enum { N_ISAS = sizeof isas / sizeof *isas };

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct isa_options *options = state->input;
    switch (key) {
    case 'j': options->json = true; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) argp_error(state, "one NAME at most");
        if (!fmap_isa_parse(argument, &options->asked) || options->asked == FMAP_ISA_BEST) {
            argp_error(state, "NAME is scalar, neon, avx2 or avx512, not '%s'", argument);
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp isa_argp = {
    .options = (const struct argp_option[]){{.name = "json", .key = 'j', .doc = "Print JSON"}, {0}},
    .parser = parse,
    .args_doc = "[NAME]",
    .doc =
        "Tells which instruction sets this library was built with and this machine supports, and which one "
        "would be used. With NAME (scalar, neon, avx2, avx512): says nothing and exits with 0 when it is "
        "available, with 1 when it is not.\v"
        "FMAP_MAX_ISA in the environment, and --isa of the other commands, forbid what is better than they "
        "say.",
};

static bool is_available(fmap_isa isa) { return fmap_isa_select(isa) == isa; }

/* What the environment allows; every plan refuses an environment that names no instruction set. */
static fmap_status environment_cap(fmap_isa *cap, fmap_error *error) {
    const char *name = getenv("FMAP_MAX_ISA");
    *cap = FMAP_ISA_BEST;
    if (name == NULL || name[0] == '\0' || fmap_isa_parse(name, cap)) return FMAP_OK;
    return fail(error, FMAP_ERROR_ARGUMENT,
                "FMAP_MAX_ISA in the environment is best, scalar, neon, avx2 or avx512, not '%s'", name);
}

/* "model name : ..." of the first processor, or "" where the system does not tell. */
static void processor_name(char *name, size_t size) {
    char line[256];
    name[0] = '\0';
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL && colon[1] != '\0') {
            snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    fclose(file);
}

static fmap_status print_text(const char *processor, fmap_isa chosen, fmap_error *error) {
    const char *cap = getenv("FMAP_MAX_ISA");
    if (processor[0] != '\0') printf("processor: %s\n", processor);
    struct table table;
    table_begin(&table, "<<<");
    for (size_t i = 0; i < N_ISAS; i++) {
        bool available = is_available(isas[i].isa);
        table_add(&table, fmap_isa_name(isas[i].isa));
        table_add(&table, isas[i].isa == chosen ? "used" : available ? "available" : "not here");
        table_add(&table, isas[i].what);
    }
    TRY(table_print(&table, stdout, error));
    printf("FMAP_MAX_ISA: %s\n", cap == NULL ? "not set" : cap);
    return FMAP_OK;
}

static fmap_status print_json(const char *processor, fmap_isa chosen, fmap_error *error) {
    json_t *available = json_array();
    for (size_t i = 0; i < N_ISAS; i++) {
        if (is_available(isas[i].isa))
            json_array_append_new(available, json_string(fmap_isa_name(isas[i].isa)));
    }
    json_t *root = json_pack("{s:s, s:o, s:s, s:s?}", "processor", processor, "available", available, "used",
                             fmap_isa_name(chosen), "FMAP_MAX_ISA", getenv("FMAP_MAX_ISA"));
    return output_json(root, error);
}

int cmd_isa(int argc, char **argv) {
    struct isa_options options = {0};
    parse_options(&isa_argp, argc, argv, &options);
    if (options.asked != FMAP_ISA_BEST) return is_available(options.asked) ? TOOL_OK : TOOL_NO;
    char processor[200];
    processor_name(processor, sizeof processor);
    fmap_isa cap = FMAP_ISA_BEST;
    fmap_error error;
    fmap_status status = environment_cap(&cap, &error);
    if (status == FMAP_OK) {
        fmap_isa chosen = fmap_isa_select(cap);
        status = options.json ? print_json(processor, chosen, &error) : print_text(processor, chosen, &error);
    }
    return status == FMAP_OK ? TOOL_OK : complain(&error);
}
