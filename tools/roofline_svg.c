#include <inttypes.h>
#include <math.h>

#include "json.h"
#include "roofline.h"

enum { WIDTH = 1080, HEIGHT = 680, LEGEND_X = 856, MAX_BOXES = 256, RANGE_TEXT_BYTES = 32 };

static const struct roofline_box PLOT = {.left = 70, .top = 60, .right = 836, .bottom = 620};

/* Okabe and Ito's colours, which the colour-blind can tell, but for the yellow, which nobody sees on white. */
static const char *const colours[ROOFLINE_MAX_KERNELS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                          "#e69f00", "#56b4e9", "#6a3d9a", "#555555"};

/* A logarithmic axis: numbers to pixels. */
struct axis {
    double low, high; /* decimal logarithms */
    double first, last;
};

struct drawing {
    FILE *stream;
    struct roofline *roofline;
    struct axis x, y;
    struct roofline_box boxes[MAX_BOXES]; /* what labels must not hide */
    size_t n_boxes;
};

static double at(const struct axis *axis, double number) {
    return axis->first + (log10(number) - axis->low) / (axis->high - axis->low) * (axis->last - axis->first);
}

static double bandwidth(const struct drawing *drawing, int level) {
    return 1e-9 * drawing->roofline->trial->machine.bytes_per_second[level];
}

static double peak(const struct drawing *drawing) {
    return 1e-9 * drawing->roofline->trial->machine.flops_per_second;
}

/* All points, the peak, and where the slope of the memory meets it. */
static void settle_axes(struct drawing *drawing) {
    const struct roofline *roofline = drawing->roofline;
    double left = peak(drawing) / bandwidth(drawing, FMAP_LEVEL_L1);
    double right = peak(drawing) / bandwidth(drawing, FMAP_LEVEL_MEMORY);
    double low = peak(drawing) / 10, high = peak(drawing);
    for (size_t i = 0; i < roofline->n_points; i++) {
        left = fmin(left, roofline->points[i].intensity);
        right = fmax(right, roofline->points[i].intensity);
        low = fmin(low, roofline->points[i].gflops);
        high = fmax(high, roofline->points[i].gflops);
    }
    drawing->x = (struct axis){log10(left) - 0.3, log10(right) + 0.4, PLOT.left, PLOT.right};
    drawing->y = (struct axis){log10(low) - 0.25, log10(high) + 0.25, PLOT.bottom, PLOT.top};
}

static void put_points(struct drawing *drawing) {
    for (size_t i = 0; i < drawing->roofline->n_points; i++) {
        struct roofline_point *point = &drawing->roofline->points[i];
        point->x = at(&drawing->x, point->intensity);
        point->y = at(&drawing->y, point->gflops);
        point->radius = 3 + 22 * sqrt(point->share);
    }
}

/* ---- axes ------------------------------------------------------------------------------------------ */

static void text(FILE *stream, double x, double y, const char *attributes, const char *words) {
    fprintf(stream, "<text x=\"%.1f\" y=\"%.1f\"%s%s>", x, y, attributes[0] != '\0' ? " " : "", attributes);
    html_text(stream, words);
    fputs("</text>\n", stream);
}

static void line(FILE *stream, double x1, double y1, double x2, double y2, const char *attributes) {
    fprintf(stream, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
            attributes);
}

static void draw_tick(const struct drawing *drawing, bool vertical, double number, bool named) {
    FILE *stream = drawing->stream;
    char name[RANGE_TEXT_BYTES];
    double place = at(vertical ? &drawing->y : &drawing->x, number);
    const char *stroke = named ? "stroke=\"#dddddd\"" : "stroke=\"#f0f0f0\"";
    snprintf(name, sizeof name, "%g", number);
    if (vertical) {
        line(stream, PLOT.left, place, PLOT.right, place, stroke);
        if (named) text(stream, PLOT.left - 8, place + 4, "text-anchor=\"end\"", name);
    } else {
        line(stream, place, PLOT.top, place, PLOT.bottom, stroke);
        if (named) text(stream, place, PLOT.bottom + 18, "text-anchor=\"middle\"", name);
    }
}

static void draw_ticks(const struct drawing *drawing, bool vertical) {
    const struct axis *axis = vertical ? &drawing->y : &drawing->x;
    bool few_decades = axis->high - axis->low < 3.5;
    for (int decade = (int)floor(axis->low); decade <= (int)ceil(axis->high); decade++) {
        for (int digit = 1; digit < 10; digit++) {
            double number = digit * pow(10, decade);
            if (log10(number) < axis->low || log10(number) > axis->high) continue;
            draw_tick(drawing, vertical, number, digit == 1 || (few_decades && (digit == 2 || digit == 5)));
        }
    }
}

static void draw_axes(const struct drawing *drawing) {
    FILE *stream = drawing->stream;
    draw_ticks(drawing, false);
    draw_ticks(drawing, true);
    fprintf(stream,
            "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" fill=\"none\" stroke=\"#888888\"/>\n",
            PLOT.left, PLOT.top, PLOT.right - PLOT.left, PLOT.bottom - PLOT.top);
    text(stream, (PLOT.left + PLOT.right) / 2, PLOT.bottom + 42, "text-anchor=\"middle\"",
         "operations for each byte of input, weights and output");
    fprintf(stream, "<g transform=\"translate(22 %.0f) rotate(-90)\">", (PLOT.top + PLOT.bottom) / 2);
    text(stream, 0, 0, "text-anchor=\"middle\"", "GFLOP/s");
    fputs("</g>\n", stream);
}

/* ---- roofs ----------------------------------------------------------------------------------------- */

static void take(struct drawing *drawing, double x, double y, double half_width, double half_height) {
    if (drawing->n_boxes == MAX_BOXES) return;
    drawing->boxes[drawing->n_boxes++] = (struct roofline_box){
        .left = x - half_width, .top = y - half_height, .right = x + half_width, .bottom = y + half_height};
}

/* A slope from where it enters the picture to the peak, its name written along it. */
static void draw_slope(struct drawing *drawing, int level) {
    double rate = bandwidth(drawing, level);
    double from = fmax(pow(10, drawing->x.low), pow(10, drawing->y.low) / rate);
    double x1 = at(&drawing->x, from), y1 = at(&drawing->y, from * rate);
    double x2 = at(&drawing->x, peak(drawing) / rate), y2 = at(&drawing->y, peak(drawing));
    line(drawing->stream, x1, y1, x2, y2, "stroke=\"#333333\" stroke-width=\"1.3\"");
    char name[RANGE_TEXT_BYTES];
    snprintf(name, sizeof name, "%s %.0f GB/s", fmap_memory_level_name((fmap_memory_level)level), rate);
    double angle = atan2(y2 - y1, x2 - x1);
    double x = x1 + 22 * cos(angle), y = y1 + 22 * sin(angle);
    fprintf(drawing->stream, "<g transform=\"translate(%.1f %.1f) rotate(%.2f)\">", x, y, angle * 180 / M_PI);
    text(drawing->stream, 0, -5, "class=\"roof\"", name);
    fputs("</g>\n", drawing->stream);
    double length = roofline_text_width(name, 12);
    for (double along = 0; along < length; along += 8) {
        take(drawing, x + along * cos(angle) + 8 * sin(angle), y + along * sin(angle) - 8 * cos(angle), 8, 8);
    }
}

static void draw_roofs(struct drawing *drawing) {
    const fmap_machine *machine = &drawing->roofline->trial->machine;
    double y = at(&drawing->y, peak(drawing));
    double x = at(&drawing->x, peak(drawing) / bandwidth(drawing, FMAP_LEVEL_L1));
    char name[2 * RANGE_TEXT_BYTES];
    for (int level = FMAP_LEVEL_L1; level < FMAP_LEVELS; level++) {
        /* A level that the machine does not have is the next one. */
        if (level == FMAP_LEVEL_MEMORY ||
            machine->bytes_per_second[level] != machine->bytes_per_second[level + 1]) {
            draw_slope(drawing, level);
        }
    }
    line(drawing->stream, x, y, PLOT.right, y, "stroke=\"#333333\" stroke-width=\"1.3\"");
    snprintf(name, sizeof name, "peak %.0f GFLOP/s", peak(drawing));
    text(drawing->stream, PLOT.right - 6, y - 6, "class=\"roof\" text-anchor=\"end\"", name);
    double half = roofline_text_width(name, 12) / 2;
    take(drawing, PLOT.right - 6 - half, y - 9, half + 2, 8);
}

/* ---- layers ---------------------------------------------------------------------------------------- */

static void draw_points(const struct drawing *drawing) {
    FILE *stream = drawing->stream;
    for (size_t i = 0; i < drawing->roofline->n_points; i++) {
        const struct roofline_point *point = &drawing->roofline->points[i];
        fprintf(stream,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" fill-opacity=\"0.72\" "
                "stroke=\"#ffffff\"><title>",
                point->x, point->y, point->radius, colours[point->kernel]);
        html_text(stream, point->name);
        fprintf(stream, ": %s, %.1f GFLOP/s, %.1f operations a byte, %.1f%% of the time</title></circle>\n",
                drawing->roofline->kernels[point->kernel].name, point->gflops, point->intensity,
                100 * point->share);
    }
}

static void draw_labels(const struct drawing *drawing) {
    FILE *stream = drawing->stream;
    for (size_t i = 0; i < drawing->roofline->n_points; i++) {
        const struct roofline_point *point = &drawing->roofline->points[i];
        if (!point->labelled) continue;
        double width = roofline_text_width(point->name, ROOFLINE_LABEL_SIZE);
        double x = fmax(point->label_x, fmin(point->x, point->label_x + width));
        double y = point->label_y - (point->label_y > point->y ? 9 : 0);
        if (point->leader) line(stream, point->x, point->y, x, y, "stroke=\"#999999\" stroke-width=\"0.7\"");
        text(stream, point->label_x, point->label_y, "class=\"label\"", point->name);
    }
}

static size_t count_unlabelled(const struct roofline *roofline) {
    size_t n = 0;
    for (size_t i = 0; i < roofline->n_points; i++) n += !roofline->points[i].labelled;
    return n;
}

/* ---- what stands beside ---------------------------------------------------------------------------- */

static void draw_kernels(const struct drawing *drawing, double *y) {
    FILE *stream = drawing->stream;
    char words[ROOFLINE_NAME_BYTES + RANGE_TEXT_BYTES];
    text(stream, LEGEND_X, *y, "font-weight=\"bold\"", "algorithm, share of time");
    for (int i = 0; i < drawing->roofline->n_kernels; i++) {
        const struct roofline_kernel *kernel = &drawing->roofline->kernels[i];
        *y += 20;
        fprintf(stream, "<circle cx=\"%d\" cy=\"%.1f\" r=\"6\" fill=\"%s\" fill-opacity=\"0.72\"/>\n",
                LEGEND_X + 6, *y - 4, colours[i]);
        snprintf(words, sizeof words, "%.24s %.1f%%", kernel->name, 100 * kernel->share);
        text(stream, LEGEND_X + 20, *y, "", words);
    }
}

static void draw_sizes(const struct drawing *drawing, double *y) {
    static const double shares[] = {0.01, 0.1, 0.4};
    char words[RANGE_TEXT_BYTES];
    *y += 40;
    text(drawing->stream, LEGEND_X, *y, "font-weight=\"bold\"", "size: share of time");
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        double radius = 3 + 22 * sqrt(shares[i]);
        *y += radius + 12;
        fprintf(drawing->stream,
                "<circle cx=\"%d\" cy=\"%.1f\" r=\"%.1f\" fill=\"none\" stroke=\"#555555\"/>\n",
                LEGEND_X + 18, *y - 4, radius);
        snprintf(words, sizeof words, "%.0f%%", 100 * shares[i]);
        text(drawing->stream, LEGEND_X + 44, *y, "", words);
        *y += radius;
    }
}

static void draw_notes(const struct drawing *drawing, double *y) {
    FILE *stream = drawing->stream;
    const struct roofline *roofline = drawing->roofline;
    size_t unlabelled = count_unlabelled(roofline);
    char words[3 * RANGE_TEXT_BYTES];
    *y += 30;
    if (roofline->n_left_out > 0) {
        snprintf(words, sizeof words, "Not shown: %zu layer%s without", roofline->n_left_out,
                 roofline->n_left_out == 1 ? "" : "s");
        text(stream, LEGEND_X, *y, "class=\"note\"", words);
        snprintf(words, sizeof words, "multiply-adds, %.1f%% of the time.", 100 * roofline->share_left_out);
        text(stream, LEGEND_X, *y + 15, "class=\"note\"", words);
        *y += 38;
    }
    if (unlabelled > 0) {
        snprintf(words, sizeof words, "%zu unnamed layer%s: point at %s", unlabelled,
                 unlabelled == 1 ? "" : "s", unlabelled == 1 ? "it." : "them.");
        text(stream, LEGEND_X, *y, "class=\"note\"", words);
        *y += 23;
    }
    text(stream, LEGEND_X, *y, "class=\"note\"", "Operations are those of the direct");
    text(stream, LEGEND_X, *y + 15, "class=\"note\"", "sum: Winograd needs fewer and");
    text(stream, LEGEND_X, *y + 30, "class=\"note\"", "may rise above the peak.");
}

static void draw_title(const struct drawing *drawing) {
    const struct trial *trial = drawing->roofline->trial;
    char words[4 * RANGE_TEXT_BYTES];
    text(drawing->stream, PLOT.left, 28, "font-size=\"17\" font-weight=\"bold\"", drawing->roofline->network);
    snprintf(words, sizeof words, "%d thread%s, batch %" PRId64 ", %s: %.3f ms (median)", trial->info.threads,
             trial->info.threads == 1 ? "" : "s", trial->batch, fmap_isa_name(trial->info.isa),
             1e3 * trial->timing.median);
    text(drawing->stream, PLOT.left, 48, "", words);
}

void roofline_draw(struct roofline *roofline, FILE *stream) {
    struct drawing drawing = {.stream = stream, .roofline = roofline};
    double y = PLOT.top + 10;
    settle_axes(&drawing);
    put_points(&drawing);
    fprintf(stream,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" fill=\"#222222\">\n"
            "<style>.label { font-size: %dpx; } .note { fill: #666666; font-size: 11px; } "
            ".label, .roof { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, ROOFLINE_LABEL_SIZE);
    draw_title(&drawing);
    draw_axes(&drawing);
    draw_roofs(&drawing);
    roofline_place_labels(roofline->points, roofline->n_points, &PLOT, drawing.boxes, drawing.n_boxes);
    draw_points(&drawing);
    draw_labels(&drawing);
    draw_kernels(&drawing, &y);
    draw_sizes(&drawing, &y);
    draw_notes(&drawing, &y);
    fputs("</svg>\n", stream);
}
