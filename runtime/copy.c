/* Steps that copy elements between two strided arrays. */
#include "runtime/planning.h"

#include <string.h>

struct copy_job {
    struct fmap_strided strided; /* the last dimension is the inner loop */
    int64_t n_rows;              /* product of the others */
    int64_t rows_per_part;
};

/* A size that the compiler knows makes a move of each memcpy. */
static inline __attribute__((always_inline)) void
copy_elements(const char *src, int64_t src_stride, char *dst, int64_t dst_stride, int64_t n, size_t bytes) {
    for (int64_t i = 0; i < n; i++) {
        memcpy(dst + i * dst_stride * (int64_t)bytes, src + i * src_stride * (int64_t)bytes, bytes);
    }
}

static void copy_row(const char *src, int64_t src_stride, char *dst, int64_t dst_stride, int64_t n,
                     size_t bytes) {
    if (src_stride == 1 && dst_stride == 1) {
        memcpy(dst, src, (size_t)n * bytes);
        return;
    }
    switch (bytes) {
    case 1: copy_elements(src, src_stride, dst, dst_stride, n, 1); break;
    case 4: copy_elements(src, src_stride, dst, dst_stride, n, 4); break;
    default: copy_elements(src, src_stride, dst, dst_stride, n, 8); break;
    }
}

static void copy_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct copy_job *job = step->job;
    const struct fmap_strided *strided = &job->strided;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    char *dst = fmap_elements_at(run, &step->operands[1]);
    if (!dst) return; /* a tap that nobody wants */
    int64_t bytes = (int64_t)strided->element_bytes;
    src += strided->src_offset * bytes;
    dst += strided->dst_offset * bytes;
    int last = strided->rank - 1;
    int64_t row = part * job->rows_per_part;
    int64_t end = row + job->rows_per_part < job->n_rows ? row + job->rows_per_part : job->n_rows;
    for (; row < end; row++) {
        int64_t rest = row, from = 0, to = 0;
        for (int i = last - 1; i >= 0; i--) {
            int64_t index = rest % strided->dims[i];
            rest /= strided->dims[i];
            from += index * strided->src_strides[i];
            to += index * strided->dst_strides[i];
        }
        copy_row(src + from * bytes, strided->src_strides[last], dst + to * bytes, strided->dst_strides[last],
                 strided->dims[last], strided->element_bytes);
    }
}

/* Drops dimensions of 1 and joins neighbours that lie one behind the other in both arrays. */
static void simplify(struct fmap_strided *strided) {
    int rank = 0;
    for (int i = 0; i < strided->rank; i++) {
        if (strided->dims[i] == 1) continue;
        if (rank > 0 && strided->src_strides[rank - 1] == strided->dims[i] * strided->src_strides[i] &&
            strided->dst_strides[rank - 1] == strided->dims[i] * strided->dst_strides[i]) {
            rank--;
            strided->dims[rank] *= strided->dims[i];
        } else {
            strided->dims[rank] = strided->dims[i];
        }
        strided->src_strides[rank] = strided->src_strides[i];
        strided->dst_strides[rank] = strided->dst_strides[i];
        rank++;
    }
    if (rank == 0) {
        strided->dims[0] = strided->src_strides[0] = strided->dst_strides[0] = 1;
        rank = 1;
    }
    strided->rank = rank;
}

fmap_status fmap_planning_copy(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_operand *src, const struct fmap_operand *dst,
                               const struct fmap_strided *strided) {
    struct copy_job job = {.strided = *strided, .n_rows = 1};
    if (job.strided.element_bytes == 0) job.strided.element_bytes = sizeof(float);
    simplify(&job.strided);
    for (int i = 0; i < job.strided.rank - 1; i++) job.n_rows *= job.strided.dims[i];
    int64_t row = job.strided.dims[job.strided.rank - 1];
    int64_t parts = fmap_planning_parts(planning, 16 * job.n_rows * row);
    job.rows_per_part = (job.n_rows + parts - 1) / parts;
    if (job.rows_per_part < 1) return FMAP_OK; /* nothing to copy */
    struct fmap_operand operands[] = {*src, *dst};
    return fmap_planning_step(planning, &(struct fmap_step_definition){
                                            .part = copy_part,
                                            .job = &job,
                                            .job_bytes = sizeof job,
                                            .operands = operands,
                                            .n_operands = 2,
                                            .parts = (job.n_rows + job.rows_per_part - 1) / job.rows_per_part,
                                            .kernel = "copy",
                                            .node = node});
}
