// W17 block, Go: a goroutine that sleeps for 1 ms beside goroutines in long system calls.
package main

import . "compare/gocommon"

func main() { New("w17_block").RunHogs() }
