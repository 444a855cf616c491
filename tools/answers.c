/* What a classifier's output says. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

/* Larger first; NaN is smaller than everything; the lower class first among equals. */
static bool is_better(float score, size_t class, const struct answer *than) {
    if (isnan(score)) return false;
    return isnan(than->score) || score > than->score || (score == than->score && class < than->class);
}

size_t top_answers(const float *scores, size_t n, size_t k, struct answer *answers) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (count == k && (k == 0 || !is_better(scores[i], i, &answers[k - 1]))) continue;
        size_t at = count < k ? count++ : k - 1;
        while (at > 0 && is_better(scores[i], i, &answers[at - 1])) {
            answers[at] = answers[at - 1];
            at--;
        }
        answers[at] = (struct answer){.class = i, .score = scores[i]};
    }
    return count;
}

bool is_distribution(const float *scores, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(scores[i] >= 0 && scores[i] <= 1.0001f)) return false;
        sum += scores[i];
    }
    return fabs(sum - 1) < 1e-3;
}

void softmax(float *scores, size_t n) {
    float largest = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        largest = fmaxf(largest, scores[i]);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)scores[i] - largest);
    }
    for (size_t i = 0; i < n; i++) {
        scores[i] = (float)(exp((double)scores[i] - largest) / sum);
    }
}

int64_t output_classes(const fmap_shape *shape) {
    int64_t classes = 1;
    for (int i = 1; i < shape->rank; i++) {
        if (shape->dims[i] != 1 && classes != 1) return 0;
        if (shape->dims[i] != 1) classes = shape->dims[i];
    }
    return classes > 1 ? classes : 0;
}
