#include <criterion/criterion.h>

#include "tests/cases/case.h"

/* Twice the widest vector, and one; then some more. */
enum { MAX_N = 33 };

Test(eltwise, unary_agrees_for_every_length_and_function) {
    for (int kind = 0; kind < FMAP_N_FUNCTIONS; kind++) {
        struct fmap_activate_job activate = case_function((enum fmap_activate)kind);
        for (int n = 1; n <= MAX_N; n++) {
            struct eltwise_shape shape = {.n = n, .activate = activate, .in_place = n % 2 == 0};
            cr_assert(kernel_case_holds_and_destroy(unary_case(&shape)));
        }
        struct eltwise_shape shape = {.n = 1000, .activate = activate, .fill = CASE_FILL_SPECIAL};
        cr_assert(kernel_case_holds_and_destroy(unary_case(&shape)));
    }
}

Test(eltwise, unary_agrees_for_every_activation) {
    for (int i = 0; i < n_case_activations; i++) {
        struct eltwise_shape shape = {.n = 1000, .activate = case_activations[i], .fill = CASE_FILL_SPECIAL};
        cr_assert(kernel_case_holds_and_destroy(unary_case(&shape)));
    }
}

/* Each operation with each walk, in both orders. */
#define FOR_EACH_BINARY(shape) \
    for (int way = 0; way < FMAP_N_BINARY_OPS * 6; way++) \
        for (struct eltwise_shape shape = {.op = (enum fmap_binary_op)(way / 6), \
                                          .walk = (enum fmap_binary_walk)(way % 3), \
                                          .swapped = way / 3 % 2 == 1}; \
             shape.n == 0; shape.n = 1)

Test(eltwise, binary_agrees_for_every_operation_walk_and_length) {
    FOR_EACH_BINARY(shape) {
        for (int n = 1; n <= 2 * MAX_N; n++) {
            struct eltwise_shape now = shape;
            now.n = n;
            now.in_place = n % 2 == 0;
            if (n % 3 == 0) now.activate = (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, -0.3f, 0.25f};
            cr_assert(kernel_case_holds_and_destroy(binary_case(&now)));
        }
    }
}

Test(eltwise, binary_agrees_for_every_activation) {
    for (int i = 0; i < n_case_activations; i++) {
        FOR_EACH_BINARY(shape) {
            struct eltwise_shape now = shape;
            now.activate = case_activations[i];
            now.n = 2100; /* more than two pieces */
            cr_assert(kernel_case_holds_and_destroy(binary_case(&now)));
        }
    }
}

Test(eltwise, binary_passes_nan_and_infinity) {
    FOR_EACH_BINARY(shape) {
        struct eltwise_shape now = shape;
        now.n = 1000;
        now.fill = CASE_FILL_SPECIAL;
        cr_assert(kernel_case_holds_and_destroy(binary_case(&now)));
    }
}

Test(eltwise, binary_may_write_over_its_second_operand) {
    for (int n = 1; n <= MAX_N; n++) {
        struct eltwise_shape shape = {.n = n, .op = FMAP_BINARY_MUL, .walk = FMAP_WALK_SAME};
        struct kernel_case *c = binary_case(&shape);
        for (int i = 0; i < fmap_kernels_count(); i++) {
            const struct fmap_kernels *kernels = fmap_kernels_at(i);
            if (!kernels) continue;
            struct fmap_binary job = *(const struct fmap_binary *)c->jobs;
            kernel_case_prepare(c, kernels);
            for (int j = 0; j < n; j++) job.dst[j] = job.b[j];
            job.b = job.dst;
            kernels->binary(&job);
            cr_assert(kernel_case_agrees(c, kernels->isa));
        }
        kernel_case_destroy(c);
    }
}

Test(eltwise, affine_agrees_for_every_length_and_activation) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int n = 0; n <= 9 * FMAP_BLOCK; n += FMAP_BLOCK) {
            struct eltwise_shape shape = {.n = n, .activate = case_activations[i], .in_place = n % 32 == 0};
            cr_assert(kernel_case_holds_and_destroy(affine_case(&shape)));
            shape.fill = CASE_FILL_SPECIAL;
            cr_assert(kernel_case_holds_and_destroy(affine_case(&shape)));
        }
    }
}
