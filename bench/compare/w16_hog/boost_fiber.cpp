// W16 hog, Boost.Fiber: a fiber that sleeps for 1 ms beside fibers that never yield.

#include "../boost_runtime.hpp"
#include "../hogs.hpp"

int main(int argc, char** argv) {
  bench::program bench(argc, argv, bench::boost_version);
  bench::hogs hogs(bench);
  bench::boost_run(bench, bench::boost_policy::shared, [&] {
    for (std::int64_t i = 0; i < hogs.count(); ++i) {
      boost::fibers::fiber(boost::fibers::launch::post, [&hogs, i] {
        bench::run_hog(hogs, i, [](auto&& call) { call(); });
      }).detach();
    }
    hogs.sleeper([] { boost::this_fiber::sleep_for(std::chrono::milliseconds(1)); });
  });
}
