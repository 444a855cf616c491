/* Inputs whose elements a plan is told. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/net.h"

enum { N = 6 };

static const float x[N] = {1, -2, 3, -4, 5, -6};

/* y = Reshape(x, shape), z = x + b, and b itself; x is of any shape. */
static fmap_model *new_model(void) {
    static const fmap_shape two = {.rank = 1, .dims = {2}}, any = {.rank = (int)FMAP_UNKNOWN},
                            row = {.rank = 1, .dims = {3}};
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    fmap_value in = fmap_model_input(model, "x", FMAP_FLOAT32, &any);
    fmap_value shape = fmap_model_input(model, "shape", FMAP_INT64, &two);
    fmap_value b = fmap_model_input(model, "b", FMAP_FLOAT32, &row);
    fmap_model_output(model, net_node(model, "Reshape", "y", (fmap_value[]){in, shape}, 2, NULL, 0));
    fmap_model_output(model, net_node(model, "Add", "z", (fmap_value[]){in, b}, 2, NULL, 0));
    fmap_model_output(model, b);
    cr_assert_eq(fmap_model_finish(model, &error), FMAP_OK, "%s", error.message);
    return model;
}

static fmap_status plan_of(const fmap_model *model, const fmap_port *ports, size_t n, fmap_plan **plan,
                           const char *words) {
    fmap_plan_options options = {.threads = 2, .ports = ports, .n_ports = n};
    fmap_error error = {0};
    fmap_status status = fmap_plan_create(model, &options, plan, &error);
    if (status != FMAP_OK && words) cr_assert(strstr(error.message, words), "%s", error.message);
    return status;
}

Test(port_value, what_a_shape_depends_on_can_be_told) {
    static const fmap_shape of_x = {.rank = 2, .dims = {2, 3}};
    int64_t sizes[2] = {3, -1};
    float b[3] = {10, 20, 30}, y[N], z[N], b_again[3];
    const fmap_port ports[] = {
        {.name = "x", .shape = &of_x}, {.name = "shape", .value = sizes}, {.name = "b", .value = b}};
    fmap_model *model = new_model();
    fmap_plan *plan = NULL;
    cr_assert_eq(plan_of(model, &(fmap_port){.name = "x", .shape = &of_x}, 1, &plan,
                         "input 1 'shape' of shape 2 is computed"),
                 FMAP_ERROR_UNSUPPORTED);
    cr_assert_eq(plan_of(model, ports, 3, &plan, NULL), FMAP_OK);
    sizes[0] = 1; /* the plan has a copy */
    b[0] = 0;
    fmap_shape shape;
    cr_assert_eq(fmap_plan_output_shape(plan, 0, &shape), FMAP_OK);
    cr_assert(shape.rank == 2 && shape.dims[0] == 3 && shape.dims[1] == 2);
    fmap_context *context = NULL;
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    for (int given = 0; given < 2; given++) { /* the elements of told inputs do not count */
        const void *inputs[] = {x, given ? sizes : NULL, given ? b : NULL};
        cr_assert_eq(fmap_context_run(context, inputs, (void *[]){y, z, b_again}, NULL), FMAP_OK);
        cr_assert(memcmp(x, y, sizeof x) == 0);
        for (int i = 0; i < N; i++) cr_assert_eq(z[i], x[i] + (float)(10 * (i % 3 + 1)), "%d", i);
        for (int i = 0; i < 3; i++) cr_assert_eq(b_again[i], (float)(10 * (i + 1)), "%d", i);
    }
    cr_assert_eq(
        fmap_context_run(context, (const void *[]){NULL, NULL, NULL}, (void *[]){y, z, b_again}, NULL),
        FMAP_ERROR_ARGUMENT);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

Test(port_value, all_inputs_may_be_told) {
    static const fmap_shape of_x = {.rank = 2, .dims = {2, 3}};
    static const int64_t sizes[2] = {6, 1};
    static const float b[3] = {1, 2, 3};
    float y[N], z[N], b_again[3];
    const fmap_port ports[] = {{.name = "x", .shape = &of_x, .value = x},
                               {.name = "shape", .value = sizes},
                               {.name = "b", .value = b}};
    fmap_model *model = new_model();
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    cr_assert_eq(plan_of(model, ports, 3, &plan, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    cr_assert_eq(
        fmap_context_run(context, (const void *[]){NULL, NULL, NULL}, (void *[]){y, z, b_again}, NULL),
        FMAP_OK);
    cr_assert(memcmp(x, y, sizeof x) == 0);
    for (int i = 0; i < N; i++) cr_assert_eq(z[i], x[i] + b[i % 3], "%d", i);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

Test(port_value, what_cannot_be_told_is_refused) {
    static const fmap_shape of_x = {.rank = 2, .dims = {2, 3}}, none = {.rank = 1, .dims = {0}};
    static const int64_t sizes[2] = {1, 1}; /* x has more elements */
    fmap_model *model = new_model();
    fmap_plan *plan = NULL;
    const fmap_port unknown = {.name = "shape", .value = sizes};
    cr_assert_eq(plan_of(model, &unknown, 1, &plan, "the shape of input 'x' must be chosen"),
                 FMAP_ERROR_ARGUMENT);
    const fmap_port ports[] = {{.name = "x", .shape = &of_x}, {.name = "shape", .value = sizes}};
    cr_assert_eq(plan_of(model, ports, 2, &plan, "cannot be reshaped to 1x1"), FMAP_ERROR_MODEL);
    const fmap_port output = {.name = "z", .value = x};
    cr_assert_eq(plan_of(model, &output, 1, &plan, "'z' is an output: its value cannot be chosen"),
                 FMAP_ERROR_ARGUMENT);
    const fmap_port narrow[] = {{.name = "x", .shape = &of_x}, {.name = "b", .shape = &none, .value = x}};
    cr_assert_eq(plan_of(model, narrow, 2, &plan, "cannot have the shape 0, expected 3"),
                 FMAP_ERROR_ARGUMENT);
    fmap_model_destroy(model);
}
