// Gives back the memory of stacks that were used deeply, below their top 16 KiB.
//
// The kernel keeps what a deep call chain once touched for as long as the stack is pooled. To ask
// costs 1.1 us and up a stack (mincore), to tell 0.4 us even where there is nothing to give back
// (madvise in a batch), and either a flush of the TLB on some machines: more than a short fiber
// takes. So of full lists, as a cache spills them, every fourth on average is looked at, in one
// stack; that is 13 ns for each stack that is given. When the stack was used deeply, its list and
// the next 256 are trimmed without a look. Then the next is looked at again.
//
// So deep use that is the rule is trimmed at once, and as long as it lasts. Let a part p of the
// stacks be deep, in random order: a find takes 4/p lists and trims 256, so of all stacks at most
// 4/256 stay deep: with the default size and stacks used to their end, 4 KiB a stack on average.
// For larger stacks the sample is denser. Short lists are always looked at.
// Tested by: tests/unit/stack_test.cpp
#pragma once

#include <cstddef>

namespace weft::detail {

struct stack;

// A list of `count` stacks that nobody runs on.
void trim_stacks(stack* list, std::size_t count) noexcept;

}  // namespace weft::detail
