// W1 yield, Go: two goroutines hand the only P to each other with runtime.Gosched.
package main

import (
	. "compare/gocommon"
	"runtime"
	"sync"
)

// Returns how often the running goroutine changed: a yield that goes nowhere is not one.
func yields(perFiber int64) int64 {
	var wg sync.WaitGroup
	last, switches := -1, int64(0)
	for id := 0; id < 2; id++ {
		id := id
		wg.Add(1)
		go func() {
			for i := int64(0); i < perFiber; i++ {
				if last != id {
					last = id
					switches++
				}
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return switches
}

func main() {
	p := New("w01_yield")
	p.Expect("--workers", int64(p.Workers), 1)
	n := p.Count(YieldsPerFiber, 1)
	yields(WarmUp(n, 1))
	var switches int64
	p.Measure(func() { switches = yields(n) })
	if switches < n*2*9/10 {
		p.Expect("the number of switches", switches, 2*n)
	}
	p.ReportNsPerOp(2 * n)
}
