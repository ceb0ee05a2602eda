// W7 select, floor: four bare contexts each hold out a value; the receiver picks one at random and
// jumps to that sender for its next.

#include <array>

#include "../bare_context.hpp"

namespace {

struct sender {
  bench::bare_context context;
  std::int64_t next = 0;
  std::int64_t last = 0;
  std::int64_t offered = 0;
};

void send(bench::transfer_t receiver) {
  auto* self = static_cast<sender*>(receiver.data);
  for (;;) {
    self->offered = self->next <= self->last ? self->next++ : 0;
    receiver = bench::jump_fcontext(receiver.fctx, nullptr);
  }
}

std::int64_t receive(std::int64_t items) {
  static_assert(bench::w07::senders == 4);
  std::array<sender, 4> senders{
      sender{bench::bare_context(&send)}, sender{bench::bare_context(&send)},
      sender{bench::bare_context(&send)}, sender{bench::bare_context(&send)}};
  const std::int64_t share = items / bench::w07::senders;
  std::int64_t first = 1;
  for (sender& s : senders) {
    s.next = first;
    s.last = first + share - 1;
    first += share;
    s.context.resume(&s);
  }
  std::uint64_t random = 1;
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < items; ++i) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    std::size_t choice = random % 4;
    while (senders[choice].offered == 0) choice = (choice + 1) % 4;
    sum += senders[choice].offered;
    senders[choice].context.resume(&senders[choice]);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  bench::program bench(argc, argv, BOOST_LIB_VERSION, bench::program::workers_allowed::one);
  const std::int64_t n = bench.count(bench::w07::receives, bench::w07::senders);
  receive(bench::program::warm_up(n, bench::w07::senders));
  std::int64_t sum = 0;
  bench.measure([&] { sum = receive(n); });
  bench.expect("the sum", sum, bench::sum_to(n));
  return bench.report_ns_per_op(n);
}
