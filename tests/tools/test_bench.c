/* What `fmap bench` and `fmap roofline` tell of layers. */
#include "tests/tools/command.h"

#define SHORT " --seconds 0 --warmup 0 "

static void check_roofs(const json_t *machine, int threads) {
    cr_expect_eq((int)number_at(machine, "threads"), threads);
    cr_expect_gt(number_at(machine, "gflops"), 0);
    const json_t *read = json_object_get(machine, "read");
    cr_assert_eq(json_array_size(read), 4);
    for (size_t i = 0; i < 4; i++) cr_expect_gt(number_at(json_array_get(read, i), "gbytes_per_second"), 0);
}

/* Shares add up to one; what a layer reached is its part of its roof. */
static void check_profile(const json_t *layers) {
    double shares = 0;
    int n_worked = 0;
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        double seconds = number_at(layer, "seconds");
        shares += number_at(layer, "share");
        if (seconds == 0) continue;
        n_worked++;
        cr_expect_gt(number_at(layer, "bytes"), 0);
        cr_expect_geq(number_at(layer, "threads"), 1);
        cr_expect_gt(number_at(layer, "roof_share"), 0);
        double flops = number_at(layer, "flops");
        cr_expect_float_eq(number_at(layer, "gflops") * seconds, 1e-9 * flops, 1e-15 * flops);
        cr_expect_float_eq(number_at(layer, "intensity") * number_at(layer, "bytes"), flops, 1e-6 * flops);
        if (flops > 0) {
            double roof = number_at(layer, "roof_gflops") * number_at(layer, "roof_share");
            cr_expect_float_eq(roof, number_at(layer, "gflops"), 1e-6 * roof);
        }
    }
    cr_expect_geq(n_worked, 5);
    cr_expect_float_eq(shares, 1, 1e-6);
}

Test(bench, bench_compares_every_layer_with_its_roof, .init = need_command) {
    EXPECT_SAYS(0, "bench " MODEL SHORT "--threads 1 --profile", "of roof");
    cr_expect_not_null(strstr(output, "roofs, measured: "));
    json_t *root = fmap_json("bench " MODEL SHORT "--threads 1,2 --profile --json");
    const json_t *results = json_object_get(root, "results");
    cr_assert_eq(json_array_size(results), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *result = json_array_get(results, i);
        check_roofs(json_object_get(result, "machine"), (int)i + 1);
        check_profile(json_object_get(result, "layers"));
    }
    json_decref(root);
}

/* Events of one thread follow each other. */
static void check_track(const json_t *events, int process, int thread) {
    double before = 0;
    int n = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (strcmp(json_string_value(json_object_get(event, "ph")), "X") != 0) continue;
        if ((int)number_at(event, "pid") != process || (int)number_at(event, "tid") != thread) continue;
        const json_t *arguments = json_object_get(event, "args");
        cr_expect_geq(number_at(event, "ts"), before - 0.001); /* written in thousandths */
        cr_expect_geq(number_at(event, "dur"), 0);
        cr_expect_not_null(json_string_value(json_object_get(arguments, "kernel")));
        cr_expect_geq(number_at(arguments, "flops"), 0);
        cr_expect_geq(number_at(arguments, "bytes"), 0);
        before = number_at(event, "ts") + number_at(event, "dur");
        n++;
    }
    /* Five runs, each of two convolutions, two dense layers and a softmax at least. */
    cr_expect(process == 2 || (n >= 5 * 5 && n % 5 == 0), "%d events of process %d", n, process);
}

Test(bench, bench_writes_a_trace, .init = need_command) {
    char arguments[512];
    snprintf(arguments, sizeof arguments, "bench %s" SHORT "--threads 1,2 --trace '%s'", MODEL,
             scratch("trace.json"));
    EXPECT_SAYS(0, arguments, "images/s");
    char *text = slurp("trace.json");
    json_error_t why;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    cr_assert_not_null(root, "line %d: %s", why.line, why.text);
    const json_t *events = json_object_get(root, "traceEvents");
    check_track(events, 1, 0);
    check_track(events, 2, 0);
    check_track(events, 2, 1);
    json_decref(root);
    free(text);
    EXPECT_SAYS(6, "bench " MODEL SHORT "--json --trace /nowhere/trace.json",
                "cannot write '/nowhere/trace.json'");
}

Test(bench, roofline_draws_every_layer, .init = need_command) {
    char arguments[512];
    snprintf(arguments, sizeof arguments, "roofline %s --seconds 0 --threads 1 --json -o '%s'", MODEL,
             scratch("roofline.svg"));
    json_t *root = fmap_json(arguments);
    check_roofs(json_object_get(root, "machine"), 1);
    check_profile(json_object_get(root, "layers"));
    json_decref(root);
    char *text = slurp("roofline.svg");
    cr_expect_eq(strncmp(text, "<svg xmlns=", 11), 0);
    const char *const words[] = {">digits.onnx<", ">conv2d_1<", "<title>dense_1: ", ">L1 ",
                                 ">memory ",      ">peak ",     ">GFLOP/s<",        "</svg>\n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        cr_expect_not_null(strstr(text, words[i]), "the picture lacks %s", words[i]);
    }
    free(text);
    EXPECT_SAYS(6, "roofline " MODEL " --seconds 0 -o /nowhere/roofline.svg",
                "cannot write '/nowhere/roofline.svg'");
    EXPECT_SAYS(6, "roofline /nowhere/model.onnx", "/nowhere/model.onnx");
}
