#include <math.h>

#include "roofline.h"

static const double LINE_HEIGHT = 13;
static const double GAP = 4;

double roofline_text_width(const char *text, double size) {
    double width = 0;
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text & 0xc0) == 0x80) continue; /* counted with the first byte of the letter */
        width += *text == 'i' || *text == 'l' || *text == '.' || *text == '/' ? 0.32 : 0.58;
    }
    return width * size;
}

static bool overlap(const struct roofline_box *a, const struct roofline_box *b) {
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static bool hides_circle(const struct roofline_box *box, const struct roofline_point *point) {
    double x = fmax(box->left, fmin(point->x, box->right)) - point->x;
    double y = fmax(box->top, fmin(point->y, box->bottom)) - point->y;
    return x * x + y * y < point->radius * point->radius;
}

static struct roofline_box label_box(const struct roofline_point *point) {
    double width = roofline_text_width(point->name, ROOFLINE_LABEL_SIZE);
    return (struct roofline_box){.left = point->label_x - 1,
                                 .top = point->label_y - LINE_HEIGHT + 3,
                                 .right = point->label_x + width + 1,
                                 .bottom = point->label_y + 3};
}

/* Whether the i-th point's label may stand where it is. */
static bool is_free(const struct roofline_point *points, size_t n_points, size_t i,
                    const struct roofline_box *area, const struct roofline_box *taken, size_t n_taken) {
    struct roofline_box box = label_box(&points[i]);
    if (box.left < area->left || box.right > area->right || box.top < area->top ||
        box.bottom > area->bottom) {
        return false;
    }
    for (size_t k = 0; k < n_taken; k++) {
        if (overlap(&box, &taken[k])) return false;
    }
    for (size_t k = 0; k < n_points; k++) {
        if (hides_circle(&box, &points[k])) return false;
        struct roofline_box other = label_box(&points[k]);
        if (k != i && points[k].labelled && overlap(&box, &other)) return false;
    }
    return true;
}

/* The label at an angle and a distance from the edge of the point. */
static void put_label(struct roofline_point *point, double angle, double distance) {
    double width = roofline_text_width(point->name, ROOFLINE_LABEL_SIZE);
    double x = point->x + (point->radius + distance) * cos(angle);
    double y = point->y + (point->radius + distance) * sin(angle);
    double aside = 0.5 * (1 - cos(angle)); /* 0: begins at x; 1: ends there */
    point->label_x = x - aside * width;
    point->label_y = y + 4 + 4 * sin(angle);
    point->leader = distance > 2 * GAP;
}

void roofline_place_labels(struct roofline_point *points, size_t n_points, const struct roofline_box *area,
                           const struct roofline_box *taken, size_t n_taken) {
    static const double distances[] = {GAP, 2 * GAP, 4 * GAP, 7 * GAP, 11 * GAP, 16 * GAP};
    static const int turns[] = {0, 8, 12, 4, 14, 2, 10, 6, 15, 1, 9, 7, 13, 3, 11, 5}; /* of 16; 12: above */
    for (size_t i = 0; i < n_points; i++) points[i].labelled = false;
    for (size_t i = 0; i < n_points; i++) {
        for (size_t d = 0; d < sizeof distances / sizeof *distances && !points[i].labelled; d++) {
            for (size_t t = 0; t < sizeof turns / sizeof *turns && !points[i].labelled; t++) {
                put_label(&points[i], turns[t] * M_PI / 8, distances[d]);
                points[i].labelled = is_free(points, n_points, i, area, taken, n_taken);
            }
        }
    }
}
