// The only C++ file of the project: Google Benchmark behind a C interface.
#include "gbench.h"

#include <benchmark/benchmark.h>

struct gbench_state {
    benchmark::State &state;
};

extern "C" {

void gbench_register(const char *name, gbench_function *function, void *argument) {
    benchmark::RegisterBenchmark(name,
                                 [function, argument](benchmark::State &state) {
                                     gbench_state wrapped{state};
                                     function(&wrapped, argument);
                                 })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
}

bool gbench_keep_running(gbench_state *state) { return state->state.KeepRunning(); }
void gbench_iteration(gbench_state *state, double seconds) { state->state.SetIterationTime(seconds); }

void gbench_rate(gbench_state *state, const char *name, double per_iteration) {
    state->state.counters[name] = benchmark::Counter(
        per_iteration, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void gbench_value(gbench_state *state, const char *name, double value) {
    state->state.counters[name] = benchmark::Counter(value);
}

void gbench_label(gbench_state *state, const char *label) { state->state.SetLabel(label); }
void gbench_skip(gbench_state *state, const char *reason) { state->state.SkipWithError(reason); }
void gbench_context(const char *key, const char *value) { benchmark::AddCustomContext(key, value); }
void gbench_initialize(int *argc, char **argv) { benchmark::Initialize(argc, argv); }
uint64_t gbench_run(void) { return benchmark::RunSpecifiedBenchmarks(); }
}
