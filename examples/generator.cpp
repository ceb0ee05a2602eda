// Generators: a fiber that computes a sequence, and a caller that takes as much of it as it likes.
//
// Shown: a function that returns a receiver, a range-based for over it, and contexts as the end of
// the generator: cancelled by the caller, by leaving a scope, or by a deadline.
//
// Prints:
//   fibonacci below 100: 0 1 1 2 3 5 8 13 21 34 55 89
//   the generator has ended: canceled
//   squares until the time is up: at least 1 of them
//   the generator has ended: timed out

#include <cstdint>
#include <iostream>
#include <system_error>
#include <utility>
#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;

// Sends next(), next(), ... until the context is done, then closes the channel.
template <class F>
auto generate(weft::context ctx, F next) -> weft::receiver<decltype(next())> {
  const weft::chan<decltype(next())> out;
  weft::go([=]() mutable {
    while (weft::select(weft::send(out, next()), weft::recv(ctx.done())) == 0) {
    }
    out.close();
  });
  return out;
}

weft::receiver<std::uint64_t> fibonacci(weft::context ctx) {
  return generate(std::move(ctx), [a = std::uint64_t{0}, b = std::uint64_t{1}]() mutable {
    const auto now = a;
    a = std::exchange(b, a + b);
    return now;
  });
}

const char* why(const weft::context& ctx) {
  if (ctx.err() == std::errc::operation_canceled) return "canceled";
  return ctx.err() == std::errc::timed_out ? "timed out" : "not at all";
}

bool generators() {
  std::uint64_t sum = 0;
  {
    auto [ctx, cancel] = weft::with_cancel(weft::background());
    const auto numbers = fibonacci(ctx);
    std::cout << "fibonacci below 100:";
    for (auto n : numbers) {
      if (n >= 100) break;
      std::cout << ' ' << n;
      sum += n;
    }
    cancel();  // leaving the scope would do it, too
    while (numbers.recv()) {
    }  // a number may have been on its way
    std::cout << "\nthe generator has ended: " << why(ctx) << '\n';
  }

  auto [ctx, cancel] = weft::with_timeout(weft::background(), 20ms);
  const auto squares = generate(ctx, [n = std::uint64_t{0}]() mutable {
    const auto at = n++;
    return at * at;
  });
  std::uint64_t count = 0;
  for (auto square : squares) count += square == count * count;
  std::cout << "squares until the time is up: " << (count > 0 ? "at least 1 of them" : "none")
            << "\nthe generator has ended: " << why(ctx) << '\n';
  return sum == 232 && count > 0;
}

}  // namespace

int main() { return weft::run(generators) ? 0 : 1; }
