// madvise() over many ranges with few system calls.
#pragma once

#include <sys/uio.h>

#include <cstddef>

namespace weft::detail {

// Gives `advice` for every range: in batches by process_madvise() where the kernel lets a thread
// name itself there (Linux 6.14, PIDFD_SELF_THREAD), range by range otherwise. Returns 0, or the
// errno of the first range that failed; the ranges before it are done.
int advise(const iovec* ranges, std::size_t count, int advice) noexcept;

}  // namespace weft::detail
