// Oracle: producers send (who, number) through one channel, by sends that wait, that try and that
// give up, while deadlines pass and, in some rounds, somebody closes the channel under them.
// Whatever is said to be sent is received exactly once; whatever is said not to be sent is never
// received; what one consumer receives of one producer comes in the order of sending; the values
// left in a channel are destroyed with it. Producers and consumers are fibers and plain threads.
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "support/stress.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"

namespace {

using namespace std::chrono_literals;
using weft::recv_status;
using weft_testing::require;

std::atomic<long> alive{0};

struct stamp {
  int producer;
  int number;
};

// The same stamp in the three ways in which channels move their elements.
using as_bytes = stamp;

class as_owner {
 public:
  explicit as_owner(stamp s) : stamp_(std::make_unique<stamp>(s)) {}
  operator stamp() const { return *stamp_; }

 private:
  std::unique_ptr<stamp> stamp_;
};

class as_thrower {
 public:
  explicit as_thrower(stamp s) : stamp_(s) { ++alive; }
  as_thrower(as_thrower&& other) : stamp_(other.stamp_) {
    static std::atomic<unsigned> moves{0};
    if (++moves % 61 == 0) {
      throw 1;
    }
    ++alive;
  }
  as_thrower& operator=(as_thrower&& other) noexcept {
    stamp_ = other.stamp_;
    return *this;
  }
  ~as_thrower() { --alive; }
  operator stamp() const { return stamp_; }

 private:
  stamp stamp_;
};

struct plan {
  std::size_t capacity;
  int producers;
  int consumers;
  int each;
  bool closed_early;
};

template <class T>
class round_of {
 public:
  round_of(const plan& p, std::uint64_t seed)
      : plan_(p), seed_(seed), c_(p.capacity), state_(p.producers) {
    for (auto& numbers : state_) {
      numbers = std::vector<std::atomic<int>>(static_cast<std::size_t>(p.each));
    }
  }

  void run() {
    std::vector<weft::fiber<void>> producers, consumers;
    std::vector<std::thread> threads;
    for (int i = 1; i < plan_.producers; ++i) {
      producers.push_back(weft::spawn([this, i] { produce(i); }));
    }
    for (int i = 1; i < plan_.consumers; ++i) {
      consumers.push_back(weft::spawn([this, i] { consume(i); }));
    }
    std::thread producing([this] { produce(0); });
    std::thread consuming([this] { consume(0); });
    if (plan_.closed_early) {
      weft::this_fiber::sleep_for(std::chrono::microseconds(seed_ % 3000));
      c_.close();
    }
    producers.clear();
    weft::blocking([&] { producing.join(); });
    if (!plan_.closed_early) {
      c_.close();
    }
    consumers.clear();
    weft::blocking([&] { consuming.join(); });
    for (const auto& numbers : state_) {
      for (const auto& n : numbers) {
        require(n == 0 || n == sent + received, "a value was lost, doubled or invented");
        require(n != 0 || plan_.closed_early, "a value was not sent");
      }
    }
  }

 private:
  static constexpr int sent = 1, received = 2;

  // False: the channel is closed.
  bool send_once(std::minstd_rand& random, T& value) {
    for (;;) {
      try {
        switch (random() % 4) {
          case 0:
            c_.send_until(value, weft::clock::time_point::max());
            return true;
          case 1:
            if (c_.try_send(value)) {
              return true;
            }
            break;
          default:
            if (c_.send_for(value, std::chrono::microseconds(random() % 100))) {
              return true;
            }
        }
        weft::this_fiber::yield();
      } catch (const weft::closed_channel&) {
        return false;
      } catch (int) {  // would not move: nothing was sent
      }
    }
  }

  void produce(int producer) {
    std::minstd_rand random(static_cast<unsigned>(seed_) + static_cast<unsigned>(producer));
    for (int i = 0; i < plan_.each; ++i) {
      T value(stamp{producer, i});
      if (!send_once(random, value)) {
        return;
      }
      at(producer, i) += sent;
    }
  }

  std::optional<stamp> receive_once(std::minstd_rand& random) {
    for (;;) {
      try {
        if (random() % 2 == 0) {
          const auto v = c_.recv();
          return v ? std::optional<stamp>(*v) : std::nullopt;
        }
        T v(stamp{-1, -1});
        const recv_status s = random() % 2 == 0
                                  ? c_.try_recv(v)
                                  : c_.recv_for(v, std::chrono::microseconds(random() % 100));
        if (s == recv_status::ok) {
          return v;
        }
        if (s == recv_status::closed) {
          return std::nullopt;
        }
        weft::this_fiber::yield();
      } catch (int) {  // would not move: it is still there
      }
    }
  }

  void consume(int consumer) {
    std::minstd_rand random(static_cast<unsigned>(seed_) - static_cast<unsigned>(consumer) - 1);
    std::vector<int> last(static_cast<std::size_t>(plan_.producers), -1);
    while (const auto s = receive_once(random)) {
      int& previous = last[static_cast<std::size_t>(s->producer)];
      require(s->number > previous, "one producer's values came in another order");
      previous = s->number;
      at(s->producer, s->number) += received;
    }
  }

  std::atomic<int>& at(int producer, int number) {
    return state_[static_cast<std::size_t>(producer)][static_cast<std::size_t>(number)];
  }

  const plan plan_;
  const std::uint64_t seed_;
  const weft::chan<T> c_;
  std::vector<std::vector<std::atomic<int>>> state_;
};

template <class T>
void leave_some_behind(std::mt19937_64& random) {
  weft::chan<T> c(1 + random() % 20);
  for (std::uint64_t n = random() % 20; n-- > 0;) {
    try {
      c.try_send(T(stamp{0, 0}));
    } catch (int) {
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  weft::run(
      [&] {
        while (watch.running()) {
          constexpr std::size_t capacities[] = {0, 0, 1, 2, 3, 7, 64};
          const plan p{.capacity = capacities[random() % 7],
                       .producers = 1 + static_cast<int>(random() % 8),
                       .consumers = 1 + static_cast<int>(random() % 8),
                       .each = 1 + static_cast<int>(random() % 400),
                       .closed_early = random() % 2 == 0};
          switch (random() % 3) {
            case 0:
              round_of<as_bytes>(p, random()).run();
              break;
            case 1:
              round_of<as_owner>(p, random()).run();
              leave_some_behind<as_owner>(random);
              break;
            default:
              round_of<as_thrower>(p, random()).run();
              leave_some_behind<as_thrower>(random);
              require(alive == 0, "values were not destroyed");
          }
        }
      },
      {.procs = options.procs});
}
