// Oracle: fibers and plain threads pass numbered values through a few channels, buffered and not,
// with plain, timed and trying operations and with selects of several cases, some of both
// directions; some of the channels are closed on the way; stop() comes into the middle of it. A
// value whose send came back has been received once or lies in a buffer, and any other value has
// been received by nobody: so what was sent is what was received and what is left, one by one.
// What one receiver gets on one channel from one sender comes in the order of its sending. A send
// or receive that stop() has ended has done nothing; each fiber's locals are destroyed; no value is
// left when the channels are gone; and the next start() works.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

using random_source = std::minstd_rand;

constexpr std::size_t channels = 5;
constexpr std::size_t players = 18;
constexpr std::size_t most_values = 30'000;  // of one player in one round

std::atomic<long> alive{0};
std::atomic<long> passed_on{0};

struct counted {
  counted() { ++alive; }
  counted(const counted&) = delete;
  ~counted() { --alive; }
};

struct value {
  std::size_t sender;
  std::uint32_t number;
  counted c;
};
using box = std::unique_ptr<value>;
using wire = weft::chan<box>;

std::chrono::microseconds soon(random_source& random) {
  return std::chrono::microseconds(random() % 80);
}

// What has become of a player's values. Each byte is written by whoever has the value.
enum fate : std::uint8_t { unsent = 0, sent = 1, received = 2 };

class player {
 public:
  player(std::size_t self, std::array<wire, channels>& wires, std::vector<player>& all)
      : self_(self), wires_(&wires), all_(&all), fates_(most_values) {
    for (auto& of_channel : last_) {
      of_channel.fill(-1);
    }
  }

  // Each operation counts at once, with no wait in between, so that stop() does not come between.
  void act(random_source& random, bool on_thread) {
    const std::size_t at = random() % channels;
    switch (random() % (on_thread ? 5 : 8)) {
      case 0:
        return try_send(at);
      case 1:
        return try_receive(at);
      case 2:
        return send_in_time(random, at);
      case 3:
        return receive_in_time(random, at);
      case 4:
        return select(random, at, random() % channels, true);
      case 5:
        return select(random, at, random() % channels, false);
      case 6:
        return send(at);
      default:
        return receive(at);
    }
  }

  bool has_values() const { return next_ < most_values; }

  void note_received(std::size_t at, const box& v) {
    require(v != nullptr, "an empty value was received");
    player& from = (*all_)[v->sender];
    std::atomic_ref<std::uint8_t> its_fate(from.fates_[v->number]);
    require((its_fate.fetch_or(received) & received) == 0, "a value was received twice");
    std::int64_t& last = last_[at][v->sender];
    require(last < v->number, "values of one sender have changed their order");
    last = v->number;
    passed_on.fetch_add(1, std::memory_order_relaxed);
  }

  // When nobody runs, and the buffers have been emptied.
  void check() const {
    for (std::size_t i = 0; i < next_; ++i) {
      require(fates_[i] != sent, "a value that was sent is lost");
      require(fates_[i] != received, "a value was received whose send did not come back");
    }
  }

 private:
  box make() { return box(new value{.sender = self_, .number = next_++, .c = {}}); }
  void note_sent(std::uint32_t number) {
    std::atomic_ref<std::uint8_t>(fates_[number]).fetch_or(sent);
  }

  void send(std::size_t at) {
    box v = make();
    const std::uint32_t number = v->number;
    (*wires_)[at].send(std::move(v));
    note_sent(number);
  }
  void receive(std::size_t at) {
    if (const auto v = (*wires_)[at].recv()) {
      note_received(at, *v);
    }
  }
  void note_offer(bool taken, const box& v, std::uint32_t number) {
    require(taken == (v == nullptr), "a value has moved though its send failed, or the reverse");
    if (taken) {
      note_sent(number);
    }
  }
  void try_send(std::size_t at) {
    box v = make();
    const std::uint32_t number = v->number;
    const bool taken = (*wires_)[at].try_send(v);
    note_offer(taken, v, number);
  }
  void send_in_time(random_source& random, std::size_t at) {
    box v = make();
    const std::uint32_t number = v->number;
    const bool taken = (*wires_)[at].send_for(v, soon(random));
    note_offer(taken, v, number);
  }
  void try_receive(std::size_t at) {
    box v;
    if ((*wires_)[at].try_recv(v) == weft::recv_status::ok) {
      note_received(at, v);
    }
  }
  void receive_in_time(random_source& random, std::size_t at) {
    box v;
    if ((*wires_)[at].recv_for(v, soon(random)) == weft::recv_status::ok) {
      note_received(at, v);
    }
  }
  void select(random_source& random, std::size_t a, std::size_t b, bool timed) {
    box v = make();
    const std::uint32_t number = v->number;
    const auto take = [this](std::size_t at) {
      return [this, at](std::optional<box> got) {
        if (got) {
          note_received(at, *got);
        }
      };
    };
    const auto given = [&] { note_sent(number); };
    const wire& from = (*wires_)[a];
    const wire& to = (*wires_)[b];
    if (timed) {
      weft::select(recv(from, take(a)), weft::send(to, v, given), weft::after(soon(random), [] {}));
    } else if (random() % 2 == 0) {
      weft::select(weft::send(to, v, given), recv(from, take(a)));
    } else {
      weft::select(recv(from, take(a)), recv(to, take(b)));
    }
  }

  std::size_t self_;
  std::array<wire, channels>* wires_;
  std::vector<player>* all_;
  std::vector<std::uint8_t> fates_;
  std::array<std::array<std::int64_t, players + 1>, channels> last_{};
  std::uint32_t next_ = 0;
};

void act_once(player& p, random_source& random, bool on_thread) {
  try {
    p.act(random, on_thread);
  } catch (const weft::closed_channel&) {
    if (!on_thread) {
      weft::this_fiber::yield();
    }
  }
}

void play(player& p, unsigned seed) {
  const counted local;
  random_source random(seed);
  while (p.has_values()) {
    act_once(p, random, false);
  }
  weft::chan<int>().recv();
}

void play_on_thread(player& p, unsigned seed, const std::atomic<bool>& end) {
  random_source random(seed);
  while (!end && p.has_values()) {
    try {
      act_once(p, random, true);
    } catch (const weft::unwind&) {
    }
  }
}

// Fibers and threads until stop() has come; then all are gone.
void run_until_stopped(std::mt19937_64& random, int procs, std::array<wire, channels>& wires,
                       std::vector<player>& all) {
  weft::start({.procs = procs});
  std::atomic<bool> end{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < players; ++i) {
    const auto seed = static_cast<unsigned>(random());
    if (i < 2) {
      threads.emplace_back(play_on_thread, std::ref(all[i]), seed, std::cref(end));
    } else {
      weft::go([&p = all[i], seed] { play(p, seed); });
    }
  }
  if (random() % 3 == 0) {
    weft::go(
        [&wires, after = std::chrono::microseconds(random() % 2000), at = random() % channels] {
          weft::this_fiber::sleep_for(after);
          wires[at].close();
        });
  }
  std::this_thread::sleep_for(std::chrono::microseconds(random() % 4000));
  weft::stop();
  end = true;
  for (auto& t : threads) {
    t.join();
  }
}

void round(std::mt19937_64& random, int procs) {
  std::array<wire, channels> wires{wire(), wire(1), wire(), wire(7), wire(64)};
  std::vector<player> all;
  all.reserve(players + 1);
  for (std::size_t i = 0; i <= players; ++i) {
    all.emplace_back(i, wires, all);
  }
  run_until_stopped(random, procs, wires, all);
  for (std::size_t at = 0; at < channels; ++at) {
    box v;
    while (wires[at].try_recv(v) == weft::recv_status::ok) {
      all[players].note_received(at, v);
    }
    require(wires[at].size() == 0, "a buffer is not empty after its last value");
  }
  for (const player& p : all) {
    p.check();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  long rounds = 0;
  for (; watch.running(); ++rounds) {
    round(random, 1 + static_cast<int>(random() % static_cast<unsigned>(options.procs)));
    require(alive == 0, "a value or a fiber's local is left");
  }
  std::printf("%ld rounds, %ld values\n", rounds, passed_on.load());
}
