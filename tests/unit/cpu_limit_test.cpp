// The CPU quota of made-up cgroup trees, and the affinity mask.
#include "runtime/machine/cpu_limit.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/machine/platform.hpp"
#include "support/child.hpp"
#include "weft/go.hpp"
#include "weft/runtime.hpp"

namespace {

namespace fs = std::filesystem;
using weft::detail::cgroup_cpu_quota;

// A directory that stands for "/", gone at the end.
class cpu_limit : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weft-cpu-limit-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const fs::path full = root_ + path;
    fs::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  void v2(const std::string& group, const std::string& mount_root = "/") const {
    write("/proc/self/cgroup", "0::" + group + "\n");
    write("/proc/self/mountinfo",
          "22 1 0:20 / /proc rw,nosuid - proc proc rw\n"
          "30 22 0:26 " +
              mount_root + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  }
  void v1(const std::string& group, const std::string& mount_root = "/") const {
    write("/proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:" + group + "\n0::/\n");
    write("/proc/self/mountinfo",
          "31 22 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          "32 22 0:28 " +
              mount_root +
              " /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n");
  }
  void v1_quota(const std::string& group, const std::string& quota,
                const std::string& period) const {
    write("/sys/fs/cgroup/cpu,cpuacct" + group + "/cpu.cfs_quota_us", quota + "\n");
    write("/sys/fs/cgroup/cpu,cpuacct" + group + "/cpu.cfs_period_us", period + "\n");
  }
  int quota() const { return cgroup_cpu_quota(root_); }

  std::string root_;
};

TEST_F(cpu_limit, nothing_there_is_no_limit) { EXPECT_EQ(quota(), 0); }

TEST_F(cpu_limit, v2_whole) {
  v2("/a");
  write("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(quota(), 3);
}

TEST_F(cpu_limit, v2_fraction_is_rounded_up) {
  v2("/a");
  write("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota(), 2);
  write("/sys/fs/cgroup/a/cpu.max", "1000 100000\n");
  EXPECT_EQ(quota(), 1);
}

TEST_F(cpu_limit, v2_max_is_no_limit) {
  v2("/a");
  write("/sys/fs/cgroup/a/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), 0);
}

TEST_F(cpu_limit, v2_least_of_all_ancestors) {
  v2("/a/b/c");
  write("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n");
  write("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2);
  write("/sys/fs/cgroup/a/b/c/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), 1);
}

TEST_F(cpu_limit, v2_limit_at_the_mount_point) {
  v2("/");
  write("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_EQ(quota(), 4);
}

TEST_F(cpu_limit, v2_mount_root_inside_the_hierarchy) {
  v2("/docker/abc/sub", "/docker/abc");
  write("/sys/fs/cgroup/sub/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/cpu.max", "500000 100000\n");
  EXPECT_EQ(quota(), 5);
}

TEST_F(cpu_limit, v2_mount_root_that_only_looks_like_a_prefix) {
  v2("/docker/abcdef", "/docker/abc");
  write("/sys/fs/cgroup/cpu.max", "500000 100000\n");
  EXPECT_EQ(quota(), 5);
}

TEST_F(cpu_limit, v2_group_outside_of_the_namespace) {
  v2("/../other");
  write("/sys/fs/cgroup/cpu.max", "600000 100000\n");
  EXPECT_EQ(quota(), 6);
}

TEST_F(cpu_limit, v1_whole_and_fraction) {
  v1("/a");
  v1_quota("/a", "200000", "100000");
  EXPECT_EQ(quota(), 2);
  v1_quota("/a", "250000", "100000");
  EXPECT_EQ(quota(), 3);
}

TEST_F(cpu_limit, v1_minus_one_is_no_limit) {
  v1("/a");
  v1_quota("/a", "-1", "100000");
  EXPECT_EQ(quota(), 0);
}

TEST_F(cpu_limit, v1_least_of_all_ancestors) {
  v1("/a/b");
  v1_quota("/a/b", "-1", "100000");
  v1_quota("/a", "100000", "50000");
  EXPECT_EQ(quota(), 2);
}

TEST_F(cpu_limit, v1_in_a_container_without_namespace) {
  v1("/docker/abc", "/docker/abc");
  v1_quota("", "100000", "100000");
  EXPECT_EQ(quota(), 1);
}

TEST_F(cpu_limit, spaces_in_paths_are_escaped_by_the_kernel) {
  write("/proc/self/cgroup", "0::/with space\n");
  write("/proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  write("/sys/fs/cgroup/with space/cpu.max", "700000 100000\n");
  EXPECT_EQ(quota(), 7);
}

TEST_F(cpu_limit, garbage_is_no_limit) {
  v2("/a");
  for (const char* text : {"", "\n", "x y\n", "100000\n", "100000 0\n", "-5 100000\n", "0 0",
                           "99999999999999999999999 100000\n"}) {
    write("/sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(quota(), 0) << text;
  }
  write("/sys/fs/cgroup/a/cpu.max", "9000000000000000000 1\n");
  EXPECT_GE(quota(), 1024);
}

TEST_F(cpu_limit, garbage_in_proc_is_no_limit) {
  for (const char* text : {"", ":", "::", "0:", "nonsense", "0::\n", "0::relative\n", "1:cpu\n"}) {
    write("/proc/self/cgroup", text);
    for (const char* mounts : {"", "30", "30 22 0:26 / /x rw -", "30 22 0:26 / /x rw - cgroup2",
                               "30 22 0:26 / /x rw - cgroup2 c rw\n"}) {
      write("/proc/self/mountinfo", mounts);
      EXPECT_EQ(quota(), 0) << text << '|' << mounts;
    }
  }
}

TEST_F(cpu_limit, this_machine_has_at_least_one) { EXPECT_GE(weft::detail::usable_cpus(), 1); }

// Leaves the calling thread, and what it starts, so many of its processors.
bool keep_cpus(int wanted) {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) {
    return false;
  }
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask) && --wanted < 0) {
      CPU_CLR(cpu, &mask);
    }
  }
  return sched_setaffinity(0, sizeof mask, &mask) == 0;
}

TEST(affinity_mask, is_how_many_ps_there_are) {
  const int cpus = weft::detail::affinity_cpus();
  if (cpus < 2) {
    GTEST_SKIP() << "there is nothing to take away";
  }
  const int quota = cgroup_cpu_quota("");
  for (int keep = 1; keep < std::min(cpus, 4); ++keep) {
    const auto child = weft_testing::run_in_child([keep] {
      unsetenv("WEFT_PROCS");
      if (!keep_cpus(keep)) {
        return 99;
      }
      weft::go([] {});  // starts the default runtime
      const int procs = weft::procs();
      weft::stop();
      return procs;
    });
    EXPECT_EQ(child.exit_status, quota == 0 ? keep : std::min(keep, quota)) << child.errors;
  }
}

}  // namespace
