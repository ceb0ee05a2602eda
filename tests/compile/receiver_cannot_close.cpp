// Closing is the senders' business: the receiving end of a channel cannot close it.
// Refused: no member named .close
#include <weft/channel.hpp>

void right(weft::sender<int> end) { end.close(); }

#ifdef WEFT_WRONG
void wrong(weft::receiver<int> end) { end.close(); }
#endif
