// The sending end of a channel cannot receive.
// Refused: no member named .recv
#include <weft/channel.hpp>

void right(weft::receiver<int> end) { end.recv(); }

#ifdef WEFT_WRONG
void wrong(weft::sender<int> end) { end.recv(); }
#endif
