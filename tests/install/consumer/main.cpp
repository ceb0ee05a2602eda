#include <weft/weft.hpp>

int main() {
  return weft::run([] {
    weft::chan<int> answers;
    weft::go([answers] { answers.send(42); });
    return answers.recv() == 42 ? 0 : 1;
  });
}
