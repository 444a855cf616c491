#include "runtime/planning.h"

#include "runtime/layer.h"

#include <stdio.h>
#include <string.h>

/* Parts smaller than this many operations cost more to hand out than they save: about 10 microseconds. */
static const int64_t SMALLEST_PART = 200000;

struct fmap_geometry fmap_geometry_of(const fmap_shape *shape) {
    struct fmap_geometry geometry = {.n = shape->dims[0], .c = shape->dims[1], .h = 1, .w = 1};
    if (shape->rank > 2) geometry.w = shape->dims[shape->rank - 1];
    if (shape->rank > 3) geometry.h = fmap_shape_product(shape, 2, shape->rank - 1);
    geometry.blocks = fmap_blocks_of(geometry.c);
    geometry.block_stride = geometry.h * geometry.w * FMAP_BLOCK;
    geometry.image_stride = geometry.blocks * geometry.block_stride;
    return geometry;
}

fmap_status fmap_planning_out_of_memory(const struct fmap_planning *planning) {
    return fmap_fail(planning->error, FMAP_ERROR_MEMORY, "%.120s: out of memory while planning",
                     planning->graph->name);
}

/* The plain memory of a view is its source's. */
static const struct fmap_planned_value *place_of(const struct fmap_planning *planning, fmap_value value,
                                                 enum fmap_form *form) {
    const struct fmap_planned_value *planned = &planning->values[value];
    while (*form == FMAP_FORM_PLAIN && !planned->placed[*form] && planned->view_of) {
        *form = planned->view_form;
        planned = &planning->values[planned->view_of];
    }
    return planned;
}

bool fmap_planning_has(const struct fmap_planning *planning, fmap_value value, enum fmap_form form) {
    return place_of(planning, value, &form)->placed[form];
}

void fmap_planning_view(struct fmap_planning *planning, fmap_value value, fmap_value source,
                        enum fmap_form source_form) {
    planning->values[value].view_of = source;
    planning->values[value].view_form = source_form;
}

void fmap_operand_advance_elements(struct fmap_operand *operand, fmap_type type, int64_t elements) {
    int64_t bytes = elements * (int64_t)fmap_type_bytes(type);
    if (operand->base == FMAP_BASE_CONSTANT)
        operand->constant = (const char *)operand->constant + bytes;
    else
        operand->offset += (size_t)bytes;
}

void fmap_operand_advance(struct fmap_operand *operand, int64_t floats) {
    fmap_operand_advance_elements(operand, FMAP_FLOAT32, floats);
}

size_t fmap_form_bytes(const struct fmap_graph_value *value, enum fmap_form form) {
    int64_t elements = fmap_shape_product(&value->shape, 0, value->shape.rank);
    if (form == FMAP_FORM_BLOCKED) {
        struct fmap_geometry geometry = fmap_geometry_of(&value->shape);
        elements = geometry.n * geometry.image_stride;
    }
    return (size_t)elements * fmap_type_bytes(form == FMAP_FORM_PICTURE ? FMAP_UINT8 : value->type);
}

fmap_status fmap_planning_temporary(struct fmap_planning *planning, size_t bytes,
                                    struct fmap_operand *place) {
    struct fmap_buffer *buffers = fmap_storage_grow(&planning->storage, planning->buffers,
                                                    planning->n_buffers, &planning->buffers_capacity,
                                                    sizeof *buffers);
    if (!buffers) return fmap_planning_out_of_memory(planning);
    planning->buffers = buffers;
    buffers[planning->n_buffers] = (struct fmap_buffer){.bytes = bytes, .local = planning->n_chunks > 1};
    *place = (struct fmap_operand){.base = FMAP_BASE_ARENA, .buffer = planning->n_buffers++};
    return FMAP_OK;
}

enum fmap_form fmap_planning_port_form(const struct fmap_planning *planning, size_t port,
                                       const fmap_shape *shape) {
    static const enum fmap_form forms[] = {
        [FMAP_NCHW] = FMAP_FORM_PLAIN, [FMAP_NHWC] = FMAP_FORM_PIXELS, [FMAP_BLOCKED] = FMAP_FORM_BLOCKED};
    return shape->rank == 4 ? forms[planning->plan->port_layouts[port]] : FMAP_FORM_PLAIN;
}

/* Whether the plain memory of `value` is that of `output`, another shape of it. */
static bool is_seen_as(const struct fmap_graph *graph, fmap_value value, fmap_value output) {
    while (output != value) {
        int64_t producer = graph->values[output].producer;
        const struct fmap_graph_node *node = producer >= 0 ? &graph->nodes[producer] : NULL;
        if (!node || node->dead || !node->layer->view || !node->layer->view(graph, node)) return false;
        output = fmap_node_input(graph, node, 0);
    }
    return true;
}

/* The caller's buffer for a value that is an output of the network in that form; false when there is none. */
static bool output_port(const struct fmap_planning *planning, fmap_value value, enum fmap_form form,
                        struct fmap_operand *place) {
    const struct fmap_graph *graph = planning->graph;
    for (size_t i = 0; i < graph->n_outputs; i++) {
        size_t port = graph->n_inputs + i;
        fmap_value output = fmap_graph_resolve(graph, graph->outputs[i]);
        if (form != fmap_planning_port_form(planning, port, &graph->values[output].shape)) continue;
        if (output != value && (form != FMAP_FORM_PLAIN || !is_seen_as(graph, value, output))) continue;
        *place = (struct fmap_operand){.base = FMAP_BASE_PORT, .port = (int)port};
        return true;
    }
    return false;
}

bool fmap_planning_ends_plain(const struct fmap_planning *planning, fmap_value value) {
    struct fmap_operand place;
    return output_port(planning, value, FMAP_FORM_PLAIN, &place);
}

void fmap_planning_slice(struct fmap_planning *planning, fmap_value value, fmap_value whole, int64_t block) {
    struct fmap_planned_value *planned = &planning->values[value];
    if (planned->slice_of) return;
    planned->slice_of = whole;
    planned->slice_block = block;
}

fmap_status fmap_planning_count(struct fmap_planning *planning, fmap_value value, size_t *count) {
    struct fmap_plan *plan = planning->plan;
    fmap_value *counted = fmap_storage_take(&plan->storage, plan->n_counted + 1, sizeof *counted);
    if (!counted) return fmap_planning_out_of_memory(planning);
    for (size_t i = 0; i < plan->n_counted; i++) counted[i] = plan->counted[i];
    *count = plan->n_counted++;
    counted[*count] = value;
    plan->counted = counted;
    return FMAP_OK;
}

/* The place in the whole, which gets its memory with the first of its slices. Several images do not lie one behind
 * the other there: only for writers and readers that can do with that. */
static fmap_status write_slice(struct fmap_planning *planning, struct fmap_planned_value *planned,
                               int64_t block_stride, struct fmap_operand *place) {
    struct fmap_planned_value *whole = &planning->values[planned->slice_of];
    if (!whole->placed[FMAP_FORM_BLOCKED]) {
        int64_t image_stride;
        TRY(fmap_planning_write_images(planning, planned->slice_of, place, &image_stride));
    }
    *place = whole->places[FMAP_FORM_BLOCKED];
    fmap_operand_advance(place, planned->slice_block * block_stride);
    planned->image_stride = whole->image_stride;
    planned->in_slice = true;
    return FMAP_OK;
}

/* Memory of one image, or of all where they are read beyond the chunked steps. */
static fmap_status take_place(struct fmap_planning *planning, const struct fmap_planned_value *planned,
                              size_t bytes, struct fmap_operand *place) {
    bool all = planning->n_chunks > 1 && planned->crosses;
    TRY(fmap_planning_temporary(planning, all ? bytes * (size_t)planning->n_chunks : bytes, place));
    if (!all) return FMAP_OK;
    planning->buffers[place->buffer].local = false;
    place->chunk_bytes = bytes;
    return FMAP_OK;
}

static fmap_status write(struct fmap_planning *planning, fmap_value value, enum fmap_form form, bool strided,
                         struct fmap_operand *place) {
    struct fmap_planned_value *planned = &planning->values[value];
    const struct fmap_graph_value *known = &planning->graph->values[value];
    const fmap_shape *shape = &known->shape;
    struct fmap_geometry geometry = {0};
    if (form == FMAP_FORM_BLOCKED) geometry = fmap_geometry_of(shape);
    if (form == FMAP_FORM_BLOCKED) planned->image_stride = geometry.image_stride;
    if (!output_port(planning, value, form, place)) {
        if (form == FMAP_FORM_BLOCKED && planned->slice_of && !planned->crosses &&
            (strided || geometry.n == 1))
            TRY(write_slice(planning, planned, geometry.block_stride, place));
        else
            TRY(take_place(planning, planned, fmap_form_bytes(known, form), place));
    } else if (planning->n_chunks > 1) {
        place->chunk_bytes = fmap_form_bytes(known, form);
    }
    planned->places[form] = *place;
    planned->placed[form] = true;
    return FMAP_OK;
}

fmap_status fmap_planning_write(struct fmap_planning *planning, fmap_value value, enum fmap_form form,
                                struct fmap_operand *place) {
    return write(planning, value, form, false, place);
}

fmap_status fmap_planning_write_images(struct fmap_planning *planning, fmap_value value,
                                       struct fmap_operand *place, int64_t *image_stride) {
    TRY(write(planning, value, FMAP_FORM_BLOCKED, true, place));
    *image_stride = planning->values[value].image_stride;
    return FMAP_OK;
}

fmap_status fmap_planning_weights(struct fmap_planning *planning, size_t n_floats, float **weights) {
    *weights = fmap_storage_take(&planning->plan->storage, n_floats, sizeof **weights);
    if (!*weights) return fmap_planning_out_of_memory(planning);
    planning->plan->weights_bytes += n_floats * sizeof **weights;
    return FMAP_OK;
}

/* The elements of a constant, aligned as their type must be. */
static fmap_status aligned_constant(struct fmap_planning *planning, fmap_value value, const void **elements) {
    const struct fmap_graph_value *constant = &planning->graph->values[value];
    *elements = constant->data;
    if ((uintptr_t)constant->data % fmap_type_bytes(constant->type) == 0) return FMAP_OK;
    size_t bytes = fmap_form_bytes(constant, FMAP_FORM_PLAIN);
    float *aligned;
    TRY(fmap_planning_weights(planning, (bytes + sizeof *aligned - 1) / sizeof *aligned, &aligned));
    memcpy(aligned, constant->data, bytes);
    *elements = aligned;
    return FMAP_OK;
}

fmap_status fmap_planning_constant(struct fmap_planning *planning, fmap_value value, const float **floats) {
    const void *elements;
    TRY(aligned_constant(planning, value, &elements));
    *floats = elements;
    return FMAP_OK;
}

static fmap_status place_constant(struct fmap_planning *planning, fmap_value value) {
    struct fmap_planned_value *planned = &planning->values[value];
    struct fmap_operand *place = &planned->places[FMAP_FORM_PLAIN];
    *place = (struct fmap_operand){.base = FMAP_BASE_CONSTANT};
    TRY(aligned_constant(planning, value, &place->constant));
    planned->placed[FMAP_FORM_PLAIN] = true;
    return FMAP_OK;
}

/* Of one pixel, a blocked tensor without padded lanes between images is a plain one. */
static bool forms_coincide(const fmap_shape *shape) {
    struct fmap_geometry geometry = fmap_geometry_of(shape);
    return geometry.h * geometry.w == 1 && (geometry.n == 1 || geometry.c % FMAP_BLOCK == 0);
}

fmap_status fmap_planning_read(struct fmap_planning *planning, fmap_value value, enum fmap_form form,
                               struct fmap_operand *place) {
    struct fmap_planned_value *planned = &planning->values[value];
    const struct fmap_graph_value *known = &planning->graph->values[value];
    if (known->data && !planned->placed[FMAP_FORM_PLAIN]) TRY(place_constant(planning, value));
    if (form == FMAP_FORM_PLAIN && !planned->placed[form] && planned->view_of) {
        TRY(fmap_planning_read(planning, planned->view_of, planned->view_form, place));
        planned = &planning->values[value];
        planned->places[form] = *place;
        planned->placed[form] = true;
    }
    if (!planned->placed[form]) {
        enum fmap_form from = FMAP_FORM_PLAIN;
        if (planned->placed[FMAP_FORM_BLOCKED])
            from = FMAP_FORM_BLOCKED;
        else if (planned->placed[FMAP_FORM_PIXELS])
            from = FMAP_FORM_PIXELS;
        else if (planned->picture && form != FMAP_FORM_PIXELS && !planned->placed[FMAP_FORM_PLAIN])
            from = FMAP_FORM_PICTURE;
        struct fmap_operand source;
        bool chunk_only = planning->n_chunks > 1 && planned->crosses; /* forms of a batch may be apart */
        if (from == FMAP_FORM_BLOCKED && forms_coincide(&known->shape) && !chunk_only &&
            !output_port(planning, value, form, place)) {
            planned->places[form] = planned->places[from];
            planned->placed[form] = true;
            return fmap_planning_read(planning, value, form, place);
        }
        if (from == FMAP_FORM_PLAIN)
            TRY(fmap_planning_read(planning, value, from, &source));
        else
            source = planned->places[from];
        TRY(fmap_planning_write(planning, value, form, place));
        const struct fmap_graph_node *node = known->producer >= 0 ? &planning->graph->nodes[known->producer]
                                                                  : NULL;
        if (from == FMAP_FORM_PICTURE)
            TRY(fmap_planning_take_pixels(planning, value, form == FMAP_FORM_BLOCKED, &source, place));
        else
            TRY(fmap_planning_convert(planning, node, known, from, &source, form, place));
    }
    *place = planning->values[value].places[form];
    return FMAP_OK;
}

/* The buffers of the operands are needed in this step. */
static void use_buffers(struct fmap_planning *planning, const struct fmap_step *step, size_t index) {
    for (size_t i = 0; i < step->n_operands; i++) {
        if (step->operands[i].base != FMAP_BASE_ARENA) continue;
        struct fmap_buffer *buffer = &planning->buffers[step->operands[i].buffer];
        if (!buffer->used) buffer->first_step = index;
        buffer->used = true;
        buffer->last_step = index;
    }
}

/* Whether the step reads the buffer in another way than element by element. */
static bool reads_otherwise(const struct fmap_step *step, size_t buffer, unsigned in_place) {
    for (size_t i = 0; i + 1 < step->n_operands; i++) {
        const struct fmap_operand *operand = &step->operands[i];
        if (operand->base == FMAP_BASE_ARENA && operand->buffer == buffer && !(in_place >> i & 1))
            return true;
    }
    return false;
}

/* Notes whose place the output may take, should this step turn out to be the last that needs it. */
static void note_choices(struct fmap_planning *planning, const struct fmap_step *step, unsigned in_place) {
    if (in_place == 0) return;
    const struct fmap_operand *output = &step->operands[step->n_operands - 1];
    if (output->base != FMAP_BASE_ARENA || output->offset > 0) return;
    struct fmap_buffer *buffer = &planning->buffers[output->buffer];
    if (buffer->used) return; /* a part of it has been written before */
    for (size_t i = 0, n = 0; i + 1 < step->n_operands && n < FMAP_BUFFER_CHOICES; i++) {
        const struct fmap_operand *operand = &step->operands[i];
        if (!(in_place >> i & 1) || operand->base != FMAP_BASE_ARENA || operand->offset > 0) continue;
        if (reads_otherwise(step, operand->buffer, in_place)) continue;
        buffer->choices[n++] = operand->buffer + 1;
    }
}

fmap_status fmap_planning_step(struct fmap_planning *planning,
                               const struct fmap_step_definition *definition) {
    struct fmap_plan *plan = planning->plan;
    struct fmap_storage *storage = &plan->storage;
    struct fmap_step *steps = fmap_storage_grow(storage, plan->steps, plan->n_steps,
                                                &planning->steps_capacity, sizeof *steps);
    if (!steps) return fmap_planning_out_of_memory(planning);
    plan->steps = steps;
    struct fmap_step *step = &steps[plan->n_steps];
    *step = (struct fmap_step){.part = definition->part,
                               .n_operands = definition->n_operands,
                               .parts = definition->parts,
                               .layer = definition->node ? definition->node->origin : -1,
                               .name = definition->node ? definition->node->name : "",
                               .tile = {definition->tile[0], definition->tile[1]},
                               .share = definition->share,
                               .scratch_bytes = (definition->scratch_bytes + 63) / 64 * 64};
    if (fmap_share_parts(&step->share) != step->parts)
        step->share = (struct fmap_share){.along = {{.total = step->parts, .pieces = step->parts}}};
    step->job = fmap_storage_copy(storage, definition->job, definition->job_bytes, 1);
    step->operands = fmap_storage_copy(storage, definition->operands, definition->n_operands,
                                       sizeof *definition->operands);
    step->kernel = fmap_storage_text(storage, definition->kernel);
    step->why = definition->why ? fmap_storage_text(storage, definition->why) : "";
    if (!step->job || !step->operands || !step->kernel || !step->why)
        return fmap_planning_out_of_memory(planning);
    note_choices(planning, step, definition->in_place);
    use_buffers(planning, step, plan->n_steps);
    plan->n_steps++;
    if (step->scratch_bytes > plan->scratch_bytes) plan->scratch_bytes = step->scratch_bytes;
    return FMAP_OK;
}

struct fmap_kernel_text fmap_kernel_text(const struct fmap_planning *planning, const char *work) {
    struct fmap_kernel_text result;
    snprintf(result.text, sizeof result.text, "%s_%s", work, planning->kernels->isa);
    return result;
}

int64_t fmap_planning_parts(const struct fmap_planning *planning, int64_t work) {
    int64_t threads = planning->plan->threads, most = threads == 1 ? 1 : 4 * threads;
    int64_t parts = work / SMALLEST_PART;
    if (parts > threads) parts -= parts % threads;
    return parts < 1 ? 1 : parts < most ? parts : most;
}

void fmap_strides_of(const fmap_shape *shape, int64_t *strides) {
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
}
