// W9 parked, Go: goroutines that all wait in a receive on one channel; time and memory of each.
package main

import (
	. "compare/gocommon"
	"runtime"
	"sync"
)

// Starts the fibers and returns, once all have reached their receive, how to end them.
func park(fibers int64) (end func()) {
	c := make(chan struct{})
	var started, ended sync.WaitGroup
	started.Add(int(fibers))
	ended.Add(int(fibers))
	for i := int64(0); i < fibers; i++ {
		go func() {
			started.Done()
			<-c
			ended.Done()
		}()
	}
	started.Wait()
	return func() {
		close(c)
		ended.Wait()
	}
}

func main() {
	p := New("w09_parked")
	n := p.Count(ParkedFibers, 1)
	park(1000)()
	runtime.GC()
	before := FootprintBytes()
	var end func()
	p.Measure(func() { end = park(n) })
	bytes := (FootprintBytes() - before) / float64(n)
	end()
	p.Value("ms", p.WallS()*1000)
	p.Value("bytes_per_fiber", bytes)
	p.Report()
}
