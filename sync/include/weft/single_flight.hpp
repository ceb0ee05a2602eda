// Doing the same thing once for all who want it at the same time: single_flight.
//
//   weft::single_flight<std::string, page> loads;
//   auto [page, shared] = loads.call(url, [&] { return load(url); });
//
// As Go's golang.org/x/sync/singleflight: while a call for a key is in progress, others that ask
// for the same key wait for it and get the same result instead of making their own. It is not a
// cache: the next one after it has ended makes a new call.
//
// From fibers and plain threads. It may be destroyed when nobody is inside call().
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

#include "weft/detail/countdown.hpp"
#include "weft/mutex.hpp"

namespace weft {

// K: hashed and compared by Hash and Equal, copied. V: copied for each who asks; not a reference.
//
// Invariant: calls_ has an entry for a key exactly while its call is in progress and not forgotten.
// Tested by: tests/unit/single_flight_test.cpp
template <class K, class V, class Hash = std::hash<K>, class Equal = std::equal_to<K>>
class single_flight {
  static_assert(std::is_copy_constructible_v<V>, "each who asks gets a copy of the result");

 public:
  struct result {
    V value;
    bool shared;  // more than one got it
  };

  single_flight() = default;
  single_flight(const single_flight&) = delete;
  single_flight& operator=(const single_flight&) = delete;

  // The result of f(), called here, or of the call for the same key that is in progress. What
  // leaves that call as an exception is rethrown to all who wait for it. The wait ends with
  // weft::unwind at stop(). f must not ask for its own key.
  template <class F>
    requires std::is_invocable_r_v<V, F> result call(const K& key, F&& f) {
      std::unique_lock hold(mutex_);
      auto [place, mine] = calls_.try_emplace(key);
      if (!mine) {
        const std::shared_ptr<flight> other = place->second;
        other->shared = true;
        hold.unlock();
        other->ended.wait(detail::wait_reason::single_flight, false);
        return {other->value(), true};
      }
      std::shared_ptr<flight> own;
      try {
        own = place->second = std::make_shared<flight>();
      } catch (...) {
        calls_.erase(place);
        throw;
      }
      hold.unlock();
      landing end(*this, key, *own);
      own->run(std::forward<F>(f));
      const bool shared = end.now();
      return {own->value(), shared};
    }

  // The next call for the key calls its f, even if one is in progress; who waits for that one goes
  // on waiting.
  void forget(const K& key) {
    const std::scoped_lock hold(mutex_);
    calls_.erase(key);
  }

 private:
  struct flight {
    template <class F>
    void run(F&& f) noexcept {
      try {
        outcome.template emplace<1>(std::invoke(std::forward<F>(f)));
      } catch (...) {
        outcome.template emplace<2>(std::current_exception());
      }
    }
    // Once it has ended.
    V value() const {
      if (outcome.index() == 2) {
        std::rethrow_exception(std::get<2>(outcome));
      }
      return std::get<1>(outcome);
    }

    detail::countdown ended{1};
    bool shared = false;  // guarded by mutex_
    std::variant<std::monostate, V, std::exception_ptr> outcome;
  };

  // Takes a call that is over out of calls_, and tells those who wait for it: also if stop() ends
  // the first wait for the mutex, which some thread may have just then. It does not end the second,
  // in an unwinding.
  class landing {
   public:
    landing(single_flight& of, const K& key, flight& own) : of_(of), key_(key), own_(own) {}
    landing(const landing&) = delete;
    landing& operator=(const landing&) = delete;
    ~landing() {
      if (!over_) {
        now();
      }
    }
    // Whether it was shared.
    bool now() {
      std::unique_lock hold(of_.mutex_);
      over_ = true;
      const auto entry = of_.calls_.find(key_);
      if (entry != of_.calls_.end() && entry->second.get() == &own_) {
        of_.calls_.erase(entry);
      }
      const bool shared = own_.shared;
      hold.unlock();
      own_.ended.add(-1);
      return shared;
    }

   private:
    single_flight& of_;
    const K& key_;
    flight& own_;
    bool over_ = false;
  };

  mutex mutex_;
  std::unordered_map<K, std::shared_ptr<flight>, Hash, Equal> calls_;  // guarded by mutex_
};

}  // namespace weft
