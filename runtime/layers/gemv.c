/* A dense layer for one image: threads share the outputs, each streams weights of its own. */
#include "runtime/layers/gemv.h"

/* Threads that share fewer bytes of weights spend their time on meeting each other. */
static const int64_t LEAST_THREAD_BYTES = 256 * 1024;

struct gemv_job {
    struct fmap_dense_panels panels;
    struct fmap_terms terms;
    const float *bias;
    int64_t parts;
    bool far; /* a thread's weights do not stay in its second cache from one run to the next */
    struct fmap_activate_job activate;
};

static void gemv_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct gemv_job *job = step->job;
    const struct fmap_dense_panels *panels = &job->panels;
    const char *weights = fmap_elements_at(run, &step->operands[2]);
    float *dst = fmap_at(run, &step->operands[1]);
    int64_t width = panels->panel_vectors * panels->lanes;
    int64_t panel_bytes = width * panels->n_terms * fmap_weight_bytes(panels);
    int64_t panel = fmap_piece_begin(panels->n_panels, job->parts, part);
    int64_t end = panel + fmap_piece_length(panels->n_panels, job->parts, part);
    while (panel < end) {
        /* As many panels at once as the kernel reads, but none alone that could be read with others. */
        int64_t n_calls = (end - panel - 1) / run->kernels->gemv_streams + 1;
        int64_t vectors = fmap_panel_vectors(panels, panel), streams = (end - panel - 1) / n_calls + 1;
        if (streams > 1 && fmap_panel_vectors(panels, panel + streams - 1) < vectors) streams--;
        struct fmap_gemv gemv = {.src = fmap_at(run, &step->operands[0]),
                                 .weights = weights + panel * panel_bytes,
                                 .stream_stride = width * panels->n_terms,
                                 .bias = job->bias + panel * width,
                                 .dst = dst + panel * width,
                                 .terms = job->terms,
                                 .n_streams = (int)streams,
                                 .n_vectors = (int)vectors,
                                 .far = job->far,
                                 .activate = job->activate};
        if (panels->bf16)
            run->kernels->gemv_bf16(&gemv);
        else
            run->kernels->gemv(&gemv);
        panel += streams;
    }
}

struct fmap_dense_panels fmap_gemv_panels(int64_t n_vectors, int64_t most_vectors, int64_t threads) {
    struct fmap_dense_panels best = {0};
    int64_t best_share = 0;
    for (int64_t vectors = fmap_least(most_vectors, n_vectors); vectors > 0; vectors--) {
        int64_t n_panels = (n_vectors + vectors - 1) / vectors;
        int64_t share = (n_panels + threads - 1) / threads * vectors;    /* of the thread that has most */
        if (best.n_panels > 0 && share * 20 > best_share * 19) continue; /* not worth narrower ones */
        best = (struct fmap_dense_panels){
            .n_vectors = n_vectors, .panel_vectors = vectors, .n_panels = n_panels};
        best_share = share;
    }
    return best;
}

fmap_status fmap_planning_gemv(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_dense_problem *problem) {
    int64_t lanes = planning->kernels->lanes;
    bool bf16 = planning->plan->weights == FMAP_WEIGHTS_BF16;
    int64_t bytes = problem->depth * problem->columns * (bf16 ? 2 : 4);
    int64_t threads = fmap_least(planning->plan->threads, bytes / LEAST_THREAD_BYTES + 1);
    struct gemv_job job = {.terms = fmap_dense_terms(problem), .activate = problem->activate};
    job.panels = fmap_gemv_panels((problem->columns + lanes - 1) / lanes, planning->kernels->gemv_vectors,
                                  threads);
    job.panels.lanes = lanes;
    job.panels.bf16 = bf16;
    job.panels.n_terms = problem->depth;
    job.parts = fmap_least(job.panels.n_panels, threads); /* each thread its own, in every run the same */
    job.far = bytes / job.parts > (int64_t)planning->plan->near_bytes;
    struct fmap_operand operands[3] = {problem->src, problem->dst};
    TRY(fmap_dense_pack(planning, problem, &job.panels, &operands[2], &job.bias));
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){.part = gemv_part,
                                       .job = &job,
                                       .job_bytes = sizeof job,
                                       .operands = operands,
                                       .n_operands = 3,
                                       .parts = job.parts,
                                       .kernel = fmap_kernel_text(planning, bf16 ? "gemv_bf16" : "gemv").text,
                                       .why = "one row: as fast as the weights come from memory; every "
                                              "thread reads its own",
                                       .tile = {1, (int)job.panels.panel_vectors},
                                       .share = fmap_share_units(job.panels.n_panels, job.parts),
                                       .node = node});
}
