// A fixed number of workers shares a list of jobs; the results come back over one channel.
//
// Shown: a buffered channel as the queue of jobs, `for (auto& job : channel)` that ends when the
// channel is closed, a wait_group that knows when the last worker is done, values that can only be
// moved (the results), and an error that is a result like any other.
//
// Prints:
//   job 0: 168 primes
//   job 1: 135 primes
//   job 2: 127 primes
//   job 3: 120 primes
//   job 4: failed: empty range
//   3 workers, 5 results, 1 failure

#include <algorithm>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/weft.hpp>

namespace {

struct job {
  std::size_t number;
  int first, last;
};

struct result {
  std::size_t number;
  std::unique_ptr<int> primes;  // null: failed
  std::string error;
};

int count_primes(const job& j) {
  if (j.first > j.last) throw std::invalid_argument("empty range");
  int count = 0;
  for (int n = std::max(j.first, 2); n <= j.last; ++n) {
    bool prime = true;
    for (int d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    count += prime;
  }
  return count;
}

void work(const weft::receiver<job>& jobs, const weft::sender<result>& results) {
  for (const job& j : jobs) {
    result r{j.number, nullptr, {}};
    try {
      r.primes = std::make_unique<int>(count_primes(j));
    } catch (const std::exception& e) {  // not catch (...): weft::unwind must pass
      r.error = e.what();
    }
    results.send(std::move(r));
  }
}

int print_in_order(const weft::receiver<result>& results, std::size_t jobs) {
  std::vector<result> by_number(jobs);
  for (result& r : results) by_number[r.number] = std::move(r);
  int failures = 0;
  for (const result& r : by_number) {
    std::cout << "job " << r.number << ": ";
    if (r.primes) {
      std::cout << *r.primes << " primes\n";
    } else {
      std::cout << "failed: " << r.error << '\n';
      ++failures;
    }
  }
  return failures;
}

int pool() {
  const std::vector<job> list{
      {0, 1, 1000}, {1, 1001, 2000}, {2, 2001, 3000}, {3, 3001, 4000}, {4, 5000, 4999}};
  constexpr int workers = 3;
  const weft::chan<job> jobs(2);
  const weft::chan<result> results(2);

  weft::wait_group working;
  for (int i = 0; i < workers; ++i) working.go([=] { work(jobs, results); });
  weft::go([=, &list] {
    for (const job& j : list) jobs.send(j);
    jobs.close();
  });
  weft::go([=, &working] {
    working.wait();
    results.close();  // ends the loop of print_in_order
  });

  const int failures = print_in_order(results, list.size());
  std::cout << workers << " workers, " << list.size() << " results, " << failures << " failure\n";
  return failures == 1 ? 0 : 1;
}

}  // namespace

int main() { return weft::run(pool); }
