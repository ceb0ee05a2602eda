// The nil channel is made from weft::nil, never from a null pointer: chan<int>(0) must mean
// unbuffered, and chan<int> c = nullptr would make nil of the same zero.
// Refused: (conversion from|no viable conversion from) .*nullptr
#include <weft/channel.hpp>

weft::chan<int> right = weft::nil;

#ifdef WEFT_WRONG
weft::chan<int> wrong = nullptr;
#endif
