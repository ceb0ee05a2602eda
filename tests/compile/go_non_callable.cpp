// go() takes what can be called with the arguments given.
// Refused: no matching function for call to .go
#include <weft/go.hpp>

void right() {
  weft::go([](int) {}, 1);
}

#ifdef WEFT_WRONG
void wrong() { weft::go(42); }
#endif
