// Go's named micro-benchmarks for weft, on one P. Takes Google Benchmark's options.

#include "micro.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  micro::add_channel_benchmarks();
  micro::add_spawn_benchmarks();
  micro::add_sync_benchmarks();
  micro::add_context_benchmarks();
  weft::start({.procs = 1});
  benchmark::RunSpecifiedBenchmarks();
  weft::stop();
  benchmark::Shutdown();
}
