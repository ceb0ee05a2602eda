// A thread of the program under test: its stack, what it waits for, its store buffer.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/model/scenario.hpp"

namespace weft_model {

struct worker {
  static constexpr std::size_t stack_size = 128 * 1024;
  struct buffered_store {
    std::uint64_t* target;
    std::uint64_t value;
  };

  boost::context::detail::fcontext_t context = nullptr;
  std::unique_ptr<char[]> stack{new char[stack_size]};
  bool done = false;
  predicate ready = nullptr;  // null: it can go on
  void* ready_arg = nullptr;
  const char* why = "";
  const void* last_loaded = nullptr;
  std::uint64_t writes_at_load = 0;
  std::uint64_t paused_at = 0;
  std::vector<buffered_store> buffer;

  void reset(void (*entry)(boost::context::detail::transfer_t)) {
    done = false;
    ready = nullptr;
    why = "its beginning";
    last_loaded = nullptr;
    buffer.clear();
    context = boost::context::detail::make_fcontext(stack.get() + stack_size, stack_size, entry);
  }

  const std::uint64_t* own_store(const std::uint64_t* target) const {
    for (std::size_t i = buffer.size(); i-- > 0;) {
      if (buffer[i].target == target) {
        return &buffer[i].value;
      }
    }
    return nullptr;
  }
  void flush_one() {
    *buffer.front().target = buffer.front().value;
    buffer.erase(buffer.begin());
  }
};

class memory_ranges {
 public:
  void add(const void* begin, std::size_t size) { ranges_.push_back({begin, size}); }
  void clear() { ranges_.clear(); }
  bool contains(const void* object) const {
    for (const range& r : ranges_) {
      const auto offset =
          reinterpret_cast<std::uintptr_t>(object) - reinterpret_cast<std::uintptr_t>(r.begin);
      if (offset < r.size) {
        return true;
      }
    }
    return false;
  }

 private:
  struct range {
    const void* begin;
    std::size_t size;
  };
  std::vector<range> ranges_;
};

}  // namespace weft_model
