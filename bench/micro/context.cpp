// Benchmarks of contexts with the names, loops and parameters of Go's context package; the Go side
// is bench/micro/go/context_test.go.

#include <chrono>
#include <utility>
#include <vector>

#include "micro.hpp"

namespace {

using cancellable = std::pair<weft::context, weft::cancel_function>;

constexpr int depth = 10;

// A chain of contexts below root. Go drops the cancel functions; here dropping one cancels, so they
// are kept until the tree's root has been dealt with.
std::vector<cancellable> build_tree(const weft::context& root) {
  std::vector<cancellable> tree;
  tree.reserve(depth);
  tree.push_back(weft::with_cancel(root));
  while (tree.size() < depth) tree.push_back(weft::with_cancel(tree.back().first));
  return tree;
}

void cancel_tree_background(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(build_tree(weft::background()));
}

void cancel_tree_open(benchmark::State& state) {
  for (auto _ : state) {
    auto [root, cancel] = weft::with_cancel(weft::background());
    const auto tree = build_tree(root);
    cancel();
    benchmark::DoNotOptimize(tree.data());
  }
}

void cancel_tree_closed(benchmark::State& state) {
  for (auto _ : state) {
    auto [root, cancel] = weft::with_cancel(weft::background());
    cancel();
    benchmark::DoNotOptimize(build_tree(root));
  }
}

// Ten contexts with a timeout made and cancelled, beside a number of others that stay.
void with_timeout(benchmark::State& state, std::size_t others) {
  const auto make = [] { return weft::with_timeout(weft::background(), std::chrono::hours(1)); };
  std::vector<cancellable> standing;
  standing.reserve(others);
  while (standing.size() < others) standing.push_back(make());
  std::vector<cancellable> ten;
  ten.reserve(10);
  for (auto _ : state) {
    while (ten.size() < 10) ten.push_back(make());
    for (auto& [context, cancel] : ten) cancel();
    ten.clear();
  }
}

}  // namespace

void micro::add_context_benchmarks() {
  add("CancelTree/depth=10/Root=Background", cancel_tree_background);
  add("CancelTree/depth=10/Root=OpenCanceler", cancel_tree_open);
  add("CancelTree/depth=10/Root=ClosedCanceler", cancel_tree_closed);
  for (const std::size_t others : {40, 4000, 400000}) {
    add("WithTimeout/concurrency=" + std::to_string(others),
        [others](benchmark::State& state) { with_timeout(state, others); });
  }
}
