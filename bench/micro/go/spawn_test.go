// Goroutine creation with the names and loops of Go's runtime package, for a run beside
// bench/micro/spawn.cpp.
package micro

import (
	"sync"
	"testing"
)

// A chain: each goroutine starts the next and ends.
func BenchmarkCreateGoroutines(b *testing.B) {
	end := make(chan bool)
	var link func(left int)
	link = func(left int) {
		if left == 0 {
			end <- true
			return
		}
		go link(left - 1)
	}
	go link(b.N)
	<-end
}

// All from one: b.N goroutines are waiting before the first one runs.
func BenchmarkCreateGoroutinesSingle(b *testing.B) {
	var wg sync.WaitGroup
	wg.Add(b.N)
	for i := 0; i < b.N; i++ {
		go func() { wg.Done() }()
	}
	wg.Wait()
}
