// Oracle: a mesh. Every fiber selects over random channels of the mesh, as sender and as receiver
// of any of them in one select, with deadlines, and in some rounds closes one. A value that a
// select says it sent is received exactly once or is left in a buffer; one that it says it did not
// send is never seen. And a select that nobody can miss: in each round a token goes from fiber to
// fiber by selects without a deadline and comes home.
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "support/stress.hpp"
#include "weft/channel.hpp"
#include "weft/go.hpp"
#include "weft/select.hpp"

namespace {

using namespace std::chrono_literals;
using weft_testing::require;

struct tally {
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::uint64_t> sum{0};

  void add(std::uint64_t v) {
    count.fetch_add(1);
    sum.fetch_add(v);
  }
};

template <class T>
struct codec;
template <>
struct codec<std::uint64_t> {
  static std::uint64_t make(std::uint64_t v) { return v; }
  static std::uint64_t read(std::uint64_t v) { return v; }
};
template <>
struct codec<std::unique_ptr<std::uint64_t>> {
  static std::unique_ptr<std::uint64_t> make(std::uint64_t v) {
    return std::make_unique<std::uint64_t>(v);
  }
  static std::uint64_t read(const std::unique_ptr<std::uint64_t>& v) {
    require(v != nullptr, "an empty value was received");
    return *v;
  }
};

template <class T>
class mesh {
 public:
  mesh(std::size_t channels, std::mt19937_64& random)
      : seed_(random()), closes_(random() % 2 == 0) {
    for (std::size_t i = 0; i < channels; ++i) {
      channels_.emplace_back(random() % 3);
    }
  }

  void run(int fibers, int rounds) {
    std::vector<weft::fiber<void>> all;
    for (int i = 0; i < fibers; ++i) {
      all.push_back(weft::spawn([this, i, rounds] { live(i, rounds); }));
    }
    std::thread plain([this, rounds] { live(-1, rounds / 4); });
    all.clear();
    weft::blocking([&] { plain.join(); });
    for (const auto& c : channels_) {
      T v = codec<T>::make(0);
      while (c.try_recv(v) == weft::recv_status::ok) {
        received_.add(codec<T>::read(v));
      }
    }
    require(sent_.count == received_.count && sent_.sum == received_.sum,
            "values were lost, doubled or invented");
  }

 private:
  weft::chan<T>& any(std::minstd_rand& random) { return channels_[random() % channels_.size()]; }

  void live(int who, int rounds) {
    std::minstd_rand random(static_cast<unsigned>(seed_) + static_cast<unsigned>(who));
    for (int i = 0; i < rounds; ++i) {
      const std::uint64_t number = random();
      try {
        random() % 2 == 0 ? select_few(random, number) : select_many(random, number);
      } catch (const weft::closed_channel&) {
      }
      if (closes_ && random() % 1024 == 0) {
        try {
          any(random).close();
        } catch (const weft::closed_channel&) {
        }
      }
    }
  }

  void select_few(std::minstd_rand& random, std::uint64_t number) {
    T first = codec<T>::make(number), second = codec<T>::make(number + 1);
    const auto take = [this](std::optional<T> v) {
      if (v) {
        received_.add(codec<T>::read(*v));
      }
    };
    const auto first_sent = [this, number] { sent_.add(number); };
    const auto second_sent = [this, number] { sent_.add(number + 1); };
    weft::chan<T>&a = any(random), &b = any(random), &c = any(random), &d = any(random);
    const auto timeout = std::chrono::microseconds(random() % 200);
    switch (random() % 4) {
      case 0:
        weft::select(recv(a, take), send(b, first, first_sent), weft::otherwise());
        break;
      case 1:
        weft::select(recv(a, take), weft::after(timeout, [] {}));
        break;
      default:
        weft::select(send(a, first, first_sent), recv(b, take), recv(c, take),
                     send(d, second, second_sent), weft::after(timeout, [] {}));
    }
  }

  void select_many(std::minstd_rand& random, std::uint64_t number) {
    std::vector<weft::select_case> cases;
    for (auto n = random() % 24; n-- > 0;) {
      if (random() % 2 == 0) {
        cases.push_back(recv(any(random), [this](std::optional<T> v) {
          if (v) {
            received_.add(codec<T>::read(*v));
          }
        }));
      } else {
        cases.push_back(
            send(any(random), codec<T>::make(number), [this, number] { sent_.add(number); }));
      }
    }
    cases.push_back(weft::after(std::chrono::microseconds(random() % 200), [] {}));
    weft::select(cases);
  }

  const std::uint64_t seed_;
  const bool closes_;
  std::vector<weft::chan<T>> channels_;
  tally sent_;
  tally received_;
};

// Each fiber has two ways in and two ways out; the token takes any of them, and counts its steps.
void pass_token(std::size_t fibers, int steps) {
  std::vector<std::array<weft::chan<int>, 2>> in(fibers);
  weft::chan<int> home;
  for (std::size_t i = 0; i < fibers; ++i) {
    weft::go([=] {
      for (;;) {
        int token = 0;
        const auto take = [&](std::optional<int> v) { token = *v; };
        weft::select(recv(in[i][0], take), recv(in[i][1], take));
        if (++token == steps) {
          home.send(token);
          return;
        }
        const auto& next = in[(i + 1) % in.size()];
        weft::select(send(next[0], token), send(next[1], token));
      }
    });
  }
  int token = 0;
  weft::select(send(in[0][0], token), send(in[0][1], token));
  require(home.recv() == steps, "the token did not come home");
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = weft_testing::parse_stress(argc, argv);
  std::mt19937_64 random(options.seed);
  const weft_testing::stopwatch watch(options.seconds);
  while (watch.running()) {
    weft::run(
        [&] {
          const std::size_t channels = 1 + random() % 8;
          const int fibers = 2 + static_cast<int>(random() % 10);
          if (random() % 2 == 0) {
            mesh<std::uint64_t>(channels, random).run(fibers, 300);
          } else {
            mesh<std::unique_ptr<std::uint64_t>>(channels, random).run(fibers, 300);
          }
          pass_token(2 + random() % 6, 2000);
        },
        {.procs = options.procs});
  }
}
