// The quota of a cgroup is limited by that of each of its ancestors (golang/go#81180), so the walk
// goes up from the process's own group to the mount point. The mount's root may itself lie inside
// the hierarchy (in a container without a cgroup namespace); the part of the path above it cannot
// be seen and is skipped.
#include "runtime/machine/cpu_limit.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/machine/platform.hpp"

namespace weft::detail {

namespace {

struct hierarchy {
  bool v2 = false;
  std::string mount_point;
  std::string mount_root;
  std::string group;  // the process's path, as /proc/self/cgroup has it
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

bool has_word(const std::string& list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// mountinfo: "id parent dev root mount_point options... - type source super_options"
void find_mount(const std::string& root, hierarchy& h) {
  std::ifstream in(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || fields.end() - dash < 4) {
      continue;
    }
    const bool matches =
        h.v2 ? dash[1] == "cgroup2" : dash[1] == "cgroup" && has_word(dash[3], "cpu");
    if (matches) {
      h.mount_root = fields[3];
      h.mount_point = fields[4];
      return;
    }
  }
}

// /proc/self/cgroup: "id:controllers:path"; v2 has id 0 and no controllers.
std::vector<hierarchy> find_hierarchies(const std::string& root) {
  std::vector<hierarchy> found;
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool v2 = controllers.empty();
    if (v2 || has_word(controllers, "cpu")) {
      hierarchy h{.v2 = v2, .mount_point = {}, .mount_root = {}, .group = line.substr(second + 1)};
      find_mount(root, h);
      if (!h.mount_point.empty()) {
        found.push_back(std::move(h));
      }
    }
  }
  return found;
}

// Quota over period of one group, rounded up; 0: no limit there.
int quota_of(const std::string& directory, bool v2) {
  long long quota = -1;
  long long period = 0;
  if (v2) {
    std::ifstream(directory + "/cpu.max") >> quota >> period;  // "max 100000" fails to parse
  } else {
    std::ifstream(directory + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(directory + "/cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) {
    return 0;
  }
  return static_cast<int>(std::min<long long>((quota + period - 1) / period, 1 << 20));
}

int quota_of_hierarchy(const std::string& root, const hierarchy& h) {
  std::string below = h.group;
  const std::string& top = h.mount_root;
  if (top != "/" && below.starts_with(top) &&
      (below.size() == top.size() || below[top.size()] == '/')) {
    below.erase(0, top.size());
  }
  if (below == "/" || !below.starts_with('/')) {
    below.clear();
  }
  const std::string mounted = root + h.mount_point;
  int least = 0;
  for (;;) {
    const int quota = quota_of(mounted + below, h.v2);
    if (quota > 0 && (least == 0 || quota < least)) {
      least = quota;
    }
    if (below.empty()) {
      return least;
    }
    below.erase(below.rfind('/'));
  }
}

}  // namespace

int cgroup_cpu_quota(const std::string& root) {
  int least = 0;
  for (const hierarchy& h : find_hierarchies(root)) {
    const int quota = quota_of_hierarchy(root, h);
    if (quota > 0 && (least == 0 || quota < least)) {
      least = quota;
    }
  }
  return least;
}

int usable_cpus() {
  const int cpus = affinity_cpus();
  const int quota = cgroup_cpu_quota("");
  return quota > 0 ? std::min(cpus, quota) : cpus;
}

}  // namespace weft::detail
