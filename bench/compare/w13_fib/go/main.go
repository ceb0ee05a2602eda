// W13 fib, Go: fork-join without cutoff; a child goroutine computes one half, the parent the other.
package main

import (
	. "compare/gocommon"
	"sync"
)

func fib(n int) int64 {
	if n < 2 {
		return int64(n)
	}
	var a int64
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		a = fib(n - 1)
		wg.Done()
	}()
	b := fib(n - 2)
	wg.Wait()
	return a + b
}

func main() {
	p := New("w13_fib")
	n := FibN
	for n > 2 && FibSpawns(n) > p.Count(FibSpawns(FibN), 1) {
		n--
	}
	fib(10)
	var result int64
	p.Measure(func() { result = fib(n) })
	p.Expect("fib", result, Fib(n))
	p.ReportNsPerOp(FibSpawns(n))
}
