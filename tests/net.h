/* Networks of a line or two: to build a model, plan it and run it in a test. What fails says so on stderr. */
#ifndef TESTS_NET_H
#define TESTS_NET_H

#include "fmap/fmap.h"

/* ---- building ---------------------------------------------------------------------------------------- */

/* Adds layers to a new model and names its outputs. */
typedef void net_build(fmap_model *model, const void *what);

/* A finished model; NULL, with the sentence on stderr, when that fails. */
fmap_model *net_model(net_build *build, const void *what);

/* The same with an allocator, and with the failure for the caller to look at. */
fmap_status net_try_model(net_build *build, const void *what, const fmap_allocator *allocator,
                          fmap_model **model, fmap_error *error);

fmap_value net_input(fmap_model *model, const char *name, int rank, const int64_t *dims);
fmap_value net_input_of(fmap_model *model, const char *name, fmap_type type, int rank, const int64_t *dims);
fmap_value net_floats(fmap_model *model, const float *data, int rank, const int64_t *dims);
fmap_value net_ints(fmap_model *model, const int64_t *data, int64_t n);
fmap_value net_elements(fmap_model *model, fmap_type type, const void *data, int rank, const int64_t *dims);

fmap_attribute net_int(const char *name, int64_t i);
fmap_attribute net_float(const char *name, float f);
fmap_attribute net_string(const char *name, const char *s);
fmap_attribute net_list(const char *name, const int64_t *ints, size_t n);
fmap_attribute net_float_list(const char *name, const float *floats, size_t n);

/* Adds a node of one output; `name` may be NULL. */
fmap_value net_node(fmap_model *model, const char *op, const char *name, const fmap_value *inputs,
                    size_t n_inputs, const fmap_attribute *attributes, size_t n_attributes);

/* The bytes of an element. */
size_t net_type_bytes(fmap_type type);

/* ---- running ----------------------------------------------------------------------------------------- */

/* A plan and a context of it. */
struct net {
    fmap_plan *plan;
    fmap_context *context;
};

/* False, with the sentence on stderr, when that fails. Options NULL: defaults. */
bool net_open(struct net *net, const fmap_model *model, const fmap_plan_options *options);
void net_close(struct net *net);

/* Runs a network of one input and one output. */
bool net_run(const struct net *net, const float *input, float *output);

/* Plans, runs once, and frees: a network of one input and one output. */
bool net_once(const fmap_model *model, const fmap_plan_options *options, const float *input, float *output);

/* Whether a network of one input and one output agrees with `expected` within `bounds` on the plainest instruction
 * set, and with that one to the bit on all others. */
bool net_agrees(const fmap_model *model, const fmap_plan_options *options, const float *input,
                const double *expected, const double *bounds, size_t n);

/* Elements of the i-th output (or input) of a plan. */
size_t net_output_elements(const struct net *net, size_t i);
size_t net_input_elements(const struct net *net, size_t i);

/* The instruction sets of this machine, plain C first. Returns how many. */
enum { NET_MAX_ISAS = 5 };
int net_isas(fmap_isa *isas);

/* n floats that look random, in [-1, 1); to be freed. */
float *net_random(size_t n, uint64_t seed);

#endif
