/* Packed files: the same answers from mapped weights. */
#include "packed_files.h"

Test(packed, a_packed_file_gives_the_same_answers_and_packs_nothing) {
    struct files files = make_files();
    fmap_model *model = load(files.packed);
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    cr_assert_gt(packed_bytes(plan), 32 * 32 * 9 * sizeof(float));
    cr_assert_eq(shared_bytes(plan), packed_bytes(plan));
    cr_assert_eq(check_answers(&files, model), packed_bytes(plan));
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    cr_assert_eq(fmap_pack_check(files.packed, NULL), FMAP_OK);
    remove_files(&files);
}

/* Does the address lie in a mapping of the file that nobody can write to? */
static bool lies_in_file(const void *address, const char *path) {
    FILE *maps = fopen("/proc/self/maps", "r");
    cr_assert_not_null(maps);
    char line[1024], rights[8];
    unsigned long begin, end;
    bool found = false;
    while (fgets(line, sizeof line, maps)) {
        if (!strstr(line, path) || sscanf(line, "%lx-%lx %4s", &begin, &end, rights) != 3) continue;
        found |= begin <= (uintptr_t)address && (uintptr_t)address < end && rights[1] == '-';
    }
    (void)fclose(maps);
    return found;
}

Test(packed, weights_are_used_where_the_file_is_mapped) {
    struct files files = make_files();
    fmap_model *model = load(files.packed);
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    fmap_packing packing;
    for (size_t i = 0; fmap_plan_packing(plan, i, &packing) == FMAP_OK; i++) {
        if (packing.bytes > 0) cr_assert(lies_in_file(packing.data, files.packed), "%s", packing.key);
    }
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    remove_files(&files);
}

Test(packed, other_instruction_sets_pack_from_the_model_inside) {
    struct files files = make_files();
    fmap_isa isas[NET_MAX_ISAS];
    int n = net_isas(isas);
    fmap_model *packed = load(files.packed), *plain = load(files.onnx);
    for (int i = 0; i < n; i++) {
        float expected[OUTPUTS], output[OUTPUTS];
        fmap_plan *a = plan_of(packed, isas[i]), *b = plan_of(plain, isas[i]);
        run(a, files.input, output);
        run(b, files.input, expected);
        cr_assert(check_same_bits("output", output, expected, OUTPUTS));
        cr_assert_eq(shared_bytes(a), isas[i] == fmap_isa_select(FMAP_ISA_BEST) ? packed_bytes(a) : 0);
        fmap_plan_destroy(a);
        fmap_plan_destroy(b);
    }
    fmap_model_destroy(packed);
    fmap_model_destroy(plain);
    remove_files(&files);
}

Test(packed, a_packed_file_can_be_packed_again) {
    struct files files = make_files();
    fmap_isa isas[NET_MAX_ISAS];
    (void)net_isas(isas);
    fmap_model *model = load(files.packed);
    fmap_plan *plans[] = {plan_of(model, FMAP_ISA_BEST), plan_of(model, isas[0])};
    cr_assert_eq(fmap_pack_write((const fmap_plan *const *)plans, 2, files.packed, NULL), FMAP_OK);
    fmap_plan_destroy(plans[0]);
    fmap_plan_destroy(plans[1]);
    cr_assert_gt(check_answers(&files, model), 0u); /* What was mapped is still there. */
    fmap_model_destroy(model);
    model = load(files.packed);
    cr_assert_gt(check_answers(&files, model), 0u);
    fmap_plan *plain = plan_of(model, isas[0]);
    cr_assert_eq(shared_bytes(plain), packed_bytes(plain));
    size_t onnx_bytes, model_bytes;
    uint8_t *onnx = get_file(files.onnx, &onnx_bytes);
    const void *source = fmap_model_source(model, &model_bytes);
    cr_assert_eq(model_bytes, onnx_bytes);
    cr_assert_eq(memcmp(source, onnx, onnx_bytes), 0);
    free(onnx);
    fmap_plan_destroy(plain);
    fmap_model_destroy(model);
    remove_files(&files);
}

/* Packed once as floats and once as bfloat16, for every instruction set: both are found, and they are not taken for each
 * other. */
Test(packed, a_file_may_hold_dense_layers_as_floats_and_as_bfloat16) {
    struct files files = make_files();
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    float answers[2 * NET_MAX_ISAS][OUTPUTS], got[OUTPUTS];
    fmap_plan *plans[2 * NET_MAX_ISAS];
    fmap_model *model = load(files.onnx);
    for (int i = 0; i < 2 * n_isas; i++) {
        plans[i] = plan_with(model, isas[i / 2], i % 2 ? FMAP_WEIGHTS_BF16 : FMAP_WEIGHTS_F32);
        run(plans[i], files.input, answers[i]);
        cr_assert(check_same_bits("instruction sets", answers[i], answers[i % 2], OUTPUTS));
    }
    cr_assert_neq(memcmp(answers[0], answers[1], sizeof answers[0]), 0);
    cr_assert_eq(fmap_pack_write((const fmap_plan *const *)plans, 2 * (size_t)n_isas, files.packed, NULL),
                 FMAP_OK);
    cr_assert_eq(fmap_pack_check(files.packed, NULL), FMAP_OK);
    for (int i = 0; i < 2 * n_isas; i++) fmap_plan_destroy(plans[i]);
    fmap_model_destroy(model);
    model = load(files.packed);
    for (int i = 0; i < 2 * n_isas; i++) {
        fmap_plan *plan = plan_with(model, isas[i / 2], i % 2 ? FMAP_WEIGHTS_BF16 : FMAP_WEIGHTS_F32);
        cr_assert_eq(shared_bytes(plan), packed_bytes(plan)); /* nothing is packed again */
        run(plan, files.input, got);
        cr_assert(check_same_bits("mapped", got, answers[i], OUTPUTS));
        fmap_plan_destroy(plan);
    }
    fmap_model_destroy(model);
    remove_files(&files);
}

Test(packed, memory_that_is_not_aligned_serves_as_well) {
    struct files files = make_files();
    uint8_t *moved = aligned_alloc(64, (files.n_bytes / 64 + 2) * 64);
    for (size_t shift = 0; shift <= 64; shift += 4) {
        memcpy(moved + shift, files.bytes, files.n_bytes);
        fmap_model *model = NULL;
        cr_assert_eq(fmap_model_load_memory(moved + shift, files.n_bytes, NULL, NULL, &model, NULL), FMAP_OK);
        cr_assert_eq(check_answers(&files, model) > 0, shift % 64 == 0);
        fmap_model_destroy(model);
    }
    free(moved);
    remove_files(&files);
}

/* ---- what cannot be packed ------------------------------------------------------------------------------- */

static void refused(const fmap_plan *const *plans, size_t n, const char *path, fmap_status status,
                    const char *words) {
    fmap_error error = {0};
    cr_assert_eq(fmap_pack_write(plans, n, path, &error), status, "%s", error.message);
    cr_assert(strstr(error.message, words), "%s", error.message);
}

static void build(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = fmap_model_image_input(model, "image", 4, 4, 1);
    fmap_model_output(model, fmap_model_relu(model, NULL, x));
}

Test(packed, what_cannot_be_written_says_why_and_leaves_nothing_behind) {
    struct files files = make_files();
    fmap_model *model = load(files.onnx), *other = load(files.onnx), *built = net_model(build, NULL);
    const fmap_plan *plan = plan_of(model, FMAP_ISA_BEST), *of_other = plan_of(other, FMAP_ISA_BEST),
                    *of_built = plan_of(built, FMAP_ISA_BEST);
    char nowhere[128];
    (void)snprintf(nowhere, sizeof nowhere, "%s/no/such/folder.fmap", files.folder);
    refused(&plan, 0, files.packed, FMAP_ERROR_ARGUMENT, "no plan");
    refused(NULL, 1, files.packed, FMAP_ERROR_ARGUMENT, "no plan");
    refused(&plan, 1, NULL, FMAP_ERROR_ARGUMENT, "no path");
    refused((const fmap_plan *[]){plan, NULL}, 2, files.packed, FMAP_ERROR_ARGUMENT, "plan 1");
    refused((const fmap_plan *[]){plan, of_other}, 2, files.packed, FMAP_ERROR_ARGUMENT, "another model");
    refused(&of_built, 1, files.packed, FMAP_ERROR_UNSUPPORTED, "not loaded from a file");
    refused(&plan, 1, nowhere, FMAP_ERROR_IO, "No such file");
    refused(&plan, 1, files.folder, FMAP_ERROR_IO, files.folder);
    refused(&plan, 1, "/dev/full/x", FMAP_ERROR_IO, "/dev/full/x: ");
    char beside[128]; /* A folder cannot be replaced: what was written beside it is taken away. */
    (void)snprintf(beside, sizeof beside, "%s.%ld-0", files.folder, (long)getpid());
    cr_assert_neq(access(beside, F_OK), 0);
    fmap_plan_destroy((fmap_plan *)(uintptr_t)plan);
    fmap_plan_destroy((fmap_plan *)(uintptr_t)of_other);
    fmap_plan_destroy((fmap_plan *)(uintptr_t)of_built);
    fmap_model_destroy(model);
    fmap_model_destroy(other);
    fmap_model_destroy(built);
    remove_files(&files);
}
