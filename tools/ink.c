#include "ink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image_resize.h"
#include "tool.h"

enum {
    WORK_SIDE = 256,
    FAINTEST_INK = 24 /* ink must differ from the paper by as many of 255 steps */
};

/* Minimum or maximum over 2 * radius + 1 pixels, along one axis. */
static void rank_line(const uint8_t *from, uint8_t *to, int length, int stride, int radius, bool maximum) {
    for (int i = 0; i < length; i++) {
        int last = i + radius < length ? i + radius : length - 1;
        uint8_t best = from[i * stride];
        for (int j = i > radius ? i - radius : 0; j <= last; j++) {
            uint8_t value = from[j * stride];
            best = maximum ? (value > best ? value : best) : (value < best ? value : best);
        }
        to[i * stride] = best;
    }
}

/* The same over a square; `spare` is as large as the picture. */
static void rank_filter(const struct image *image, uint8_t *pixels, uint8_t *spare, int radius,
                        bool maximum) {
    for (int y = 0; y < image->height; y++) {
        rank_line(pixels + y * image->width, spare + y * image->width, image->width, 1, radius, maximum);
    }
    for (int x = 0; x < image->width; x++) {
        rank_line(spare + x, pixels + x, image->height, image->width, radius, maximum);
    }
}

fmap_status ink_widen(struct image *ink, int radius, fmap_error *error) {
    uint8_t *spare = malloc((size_t)ink->width * (size_t)ink->height);
    if (spare == NULL) {
        return fail_memory(error, "a picture");
    }
    rank_filter(ink, ink->pixels, spare, radius, true);
    free(spare);
    return FMAP_OK;
}

/* The picture in grey, ink bright, small enough to think about. */
static fmap_status shrink(const struct image *image, bool inverted, struct image *gray, fmap_error *error) {
    int longer = image->width > image->height ? image->width : image->height;
    double factor = longer > WORK_SIDE ? (double)WORK_SIDE / longer : 1;
    int width = (int)fmax(1, round(image->width * factor));
    int height = (int)fmax(1, round(image->height * factor));
    size_t n = (size_t)width * (size_t)height;
    float *values = malloc(n * (size_t)image->channels * sizeof *values);
    if (values == NULL) {
        return fail_memory(error, "a picture");
    }
    const struct rectangle all = {.width = image->width, .height = image->height};
    fmap_status status = image_resize(image, &all, width, height, values, error);
    if (status == FMAP_OK) {
        status = image_create(width, height, 1, gray, error);
    }
    for (size_t i = 0; status == FMAP_OK && i < n; i++) {
        const float *v = values + i * (size_t)image->channels;
        float luma = image->channels == 3 ? 0.299f * v[0] + 0.587f * v[1] + 0.114f * v[2] : v[0];
        gray->pixels[i] = (uint8_t)lrintf(inverted ? 255 - luma : luma);
    }
    free(values);
    return status;
}

/* Takes the paper away. An opening (minimum, then maximum) by a square that is wider than any pen
 * keeps slow changes of the light and nothing of the strokes. */
static fmap_status remove_paper(struct image *gray, fmap_error *error) {
    size_t n = (size_t)gray->width * (size_t)gray->height;
    uint8_t *paper = malloc(2 * n);
    if (paper == NULL) {
        return fail_memory(error, "a picture");
    }
    memcpy(paper, gray->pixels, n);
    int longer = gray->width > gray->height ? gray->width : gray->height;
    int radius = longer / 8 > 1 ? longer / 8 : 1;
    rank_filter(gray, paper, paper + n, radius, false);
    rank_filter(gray, paper, paper + n, radius, true);
    for (size_t i = 0; i < n; i++) {
        gray->pixels[i] = (uint8_t)(gray->pixels[i] - paper[i]); /* an opening never exceeds its input */
    }
    free(paper);
    return FMAP_OK;
}

/* Otsu's threshold: the one that parts the values into two groups that differ most (IEEE Trans. SMC
 * 9, 1979). */
static int threshold_of(const struct image *gray) {
    size_t n = (size_t)gray->width * (size_t)gray->height;
    double counts[256] = {0};
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        counts[gray->pixels[i]]++;
        sum += gray->pixels[i];
    }
    double below = 0;
    double sum_below = 0;
    double best = -1;
    int threshold = 0;
    for (int t = 0; t < 255; t++) {
        below += counts[t];
        sum_below += t * counts[t];
        double above = (double)n - below;
        if (below > 0 && above > 0) {
            double difference = sum_below / below - (sum - sum_below) / above;
            double between = below * above * difference * difference;
            if (between > best) {
                best = between;
                threshold = t;
            }
        }
    }
    return threshold;
}

struct blob {
    int area;
    bool at_border;
};

/* Numbers the connected (8 neighbours) pixels above the threshold from 1 on. `stack` has room for all
 * pixels. Returns how many blobs there are; their descriptions grow in *blobs. */
static int label_blobs(const struct image *gray, int threshold, int *labels, int *stack, struct blob *blobs) {
    int width = gray->width;
    int height = gray->height;
    int n_blobs = 0;
    for (int start = 0; start < width * height; start++) {
        if (gray->pixels[start] <= threshold || labels[start] != 0) {
            continue;
        }
        struct blob blob = {0};
        int depth = 0;
        labels[start] = ++n_blobs;
        stack[depth++] = start;
        while (depth > 0) {
            int at = stack[--depth];
            int x = at % width;
            int y = at / width;
            blob.area++;
            blob.at_border = blob.at_border || x == 0 || y == 0 || x == width - 1 || y == height - 1;
            for (int i = 0; i < 9; i++) {
                int next_x = x + i % 3 - 1;
                int next_y = y + i / 3 - 1;
                int next = next_y * width + next_x;
                if (next_x >= 0 && next_y >= 0 && next_x < width && next_y < height && labels[next] == 0 &&
                    gray->pixels[next] > threshold) {
                    labels[next] = n_blobs;
                    stack[depth++] = next;
                }
            }
        }
        blobs[n_blobs] = blob;
    }
    return n_blobs;
}

/* The blob that is most likely what was meant: the largest inside, unless it is a mere speck beside
 * one that touches the border. */
static int main_blob(const struct blob *blobs, int n_blobs) {
    int largest = 0;
    int inside = 0;
    for (int i = 1; i <= n_blobs; i++) {
        largest = blobs[i].area > blobs[largest].area ? i : largest;
        inside = !blobs[i].at_border && blobs[i].area > blobs[inside].area ? i : inside;
    }
    return blobs[inside].area * 20 >= blobs[largest].area ? inside : largest;
}

static void keep_pixels(struct image *gray, const int *labels, const struct blob *blobs, int chosen) {
    bool border_too = blobs[chosen].at_border;
    size_t n = (size_t)gray->width * (size_t)gray->height;
    for (size_t i = 0; i < n; i++) {
        const struct blob *blob = &blobs[labels[i]];
        bool keep = labels[i] != 0 && (border_too || !blob->at_border) &&
                    blob->area * 20 >= blobs[chosen].area;
        gray->pixels[i] = keep ? gray->pixels[i] : 0;
    }
}

/* Removes everything but the writing: *found tells whether there is any. */
static fmap_status keep_writing(struct image *gray, int threshold, bool *found, fmap_error *error) {
    size_t n = (size_t)gray->width * (size_t)gray->height;
    int *labels = calloc(n, sizeof *labels);
    int *stack = malloc(n * sizeof *stack);
    struct blob *blobs = calloc(n + 1, sizeof *blobs);
    fmap_status status = FMAP_OK;
    if (labels == NULL || stack == NULL || blobs == NULL) {
        status = fail_memory(error, "a picture");
    } else {
        int n_blobs = label_blobs(gray, threshold, labels, stack, blobs);
        *found = n_blobs > 0;
        keep_pixels(gray, labels, blobs, main_blob(blobs, n_blobs));
    }
    free(labels);
    free(stack);
    free(blobs);
    return status;
}

/* Stretches the ink to 0..255 and measures the pen: twice the area over the length of the outline. */
static double finish(struct image *ink, int threshold) {
    int width = ink->width;
    int height = ink->height;
    double sum = 0;
    int area = 0;
    int edges = 0;
    for (int i = 0; i < width * height; i++) {
        if (ink->pixels[i] > 0) {
            int x = i % width;
            int y = i / width;
            sum += ink->pixels[i];
            area++;
            edges += x == 0 || ink->pixels[i - 1] == 0;
            edges += x == width - 1 || ink->pixels[i + 1] == 0;
            edges += y == 0 || ink->pixels[i - width] == 0;
            edges += y == height - 1 || ink->pixels[i + width] == 0;
        }
    }
    double full = area > 0 ? sum / area : 1; /* an ordinary pixel of ink shall be white */
    double none = 0.5 * threshold;
    for (int i = 0; i < width * height; i++) {
        double value = 255 * (ink->pixels[i] - none) / (full - none);
        ink->pixels[i] = ink->pixels[i] == 0 ? 0 : (uint8_t)(value > 255 ? 255 : value);
    }
    /* An outline in pixel edges is longer than the true one: by 4 / pi over all directions. */
    return edges > 0 ? 2 * area / (edges * 0.785398) : 1;
}

fmap_status ink_find(const struct image *image, bool inverted, struct image *ink, double *thickness,
                     fmap_error *error) {
    struct image gray = {0};
    bool found = false;
    *ink = (struct image){0};
    fmap_status status = shrink(image, inverted, &gray, error);
    if (status == FMAP_OK) {
        status = remove_paper(&gray, error);
    }
    int threshold = status == FMAP_OK ? threshold_of(&gray) : 0;
    if (status == FMAP_OK && threshold >= FAINTEST_INK / 2) {
        status = keep_writing(&gray, threshold, &found, error);
    }
    if (status != FMAP_OK || !found) {
        image_release(&gray);
        return status;
    }
    *thickness = finish(&gray, threshold);
    *ink = gray;
    return FMAP_OK;
}
