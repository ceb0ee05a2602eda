// How many processors this process may use.
#pragma once

#include <string>

namespace weft::detail {

// The affinity mask's count, or the CPU quota of the process's cgroup (v1 or v2) or of any of its
// ancestors, rounded up, whichever is less; at least 1.
int usable_cpus();

// The quota alone, rounded up to whole processors; 0: none. `root` stands before every path read
// (/proc/self/cgroup, /proc/self/mountinfo and the files they lead to), for tests.
int cgroup_cpu_quota(const std::string& root);

}  // namespace weft::detail
