// Registration of one micro-benchmark of weft: under the name Go gives it, timed by the wall clock,
// and run in a fiber, since that is where Go's loops run. The body gets Google Benchmark's state;
// loops that Go writes as "for i < b.N" around something other than the measured operation take
// the number of iterations from batch().

#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <weft/weft.hpp>

namespace micro {

inline void add(const std::string& name, std::function<void(benchmark::State&)> body) {
  benchmark::RegisterBenchmark(name.c_str(), [body = std::move(body)](benchmark::State& state) {
    weft::spawn([&] { body(state); }).join();
  })->UseRealTime();
}

// Runs `work(n)` once, with n the number of iterations asked for, as one timed batch.
template <class Work>
void batch(benchmark::State& state, Work&& work) {
  const auto n = static_cast<std::int64_t>(state.max_iterations);
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(n))) work(n);
}

void add_channel_benchmarks();
void add_spawn_benchmarks();
void add_sync_benchmarks();
void add_context_benchmarks();

}  // namespace micro
