// A pipeline: one fiber makes numbers, four work on them (fan-out), their results come together in
// one channel (fan-in), and the consumer stops everybody as soon as it knows enough.
//
// Shown: stages that hand on a receiver, a context as the way to stop them all, select between
// the next thing to do and the wish to stop, and a wait_group that shows that nobody is left.
//
// Prints:
//   of 1 to 1000, 871 takes the most steps to reach 1: 178
//   all 6 fibers of the pipeline have ended

#include <cstdint>
#include <iostream>
#include <memory>
#include <weft/weft.hpp>

namespace {

struct answer {
  int number, steps;
};

// Counts how many fibers of the pipeline there were, and waits for them.
struct crew {
  weft::wait_group running;
  int started = 0;

  template <class F>
  void go(F f) {
    ++started;
    running.go(std::move(f));
  }
};

// Sends v unless the context is done first.
template <class T>
bool offer(const weft::context& ctx, const weft::sender<T>& out, T v) {
  return weft::select(weft::send(out, v), weft::recv(ctx.done())) == 0;
}

weft::receiver<int> numbers(const weft::context& ctx, crew& c) {
  const weft::chan<int> out;
  c.go([=] {
    for (int n = 1; offer(ctx, out.tx(), n); ++n) {
    }
    out.close();
  });
  return out;
}

int collatz(std::int64_t n) {
  int steps = 0;
  for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return steps;
}

weft::receiver<answer> solve(const weft::context& ctx, crew& c, weft::receiver<int> in) {
  const weft::chan<answer> out(16);
  const auto working = std::make_shared<weft::wait_group>();
  for (int i = 0; i < 4; ++i) {
    working->add(1);
    c.go([=] {
      for (int n : in) {
        if (!offer(ctx, out.tx(), answer{n, collatz(n)})) break;
      }
      working->done();
    });
  }
  c.go([=] {
    working->wait();
    out.close();
  });
  return out;
}

bool longest_way() {
  auto [ctx, cancel] = weft::with_cancel(weft::background());
  crew c;
  answer most{0, -1};
  int missing = 1000;  // the numbers come endlessly, and their answers in any order
  for (const answer& a : solve(ctx, c, numbers(ctx, c))) {
    if (a.number > 1000) continue;
    if (a.steps > most.steps) most = a;
    if (--missing == 0) break;
  }
  cancel();
  c.running.wait();
  std::cout << "of 1 to 1000, " << most.number << " takes the most steps to reach 1: " << most.steps
            << "\nall " << c.started << " fibers of the pipeline have ended\n";
  return most.number == 871 && most.steps == 178 && c.started == 6;
}

}  // namespace

int main() { return weft::run(longest_way) ? 0 : 1; }
