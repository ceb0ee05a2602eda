// W16 hog, Go: a goroutine that sleeps for 1 ms beside goroutines that never yield.
package main

import . "compare/gocommon"

func main() { New("w16_hog").RunHogs() }
