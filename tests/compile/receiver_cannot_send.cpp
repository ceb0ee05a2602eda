// The receiving end of a channel cannot send.
// Refused: no member named .send
#include <weft/channel.hpp>

void right(weft::sender<int> end) { end.send(1); }

#ifdef WEFT_WRONG
void wrong(weft::receiver<int> end) { end.send(1); }
#endif
