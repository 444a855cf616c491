// The only C++ file of the project: Google Benchmark behind a C interface.
#include "gbench.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

struct gbench_state {
    benchmark::State &state;
    std::chrono::steady_clock::time_point begin{};
    bool begun = false;
    double seconds = 0;
};

extern "C" {

void gbench_register(const char *name, gbench_function *function, void *argument) {
    benchmark::RegisterBenchmark(name, [function, argument](benchmark::State &state) {
        gbench_state wrapped{state};
        function(&wrapped, argument);
    })->UseRealTime();
}

bool gbench_keep_running(gbench_state *state) {
    if (!state->begun) {
        state->begun = true;
        bool goes_on = state->state.KeepRunning();
        state->begin = std::chrono::steady_clock::now();
        return goes_on;
    }
    if (state->state.KeepRunning()) return true;
    std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - state->begin;
    if (state->state.iterations() > 0)
        state->seconds = elapsed.count() / static_cast<double>(state->state.iterations());
    return false;
}

void gbench_pause(gbench_state *state) { state->state.PauseTiming(); }
void gbench_resume(gbench_state *state) { state->state.ResumeTiming(); }

void gbench_rate(gbench_state *state, const char *name, double per_iteration) {
    state->state.counters[name] = benchmark::Counter(
        per_iteration, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void gbench_value(gbench_state *state, const char *name, double value) {
    state->state.counters[name] = benchmark::Counter(value);
}

void gbench_label(gbench_state *state, const char *label) { state->state.SetLabel(label); }
void gbench_skip(gbench_state *state, const char *reason) { state->state.SkipWithError(reason); }
double gbench_seconds(const gbench_state *state) { return state->seconds; }
void gbench_context(const char *key, const char *value) { benchmark::AddCustomContext(key, value); }
void gbench_initialize(int *argc, char **argv) { benchmark::Initialize(argc, argv); }
uint64_t gbench_run(void) { return benchmark::RunSpecifiedBenchmarks(); }
}
