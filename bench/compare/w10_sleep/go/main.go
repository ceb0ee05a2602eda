// W10 sleep, Go: 100,000 goroutines, each sleeps ten pseudo-random times; the cost is CPU time.
package main

import (
	. "compare/gocommon"
	"sync"
	"time"
)

// Returns how many fibers slept at least as long as they asked for, and the mean lateness of one
// sleep in microseconds.
func sleepers(fibers int64) (int64, float64) {
	late := make([]time.Duration, fibers)
	var wg sync.WaitGroup
	wg.Add(int(fibers))
	for f := int64(0); f < fibers; f++ {
		f := f
		go func() {
			start, asked := time.Now(), time.Duration(0)
			for round := int64(0); round < SleepsPerFiber; round++ {
				d := time.Duration(SleepNs(f, round))
				asked += d
				time.Sleep(d)
			}
			late[f] = time.Since(start) - asked
			wg.Done()
		}()
	}
	wg.Wait()
	full, sum := int64(0), 0.0
	for _, l := range late {
		if l >= 0 {
			full++
		}
		sum += float64(l.Nanoseconds())
	}
	return full, sum / float64(fibers*SleepsPerFiber) / 1000
}

func main() {
	p := New("w10_sleep")
	n := p.Count(SleepFibers, 1)
	sleepers(WarmUp(n, 1))
	var full int64
	var late float64
	p.Measure(func() { full, late = sleepers(n) })
	p.Expect("the number of fibers that slept in full", full, n)
	p.Value("late_us", late)
	p.Report()
}
