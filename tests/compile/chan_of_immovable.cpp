// A channel moves its values, and says so when it cannot.
// Refused: static.assert.*failed.*a channel moves its values
#include <weft/channel.hpp>

struct movable_only {
  movable_only(movable_only&&) = default;
};
void right(movable_only value) {
  weft::chan<movable_only> c;
  c.send(static_cast<movable_only&&>(value));
}

#ifdef WEFT_WRONG
struct immovable {
  immovable(immovable&&) = delete;
};
void wrong() { weft::chan<immovable> c; }
#endif
