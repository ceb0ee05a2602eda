// A rate limiter: requests are served at most every 10 ms, but up to three that have been saved up
// at once.
//
// Shown: a ticker, a buffered channel without values as a bucket of permits, a fiber that fills it
// until its context is done, and the steady clock of weft.
//
// Prints:
//   request 1: served
//   request 2: served
//   request 3: served
//   request 4: served, 10 ms after the beginning or later
//   request 5: served, 20 ms after the beginning or later
//   request 6: served, 30 ms after the beginning or later
//   request 7: served, 40 ms after the beginning or later
//   request 8: served, 50 ms after the beginning or later

#include <algorithm>
#include <iostream>
#include <utility>
#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;

class rate_limiter {
 public:
  rate_limiter(weft::duration interval, std::size_t burst) : permits_(burst) {
    while (permits_.try_send()) {
    }
    weft::go([permits = permits_, interval, stop = life_.first] {
      weft::ticker tick(interval);
      // A permit more for each tick, unless the bucket is full.
      while (weft::select(weft::recv(tick.c), weft::recv(stop.done())) == 0) permits.try_send();
    });
  }

  void acquire() const { permits_.recv(); }

 private:
  weft::chan<void> permits_;
  // The destructor of the cancel function cancels: the filler ends with its limiter.
  std::pair<weft::context, weft::cancel_function> life_ = weft::with_cancel(weft::background());
};

bool eight_requests() {
  constexpr int burst = 3;
  constexpr auto interval = 10ms;
  const auto begin = weft::clock::now();
  const rate_limiter limiter(interval, burst);
  bool in_order = true;
  for (int i = 1; i <= 8; ++i) {
    limiter.acquire();
    const auto earliest = std::max(i - burst, 0) * interval;
    in_order = in_order && weft::clock::now() - begin >= earliest;
    std::cout << "request " << i << ": served";
    if (earliest > 0ms) std::cout << ", " << earliest.count() << " ms after the beginning or later";
    std::cout << '\n';
  }
  return in_order;
}

}  // namespace

int main() { return weft::run(eight_requests) ? 0 : 1; }
