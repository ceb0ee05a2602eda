// The prime sieve of Hoare and McIlroy: a chain of fibers, one for each prime found so far, through
// which the numbers pass; each fiber lets through what its prime does not divide.
//
// Shown: unbuffered channels between many fibers, the two directions of a channel as types, and
// fibers that nobody stops: they wait for ever, and are unwound when run() returns.
//
// Prints:
//   2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71
//   the 1000th prime is 7919, found by 1000 fibers in a row

#include <iostream>
#include <weft/weft.hpp>

namespace {

// 2, 3, 4, ...
weft::receiver<int> numbers() {
  weft::chan<int> out;
  weft::go([out] {
    for (int n = 2;; ++n) out.send(n);
  });
  return out;
}

// What `prime` does not divide.
weft::receiver<int> filter(weft::receiver<int> in, int prime) {
  weft::chan<int> out;
  weft::go([in, out, prime] {
    for (int n : in) {
      if (n % prime != 0) out.send(n);
    }
  });
  return out;
}

int thousandth_prime() {
  weft::receiver<int> sieve = numbers();
  for (int found = 1;; ++found) {
    const int prime = *sieve.recv();
    if (found <= 20) std::cout << prime << (found < 20 ? ' ' : '\n');
    if (found == 1000) return prime;
    sieve = filter(sieve, prime);
  }
}

}  // namespace

int main() {
  const int prime = weft::run(thousandth_prime);
  std::cout << "the 1000th prime is " << prime << ", found by 1000 fibers in a row\n";
  return prime == 7919 ? 0 : 1;
}
