/* oneDNN's runner of the network benchmarks. What it loads is a recipe (onednn_recipe.py) and the weights beside it. */
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onednn_network.h"

enum { LEAST_RUNS = 3, MOST_RUNS = 50, VARIANT_BYTES = 4096 };
static const double ENOUGH_SECONDS = 0.1;

/* The network that was loaded last. */
struct session {
    struct network network;
    json_t *recipe;
    char *input;
    char *output;
    double seconds; /* that building took */
    char variant
        [VARIANT_BYTES]; /* "any" or "blocked", and which convolutions are Winograd's: "any winograd:3/4,5/2" */
    struct ports ports;
};

static void unload(struct session *session) {
    network_close(&session->network);
    json_decref(session->recipe);
    free(session->input);
    free(session->output);
    *session = (struct session){0};
}

/* Maps the file with the weights, which lies beside the recipe. */
static bool map_weights(struct network *net, const json_t *recipe, const char *path) {
    const char *name = json_string_value(json_object_get(recipe, "weights"));
    char beside[REASON_BYTES], copy[REASON_BYTES];
    struct stat status;
    snprintf(copy, sizeof copy, "%s", path);
    snprintf(beside, sizeof beside, "%s/%s", dirname(copy), name != NULL ? name : "");
    int file = open(beside, O_RDONLY);
    if (file >= 0 && fstat(file, &status) == 0 && status.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (bytes != MAP_FAILED) {
            net->weights = bytes;
            net->weights_bytes = (size_t)status.st_size;
        }
    }
    if (file >= 0) close(file);
    if (net->weights == NULL) snprintf(net->reason, sizeof net->reason, "the weights' file cannot be read");
    return net->weights != NULL;
}

/* A port of this shape in memory of its own. */
static char *make_port(struct network *net, const char *name, const dnnl_memory_desc_t *desc) {
    size_t bytes = dnnl_memory_desc_get_size(desc);
    char *memory = network_memory(bytes);
    int buffer = memory != NULL ? network_buffer(net, bytes, memory, false) : -1;
    if (buffer >= 0 && network_add(net, name, desc, buffer)) return memory;
    free(memory);
    return NULL;
}

static bool make_input(struct session *session) {
    struct network *net = &session->network;
    const json_t *input = json_object_get(session->recipe, "input");
    const char *name = json_string_value(json_object_get(input, "name"));
    dnnl_dims_t dims;
    dnnl_memory_desc_t desc;
    int n_dims = step_shape(net, input, dims);
    if (name == NULL || n_dims == 0 || !network_plain(net, &desc, n_dims, dims)) return false;
    session->input = make_port(net, name, &desc);
    if (session->input != NULL) memset(session->input, 0, dnnl_memory_desc_get_size(&desc));
    session->ports.input = (float *)(void *)session->input;
    session->ports.n_inputs = dnnl_memory_desc_get_size(&desc) / sizeof(float);
    return session->input != NULL;
}

/* The outputs row by row, one behind the other: reordered there, or made there by their stage where it can. */
static bool make_outputs(struct session *session) {
    struct network *net = &session->network;
    const json_t *outputs = json_object_get(session->recipe, "outputs");
    size_t bytes = 0, n = json_array_size(outputs);
    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;
        for (size_t i = 0; i < n; i++) {
            const char *name = json_string_value(json_array_get(outputs, i));
            const struct tensor *tensor = name != NULL ? network_find(net, name) : NULL;
            dnnl_memory_desc_t rows;
            if (tensor == NULL || !network_plain(net, &rows, tensor->desc.ndims, tensor->desc.dims))
                return false;
            size_t size = dnnl_memory_desc_get_size(&rows);
            if (pass == 1 && !network_deliver(net, tensor, &rows, session->output + at)) return false;
            at += size;
        }
        bytes = at;
        if (pass == 0) session->output = network_memory(bytes);
        if (session->output == NULL) return false;
    }
    session->ports.output = (float *)(void *)session->output;
    session->ports.n_outputs = bytes / sizeof(float);
    return true;
}

static bool build(struct session *session, const struct request *request, const char *variant, bool blocked,
                  int winograd) {
    struct network *net = &session->network;
    const json_t *steps = json_object_get(session->recipe, "steps");
    double start = now();
    if (!network_open(net, request->threads, request->batch, blocked)) return false;
    net->variant = variant;
    net->winograd = winograd;
    bool built = map_weights(net, session->recipe, request->path) && make_input(session);
    for (size_t i = 0; built && i < json_array_size(steps); i++)
        built = network_step(net, json_array_get(steps, i));
    built = built && make_outputs(session) && network_place(net);
    if (net->weights != NULL) munmap((void *)(uintptr_t)net->weights, net->weights_bytes);
    net->weights = NULL;
    session->seconds = now() - start;
    return built;
}

/* ---- which variant is the fastest ------------------------------------------------------------------------------ */

/* Whether another run is worth while, after so many since then. */
static bool again(int runs, double start) {
    return runs < LEAST_RUNS || (runs < MOST_RUNS && now() - start < ENOUGH_SECONDS);
}

/* The best of a few runs, or infinity. */
static double try_out(struct session *session) {
    double best = HUGE_VAL, start = now();
    for (int i = 0; again(i, start); i++) {
        double begin = now();
        if (!network_run(&session->network)) return HUGE_VAL;
        if (i > 0) best = fmin(best, now() - begin);
    }
    return best;
}

/* What each convolution takes in a network in which all that can are computed like this; infinity for those that cannot. */
static bool profile(json_t *recipe, const struct request *request, bool blocked, int winograd,
                    double seconds[MOST_CONVOLUTIONS], char reason[REASON_BYTES]) {
    struct session session = {.recipe = json_incref(recipe)};
    struct network *net = &session.network;
    double start = now();
    bool done = build(&session, request, NULL, blocked, winograd), any = winograd == 0;
    for (int i = 0; i < MOST_CONVOLUTIONS; i++) {
        seconds[i] = HUGE_VAL;
        any = any || net->by_winograd[i];
    }
    for (int i = 0; done && any && again(i, start); i++)
        done = i == 0 ? network_run(net) : network_profile(net, seconds);
    for (int i = 0; i < MOST_CONVOLUTIONS; i++) {
        if (winograd != 0 && !net->by_winograd[i]) seconds[i] = HUGE_VAL;
    }
    snprintf(reason, REASON_BYTES, "%s", net->reason);
    unload(&session);
    return done;
}

/* The algorithm that was the fastest for each convolution inside the network, in these layouts. oneDNN's own choice
 * (convolution_auto) knows nothing of the machine's caches, and a layer alone finds other caches than in the network. */
static bool make_variant(json_t *recipe, const struct request *request, bool blocked,
                         char variant[VARIANT_BYTES], char reason[REASON_BYTES]) {
    static const int sizes[] = {0, 2, 4};
    double seconds[3][MOST_CONVOLUTIONS];
    size_t length = (size_t)snprintf(variant, VARIANT_BYTES, "%s", blocked ? "blocked" : "any");
    const char *before = " winograd:";
    for (int i = 0; i < 3; i++) {
        if (!profile(recipe, request, blocked, sizes[i], seconds[i], reason)) return false;
    }
    for (int c = 0; c < MOST_CONVOLUTIONS && length < VARIANT_BYTES - 16; c++) {
        int best = seconds[1][c] < seconds[0][c];
        if (seconds[2][c] < seconds[best][c]) best = 2;
        if (best == 0) continue;
        length += (size_t)snprintf(variant + length, VARIANT_BYTES - length, "%s%d/%d", before, c,
                                   sizes[best]);
        before = ",";
    }
    return true;
}

/* As an earlier load found it to be the fastest, or in all layouts that there are, to find out. */
static bool build_fastest(struct session *session, const struct request *request) {
    const char *known = json_string_value(json_array_get(request->variants, 0));
    double best = HUGE_VAL;
    if (known != NULL) {
        snprintf(session->variant, VARIANT_BYTES, "%s", known);
        return build(session, request, session->variant, strncmp(known, "blocked", 7) == 0, 0);
    }
    for (int blocked = 0; blocked < 2; blocked++) {
        struct session other = {.recipe = json_incref(session->recipe)};
        bool built = make_variant(session->recipe, request, blocked, other.variant, other.network.reason) &&
                     build(&other, request, other.variant, blocked, 0);
        double seconds = built ? try_out(&other) : HUGE_VAL;
        bool better = seconds < best || (best == HUGE_VAL && blocked == 0); /* A failure keeps its reason. */
        struct session worse = better ? *session : other;
        if (better) *session = other;
        session->network.variant = session->variant; /* It has moved. */
        unload(&worse);
        best = fmin(best, seconds);
    }
    return best < HUGE_VAL;
}

static json_t *load(void *state, const struct request *request, struct ports *ports) {
    struct session *session = state;
    json_error_t error;
    double start = now();
    unload(session);
    if (request->threads < 1 || request->batch < 1)
        return failure("%s: threads and batch begin at 1", request->path);
    session->recipe = json_load_file(request->path, 0, &error);
    if (session->recipe == NULL) return failure("%s: %s", request->path, error.text);
    double read_seconds = now() - start;
    if (!build_fastest(session, request)) {
        const char *reason = session->network.reason;
        json_t *answer = failure("%s: %s", request->path, reason[0] != '\0' ? reason : "no such recipe");
        unload(session);
        return answer;
    }
    const dnnl_version_t *version = dnnl_version();
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    *ports = session->ports;
    return json_pack("{s:b, s:f, s:s, s:s, s:I}", "ok", 1, "load_seconds", read_seconds + session->seconds,
                     "version", text, "variant", session->variant, "input_elements",
                     (json_int_t)ports->n_inputs);
}

static bool run(void *state, char reason[REASON_BYTES]) {
    struct session *session = state;
    if (network_run(&session->network)) return true;
    snprintf(reason, REASON_BYTES, "%s", session->network.reason);
    return false;
}

int main(void) {
    struct session session = {0};
    serve(&(struct engine){&session, load, run});
    unload(&session);
    return 0;
}
