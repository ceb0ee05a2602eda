// Prints an interleaving, step by step.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

namespace weft_model {

class trace {
 public:
  void begin() {
    on_ = true;
    std::printf("  the interleaving:\n");
  }
  void end() { on_ = false; }
  void forget_names() { names_.clear(); }

  // A thread's operation on an object. Objects are numbered in the order of their appearance.
  void step(int thread, const char* what, const void* object) {
    if (on_) {
      const std::size_t number = names_.try_emplace(object, names_.size() + 1).first->second;
      std::printf("    T%d %s #%zu\n", thread, what, number);
    }
  }
  // What it read or wrote. Threads are numbered from 0; -1 is no thread.
  void value(int thread, std::uint64_t value) {
    if (on_ && thread >= 0) {
      std::printf("       = %llx\n", static_cast<unsigned long long>(value));
    }
  }
  void say(int thread, const std::string& text) {
    if (on_) {
      std::printf("    %s%s\n", thread >= 0 ? ("T" + std::to_string(thread) + " ").c_str() : "",
                  text.c_str());
    }
  }

 private:
  bool on_ = false;
  std::map<const void*, std::size_t> names_;
};

}  // namespace weft_model
