// W6 mutex, Go: 64 goroutines add to one counter under one sync.Mutex.
package main

import (
	. "compare/gocommon"
	"sync"
)

func count(pairs int64) int64 {
	var mu sync.Mutex
	var wg sync.WaitGroup
	n := int64(0)
	wg.Add(MutexFibers)
	for f := 0; f < MutexFibers; f++ {
		go func() {
			for i := int64(0); i < pairs; i++ {
				mu.Lock()
				n++
				mu.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return n
}

func main() {
	p := New("w06_mutex")
	pairs := p.Count(MutexPairsPerFiber, 1)
	count(WarmUp(pairs, 1))
	var n int64
	p.Measure(func() { n = count(pairs) })
	p.Expect("the counter", n, MutexFibers*pairs)
	p.ReportNsPerOp(n)
}
