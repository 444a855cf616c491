/* The command from the outside: what it prints, how it ends. */
#include "tests/tools/command.h"

/* ---- usage ----------------------------------------------------------------------------------- */

Test(cli, helps, .init = need_command) {
    EXPECT_SAYS(0, "--help", "fmap COMMAND --help");
    EXPECT_SAYS(0, "--version", "fmap 0.");
    const char *const commands[] = {"run", "maps", "info", "bench", "roofline", "pack", "isa"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "%s --help", commands[i]);
        EXPECT_SAYS(0, arguments, "Usage: fmap ");
        snprintf(arguments, sizeof arguments, "help %s", commands[i]);
        EXPECT_SAYS(0, arguments, commands[i]);
        snprintf(arguments, sizeof arguments, "%s --no-such-option", commands[i]);
        EXPECT_SAYS(2, arguments, "--help'");
    }
}

Test(cli, wrong_usage_is_2_with_a_hint, .init = need_command) {
    EXPECT_SAYS(2, "", "Usage: fmap COMMAND");
    EXPECT_SAYS(2, "dance", "no command 'dance'");
    EXPECT_SAYS(2, "--dance", "no option '--dance'");
    EXPECT_SAYS(2, "run", "which MODEL?");
    EXPECT_SAYS(2, "run " MODEL, "which PICTURE?");
    EXPECT_SAYS(2, "run --threads 0 a b", "--threads takes");
    EXPECT_SAYS(2, "run --isa sse a b", "scalar, neon, avx2 or avx512, not 'sse'");
    EXPECT_SAYS(2, "run --weights f16 a b", "f32 or bf16, not 'f16'");
    EXPECT_SAYS(2, "bench --weights f16 a", "f32 or bf16, not 'f16'");
    EXPECT_SAYS(2, "run --size 28 a b", "WIDTHxHEIGHT");
    EXPECT_SAYS(2, "run --size 28x28x1 a b", "WIDTHxHEIGHT");
    EXPECT_SAYS(2, "run --std 1,0,1 a b", "cannot be 0");
    EXPECT_SAYS(2, "run --mean 1,2,3,4 a b", "at most 3");
    EXPECT_SAYS(2, "run --scale 1/0 a b", "--scale");
    EXPECT_SAYS(2, "run --at-least 90 a b", "needs --expect");
    EXPECT_SAYS(2, "run --resize big a b", "fit, stretch or none, not 'big'");
    EXPECT_SAYS(2, "info", "which MODEL?");
    EXPECT_SAYS(2, "info a b", "one MODEL");
    EXPECT_SAYS(2, "info --input-shape 1x0x3 a", "--input-shape takes");
    EXPECT_SAYS(2, "bench --threads 1,x a", "'x'");
    EXPECT_SAYS(2, "bench", "which MODEL?");
    EXPECT_SAYS(2, "bench a b", "one MODEL");
    EXPECT_SAYS(2, "bench --isa sse a", "scalar, neon, avx2 or avx512, not 'sse'");
    EXPECT_SAYS(2, "roofline", "which MODEL?");
    EXPECT_SAYS(2, "roofline --seconds long a", "--seconds");
    EXPECT_SAYS(2, "isa sse", "not 'sse'");
    EXPECT_SAYS(2, "pack", "which MODEL?");
    EXPECT_SAYS(2, "pack a", "--output FILE is missing");
    EXPECT_SAYS(2, "pack a b -o c", "one MODEL");
    EXPECT_SAYS(2, "pack a --check b", "no MODEL");
    EXPECT_SAYS(2, "pack a -o b --isa sse", "not 'sse'");
    EXPECT_SAYS(2, "pack a -o b --weights bf16,f16", "not 'f16'");
    EXPECT_SAYS(2, "pack a -o b --weights f32,bf16,f32", "at most 2");
    EXPECT_SAYS(2, "pack a -o b --weights ,", "needs a name");
    EXPECT_SAYS(2, "pack a -o b --threads 0", "--threads takes");
    EXPECT_SAYS(2, "info " MODEL " --input-shape nothing=1x1x28x28", "no input 'nothing'");
    EXPECT_SAYS(2, "run " MODEL " --rgb " SAMPLES "7.png", "channels 1");
}

/* ---- pack ------------------------------------------------------------------------------------ */

Test(cli, a_packed_file_is_a_model_for_every_command, .init = need_command) {
    char arguments[1024], packed[128];
    snprintf(packed, sizeof packed, "%s", scratch("digits.fmap"));
    snprintf(arguments, sizeof arguments, "pack %s -o %s --threads 1,2 --batch 1,4 --isa scalar,best", MODEL,
             packed);
    EXPECT_SAYS(0, arguments, "digits.fmap: ");
    cr_expect_eq(lines(output), 9, "%s", output);
    snprintf(arguments, sizeof arguments, "pack --check %s", packed);
    EXPECT_SAYS(0, arguments, "as it was written");
    snprintf(arguments, sizeof arguments, "run %s %s7.png --top 1 --resize fit", packed, SAMPLES);
    EXPECT_SAYS(0, arguments, "%  7\n");
    snprintf(arguments, sizeof arguments, "bench %s --seconds 0.01 --warmup 0", packed);
    EXPECT_EXIT(0, arguments);
    snprintf(arguments, sizeof arguments, "maps %s %s7.png -o %s", packed, SAMPLES, scratch("maps"));
    EXPECT_EXIT(0, arguments);
    snprintf(arguments, sizeof arguments, "info %s --threads 2 --json", packed);
    json_t *root = fmap_json(arguments);
    cr_expect_gt(number_at(root, "shared_bytes"), 4 * number_at(root, "weights_bytes"));
    json_decref(root);
    EXPECT_SAYS(3, "pack --check " MODEL, "not a packed file");
    EXPECT_SAYS(6, "pack " MODEL " -o /no/such/folder/x", "No such file");
}

/* Nearly all of this network's weights are those of a dense layer. */
Test(cli, weights_of_dense_layers_may_be_bfloat16, .init = need_command) {
    char arguments[1024], packed[128];
    json_t *floats = fmap_json("info " MODEL " --threads 1 --json");
    json_t *halves = fmap_json("info " MODEL " --threads 1 --weights bf16 --json");
    cr_expect_lt(number_at(halves, "weights_bytes"), 0.6 * number_at(floats, "weights_bytes"));
    cr_expect_str_eq(json_string_value(json_object_get(floats, "dense_weights")), "f32");
    cr_expect_str_eq(json_string_value(json_object_get(halves, "dense_weights")), "bf16");
    EXPECT_SAYS(0, "info " MODEL " --weights bf16", "those of dense layers as bfloat16");
    EXPECT_SAYS(0, "run " MODEL " " SAMPLES "7.png --top 1 --resize fit --weights bf16", "%  7\n");
    EXPECT_SAYS(0, "bench " MODEL " --seconds 0.01 --warmup 0 --layers --weights bf16", "gemv_bf16");
    snprintf(arguments, sizeof arguments, "maps %s %s7.png --weights bf16 -o %s", MODEL, SAMPLES,
             scratch("maps"));
    EXPECT_EXIT(0, arguments);
    snprintf(packed, sizeof packed, "%s", scratch("digits-bf16.fmap"));
    snprintf(arguments, sizeof arguments, "pack %s -o %s --threads 1 --weights f32,bf16", MODEL, packed);
    EXPECT_SAYS(0, arguments, ", 1 thread, bf16: ");
    for (int i = 0; i < 2; i++) { /* both find all that they need in it */
        json_t *plain = i ? halves : floats;
        snprintf(arguments, sizeof arguments, "info %s --threads 1 --json --weights %s", packed,
                 i ? "bf16" : "f32");
        json_t *mapped = fmap_json(arguments);
        cr_expect_lt(number_at(mapped, "weights_bytes"), 0.1 * number_at(plain, "weights_bytes"));
        cr_expect_eq(number_at(mapped, "weights_bytes") + number_at(mapped, "shared_bytes"),
                     number_at(plain, "weights_bytes"));
        json_decref(mapped);
    }
    json_decref(floats);
    json_decref(halves);
}

/* ---- run ------------------------------------------------------------------------------------- */

Test(cli, recognises_every_sample, .init = need_command) {
    for (int digit = 0; digit < 10; digit++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "run %s %s%d.png --top 2 --json", MODEL, SAMPLES, digit);
        json_t *root = fmap_json(arguments);
        const json_t *picture = json_array_get(json_object_get(root, "pictures"), 0);
        const json_t *answers = json_object_get(picture, "answers");
        cr_assert_eq(json_array_size(answers), 2);
        const json_t *best = json_array_get(answers, 0);
        cr_expect_eq((int)number_at(best, "class"), digit);
        cr_expect_eq(json_string_value(json_object_get(best, "label"))[0], '0' + digit);
        cr_expect_gt(number_at(best, "probability"), 0.9);
        json_decref(root);
    }
}

Test(cli, recognises_photos_of_digits, .init = need_command) {
    EXPECT_EXIT(0,
                "run " MODEL " --top 1 " SAMPLES "paper-4.png " SAMPLES "paper-7.jpg " SAMPLES "board-2.png");
    cr_expect_eq(lines(output), 6);
    const char *four = strstr(output, "%  4\n");
    const char *seven = strstr(output, "%  7\n");
    const char *two = strstr(output, "%  2\n");
    cr_expect(four != NULL && seven > four && two > seven, "%s", output);
}

Test(cli, prints_the_likeliest_first, .init = need_command) {
    EXPECT_EXIT(0, "run " MODEL " " SAMPLES "7.png");
    cr_expect_eq(lines(output), 6);
    cr_expect_not_null(strstr(output, "7.png\n"));
    cr_expect_not_null(strstr(output, "%  7\n"));
}

Test(cli, accuracy_on_held_back_digits, .init = need_command) {
    EXPECT_SAYS(0, "run " MODEL " " HELD_BACK " --expect " HELD_BACK_LABELS " --at-least 98.5%",
                "accuracy 9");
    cr_expect_eq(lines(output), 1, "%s", output);
    EXPECT_SAYS(1, "run " MODEL " " HELD_BACK " --expect " HELD_BACK_LABELS " --at-least 99.9 --batch 7",
                "of 2000)");
    cr_expect_str_eq(complaint, "");
}

Test(cli, accuracy_in_json, .init = need_command) {
    json_t *root = fmap_json("run " MODEL " " HELD_BACK " --expect " HELD_BACK_LABELS " --json --top 1");
    cr_expect_eq((int)number_at(root, "count"), 2000);
    cr_expect_eq(json_array_size(json_object_get(root, "pictures")), 2000);
    cr_expect_float_eq(number_at(root, "accuracy"), number_at(root, "right") / 20, 1e-9);
    cr_expect_geq(number_at(root, "accuracy"), 98.5);
    json_decref(root);
}

Test(cli, many_pictures_get_a_line_each, .init = need_command) {
    EXPECT_SAYS(0, "run " MODEL " " HELD_BACK, "ubyte.gz[1999]  ");
    cr_expect_eq(lines(output), 2000);
    EXPECT_EXIT(0, "run " MODEL " " HELD_BACK " --verbose --expect " HELD_BACK_LABELS);
    cr_expect_eq(lines(output), 2002);
    cr_expect_not_null(strstr(output, "(wrong: expected "));
}

Test(cli, expected_answers_in_words, .init = need_command) {
    char arguments[1024];
    snprintf(arguments, sizeof arguments, "run %s %s3.png %s5.png --top 1 --expect %s", MODEL, SAMPLES,
             SAMPLES, scratch_text("e.txt", "3\n6\n"));
    EXPECT_SAYS(0, arguments, "accuracy 50.00% (1 of 2)");
    cr_expect_not_null(strstr(output, "5.png  (wrong: expected 6)\n"));
    scratch_text("e.txt", "3\n");
    cr_expect_eq(fmap(arguments), 3);
    cr_expect_not_null(strstr(complaint, "holds only 1 labels"));
    scratch_text("e.txt", "3\n5\n7\n");
    cr_expect_eq(fmap(arguments), 3);
    cr_expect_not_null(strstr(complaint, "holds 3 labels, but there are 2 pictures"));
    scratch_text("e.txt", "3\nfive\n");
    EXPECT_SAYS(3, arguments, "line 2: 'five'");
}

Test(cli, labels_of_your_own, .init = need_command) {
    char arguments[512];
    const char *labels = scratch_text("l.txt", "nil\nun\ndeux\ntrois\n");
    snprintf(arguments, sizeof arguments, "run %s %s3.png --top 1 --labels %s", MODEL, SAMPLES, labels);
    EXPECT_SAYS(0, arguments, "%  trois\n");
    snprintf(arguments, sizeof arguments, "run %s %s8.png --top 1 --labels %s", MODEL, SAMPLES, labels);
    EXPECT_SAYS(0, arguments, "%  8\n");
}

/* Bit for bit: nine digits of every score. */
Test(cli, answers_depend_on_neither_threads_nor_batch, .init = need_command) {
    const char *const variants[] = {"--threads 1", "--threads 3", "--batch 1", "--batch 6"};
    char *first = NULL;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "run %s %s*.png --top 10 --json %s", MODEL, SAMPLES,
                 variants[i]);
        json_t *root = fmap_json(arguments);
        char *pictures = json_dumps(json_object_get(root, "pictures"), JSON_REAL_PRECISION(9));
        if (first == NULL) {
            first = pictures;
        } else {
            cr_expect_str_eq(pictures, first, "%s changes something", variants[i]);
            free(pictures);
        }
        json_decref(root);
    }
    free(first);
}

Test(cli, every_instruction_set_gives_the_same_answer, .init = need_command) {
    const char *const isas[] = {"scalar", "neon", "avx2", "avx512"};
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "isa %s", isas[i]);
        if (fmap(arguments) != 0) continue;
        snprintf(arguments, sizeof arguments, "run %s %s2.png --top 1 --json --isa %s", MODEL, SAMPLES,
                 isas[i]);
        json_t *root = fmap_json(arguments);
        cr_expect_str_eq(json_string_value(json_object_get(root, "isa")), isas[i]);
        cr_expect_not_null(strstr(output, "\"label\": \"2\""));
        json_decref(root);
    }
}

Test(cli, a_picture_from_standard_input, .init = need_command) {
    EXPECT_SAYS(0, "run " MODEL " - --top 1 <" SAMPLES "4.png", "%  4\n");
}

/* ---- what can go wrong ----------------------------------------------------------------------- */

Test(cli, bad_files_are_3, .init = need_command) {
    char arguments[512];
    snprintf(arguments, sizeof arguments, "run %s %s", MODEL, scratch_text("bad.png", "\x89PNG nonsense"));
    EXPECT_SAYS(3, arguments, "bad.png");
    snprintf(arguments, sizeof arguments, "info %s", scratch_text("bad.onnx", "nonsense"));
    EXPECT_SAYS(3, arguments, "bad.onnx");
    snprintf(arguments, sizeof arguments, "cp %s %s", MODEL, scratch("copy.onnx"));
    cr_assert_eq(system(arguments), 0);
    scratch_text("copy.json", "{\"image\": {\"width\": 29}}");
    snprintf(arguments, sizeof arguments, "run %s %s7.png", scratch("copy.onnx"), SAMPLES);
    EXPECT_SAYS(3, arguments, "sidecar says");
    scratch_text("copy.json", "{");
    EXPECT_SAYS(3, arguments, "copy.json");
    EXPECT_EXIT(3, "run " MODEL " " HELD_BACK " --expect " MODEL);
}

Test(cli, unsupported_is_4, .init = need_command) {
    char arguments[512];
    snprintf(arguments, sizeof arguments, "run %s %s", MODEL, scratch_text("a.pam", "P7\nWIDTH 1\n"));
    EXPECT_SAYS(4, arguments, "PAM");
    const uint8_t floats[] = {0, 0, 0x0d, 1, 0, 0, 0, 0};
    snprintf(arguments, sizeof arguments, "run %s %s", MODEL, scratch_bytes("a.idx", floats, sizeof floats));
    EXPECT_SAYS(4, arguments, "0x0d");
}

Test(cli, limits_are_5, .init = need_command) {
    char arguments[512];
    snprintf(arguments, sizeof arguments, "run %s %s", MODEL, scratch_text("a.pgm", "P5 99999 99999 255\n"));
    EXPECT_SAYS(5, arguments, "99999x99999");
}

Test(cli, input_and_output_are_6, .init = need_command) {
    EXPECT_SAYS(6, "run " MODEL " /no/such/picture.png", "No such file");
    EXPECT_EXIT(6, "info /no/such/model.onnx");
    EXPECT_EXIT(6, "run " MODEL " " SAMPLES "7.png --labels /no/such/labels.txt");
    cr_expect_eq(WEXITSTATUS(system("\"$FMAP_COMMAND\" isa --json >/dev/full 2>/dev/null")), 6);
}

Test(cli, a_closed_pipe_ends_quietly, .init = need_command) {
    char line[1024];
    snprintf(line, sizeof line, "\"$FMAP_COMMAND\" run %s %s 2>'%s' | head -n 1 >/dev/null", MODEL, HELD_BACK,
             scratch("err"));
    cr_expect_eq(system(line), 0);
    cr_expect_str_eq(slurp("err"), "");
}

Test(cli, wrong_environment_is_2, .init = need_command) {
    setenv("FMAP_MAX_ISA", "sse", 1);
    EXPECT_SAYS(2, "isa", "not 'sse'");
    EXPECT_SAYS(2, "run " MODEL " " SAMPLES "7.png", "FMAP_MAX_ISA");
    setenv("FMAP_MAX_ISA", "scalar", 1);
    EXPECT_SAYS(0, "isa", "scalar  used");
}

/* ---- info, bench, isa ------------------------------------------------------------------------ */

Test(cli, info_lists_the_layers, .init = need_command) {
    EXPECT_SAYS(0, "info " MODEL, "max_pooling2d_1");
    json_t *root = fmap_json("info " MODEL " --json --batch 3");
    const json_t *layers = json_object_get(root, "layers");
    double parameters = 0;
    double macs = 0;
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        parameters += number_at(layer, "parameters");
        macs += number_at(layer, "macs");
        cr_expect_eq(json_integer_value(json_array_get(json_object_get(layer, "shape"), 0)), 3);
    }
    cr_expect_geq(json_array_size(layers), 8);
    cr_expect_eq(parameters, number_at(root, "parameters"));
    cr_expect_eq(macs, number_at(root, "macs"));
    cr_expect_gt(macs, 0);
    json_decref(root);
}

Test(cli, info_explains_what_was_chosen, .init = need_command) {
    EXPECT_SAYS(0, "info --explain --isa scalar " MODEL, "scalar: ");
    EXPECT_SAYS(0, "info --explain " MODEL, "multiply-adds, transforms counted (");
    json_t *root = fmap_json("info --explain --json --threads 64 --batch 2 " MODEL);
    const json_t *steps = json_object_get(root, "plan");
    cr_assert_eq(json_array_size(steps), (size_t)number_at(root, "steps"));
    bool any_fused = false;
    int shared = 0;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        double threads = number_at(step, "threads"), balance = number_at(step, "balance");
        cr_expect(threads >= 1 && threads <= 64 && threads <= number_at(step, "parts"));
        cr_expect(balance > 0 && balance <= threads / 64 + 1e-9, "balance %g of %g threads", balance,
                  threads);
        any_fused |= json_array_size(json_object_get(step, "fused")) > 0;
        shared += threads > 1;
    }
    cr_expect(any_fused);
    cr_expect_gt(shared, 0);
    cr_expect_gt(strlen(json_string_value(json_object_get(root, "isa_why"))), 0);
    json_decref(root);
}

Test(cli, tells_what_was_chosen_when_the_environment_asks, .init = need_command) {
    EXPECT_EXIT(0, "run " MODEL " " SAMPLES "7.png");
    cr_expect_str_eq(complaint, "");
    char *plain = strdup(output);
    setenv("FMAP_VERBOSE", "other,dispatch", 1);
    EXPECT_EXIT(0, "run " MODEL " " SAMPLES "7.png");
    cr_expect_str_eq(output, plain);
    cr_expect_not_null(strstr(complaint, "balance"));
    EXPECT_EXIT(0, "bench --seconds 0 --warmup 0 --threads 1 " MODEL);
    cr_expect_not_null(strstr(complaint, "balance"));
    setenv("FMAP_VERBOSE", "dispatcher", 1);
    EXPECT_EXIT(0, "run " MODEL " " SAMPLES "7.png");
    cr_expect_str_eq(complaint, "");
    free(plain);
}

Test(cli, bench_measures_every_combination, .init = need_command) {
    EXPECT_SAYS(0, "bench " MODEL " --seconds 0 --warmup 0 --threads 1 --layers", "images/s");
    json_t *root = fmap_json("bench " MODEL
                             " --seconds 0 --warmup 0 --threads 1,2 --batch 1,3 --layers --json");
    const json_t *results = json_object_get(root, "results");
    cr_assert_eq(json_array_size(results), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *result = json_array_get(results, i);
        cr_expect_geq(number_at(result, "runs"), 3);
        cr_expect_leq(number_at(result, "minimum"), number_at(result, "median"));
        cr_expect_leq(number_at(result, "median"), number_at(result, "p99"));
        cr_expect_eq((int)number_at(result, "batch"), i % 2 == 0 ? 1 : 3);
        cr_expect_geq(json_array_size(json_object_get(result, "layers")), 8);
    }
    json_decref(root);
}

Test(cli, isa_tells_what_is_used, .init = need_command) {
    json_t *root = fmap_json("isa --json");
    char arguments[64];
    snprintf(arguments, sizeof arguments, "isa %s", json_string_value(json_object_get(root, "used")));
    EXPECT_EXIT(0, arguments);
    cr_expect_str_eq(output, "");
    EXPECT_EXIT(0, "isa scalar");
    json_decref(root);
}
