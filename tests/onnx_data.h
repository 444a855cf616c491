/* Cases in the form of the backend tests of ONNX: a folder with model.onnx and test_data_set_0,
 * test_data_set_1 ..., each with input_0.pb, input_1.pb ... and output_0.pb, output_1.pb ..., which are
 * TensorProto messages. */
#ifndef TESTS_ONNX_DATA_H
#define TESTS_ONNX_DATA_H

#include "fmap/fmap.h"
#include "tests/case_list.h"

/* The folder of real networks, which are not part of the project: FMAP_SHARED_MODELS, or shared/models beside
 * the source. It need not be there. */
const char *onnx_shared_models(void);

enum onnx_outcome { ONNX_AGREES, ONNX_DIFFERS, ONNX_UNSUPPORTED, ONNX_MISSING };

/* |got - expected| <= relative * |expected| + max(absolute, of_largest * the output's largest |expected|). */
struct onnx_tolerance {
    double relative, absolute, of_largest;
};

/* Why a case does not agree: the library's own sentence where that refuses or fails. */
struct onnx_report {
    char sentence[FMAP_ERROR_MESSAGE_BYTES + 32];
    bool fixed; /* the plan had to know the elements of some inputs */
};

/* Loads the model, plans it for the shapes (and if need be the elements) of the inputs of a data set, runs it and compares all outputs;
 * other types than float32 have to be equal. ONNX_MISSING: there is no such data set, or it holds something else
 * than tensors of types that the library has. */
enum onnx_outcome onnx_run(const char *folder, int data_set, const fmap_plan_options *options,
                           const struct onnx_tolerance *tolerance, struct onnx_report *report);

/* All data sets of a case, until one does not agree. */
enum onnx_outcome onnx_run_all(const char *folder, const struct onnx_tolerance *tolerance,
                               struct onnx_report *report);

/* Counts a case, of which this is the outcome, in a list of what does not pass; false when the list is not true. */
bool onnx_count(struct case_list *list, const char *name, enum onnx_outcome outcome,
                const struct onnx_report *report);

/* Somebody who watches a run: `before` is given the context, to set its taps; `after` looks at what came out of
 * them, and returns false, with a sentence in the report, when that is wrong. */
struct onnx_watcher {
    void (*before)(struct onnx_watcher *watcher, const fmap_model *model, const fmap_plan *plan,
                   fmap_context *context);
    bool (*after)(struct onnx_watcher *watcher, struct onnx_report *report);
};

enum onnx_outcome onnx_run_watched(const char *folder, int data_set, const fmap_plan_options *options,
                                   const struct onnx_tolerance *tolerance, struct onnx_watcher *watcher,
                                   struct onnx_report *report);

/* |got - expected| may be as large as this, where `largest` is the largest |expected| of the tensor. */
double onnx_bound(const struct onnx_tolerance *tolerance, double expected, double largest);

#endif
