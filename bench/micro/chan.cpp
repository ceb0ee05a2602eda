// Channel benchmarks with the names, loops and parameters of Go's runtime package; the Go side is
// bench/micro/go/chan_test.go.

#include <array>
#include <cstddef>

#include "micro.hpp"

namespace {

struct struct0 {};
struct struct32 {
  std::array<std::int64_t, 4> words;
};
struct struct40 {
  std::array<std::int64_t, 5> words;
};

constexpr std::int64_t calls_per_share = 1000;

template <class T>
void make_chan(benchmark::State& state) {
  for (auto _ : state) {
    weft::chan<T> c(8);
    benchmark::DoNotOptimize(c);
  }
}

void chan_nonblocking(benchmark::State& state) {
  const weft::chan<int> c;
  for (auto _ : state) {
    int v;
    if (c.try_recv(v) != weft::recv_status::empty) state.SkipWithError("received from no one");
  }
}

void select_uncontended(benchmark::State& state) {
  const weft::chan<int> left(1), right(1);
  left.send(0);
  for (auto _ : state) {
    weft::select(weft::recv(left, [&] { right.send(0); }),
                 weft::recv(right, [&] { left.send(0); }));
  }
}

// Four non-blocking attempts an iteration: each direction on an unbuffered channel that no one
// serves, and on a buffered one (the receive always finds it empty, the send fills it once).
void select_nonblock(benchmark::State& state) {
  const weft::chan<int> recv_sync, send_sync, recv_buffered(1), send_buffered(1);
  for (auto _ : state) {
    weft::select(weft::recv(recv_sync, [] {}), weft::otherwise([] {}));
    weft::select(weft::send(send_sync, 0, [] {}), weft::otherwise([] {}));
    weft::select(weft::recv(recv_buffered, [] {}), weft::otherwise([] {}));
    weft::select(weft::send(send_buffered, 0, [] {}), weft::otherwise([] {}));
  }
}

// Two fibers that exchange on one unbuffered channel; each takes a share of 1000 exchanges at a
// time, and the parity of the share decides who begins. With one P the count needs no atomic.
void chan_sync(benchmark::State& state) {
  constexpr std::int64_t fibers = 2;
  micro::batch(state, [&](std::int64_t n) {
    std::int64_t shares = n / calls_per_share / fibers * fibers;
    const weft::chan<int> c;
    weft::wait_group done;
    for (std::int64_t f = 0; f < fibers; ++f) {
      done.go([&shares, c] {
        for (std::int64_t share; (share = --shares) >= 0;) {
          for (std::int64_t i = 0; i < calls_per_share; ++i) {
            if (share % 2 == 0) {
              c.recv();
              c.send(0);
            } else {
              c.send(0);
              c.recv();
            }
          }
        }
      });
    }
    done.wait();
  });
}

void chan_prod_cons(benchmark::State& state, std::size_t capacity) {
  micro::batch(state, [&](std::int64_t n) {
    const std::int64_t items = n / calls_per_share * calls_per_share;
    const weft::chan<int> c(capacity);
    weft::wait_group done;
    done.go([c, items] {
      for (std::int64_t i = 0; i < items; ++i) c.send(1);
      c.send(0);
    });
    done.go([c] {
      while (*c.recv() != 0) {
      }
    });
    done.wait();
  });
}

void chan_sem(benchmark::State& state) {
  const weft::chan<void> c(1);
  for (auto _ : state) {
    c.send();
    c.recv();
  }
}

void chan_closed(benchmark::State& state) {
  const weft::chan<void> c;
  c.close();
  for (auto _ : state) {
    weft::select(weft::recv(c, [] {}),
                 weft::otherwise([&] { state.SkipWithError("a closed channel is not ready"); }));
  }
}

}  // namespace

void micro::add_channel_benchmarks() {
  add("MakeChan/Byte", make_chan<std::byte>);
  add("MakeChan/Int", make_chan<std::int64_t>);
  add("MakeChan/Ptr", make_chan<std::byte*>);
  add("MakeChan/Struct/0", make_chan<struct0>);
  add("MakeChan/Struct/32", make_chan<struct32>);
  add("MakeChan/Struct/40", make_chan<struct40>);
  add("ChanNonblocking", chan_nonblocking);
  add("SelectUncontended", select_uncontended);
  add("SelectNonblock", select_nonblock);
  add("ChanSync", chan_sync);
  add("ChanProdCons10", [](benchmark::State& state) { chan_prod_cons(state, 10); });
  add("ChanProdCons100", [](benchmark::State& state) { chan_prod_cons(state, 100); });
  add("ChanSem", chan_sem);
  add("ChanClosed", chan_closed);
}
