// W2 spawn, Go: waves of 1000 empty goroutines, each wave waited for with a WaitGroup.
package main

import (
	. "compare/gocommon"
	"sync"
)

func waves(fibers int64) {
	var wg sync.WaitGroup
	for ; fibers > 0; fibers -= SpawnWave {
		wg.Add(SpawnWave)
		for i := 0; i < SpawnWave; i++ {
			go func() { wg.Done() }()
		}
		wg.Wait()
	}
}

// One wave in which each goroutine marks its place: Wait must mean that all of them ran.
func markedWave() int64 {
	var marks [SpawnWave]int64
	var wg sync.WaitGroup
	wg.Add(SpawnWave)
	for i := 0; i < SpawnWave; i++ {
		i := i
		go func() {
			marks[i]++
			wg.Done()
		}()
	}
	wg.Wait()
	sum := int64(0)
	for _, m := range marks {
		sum += m
	}
	return sum
}

func main() {
	p := New("w02_spawn")
	n := p.Count(SpawnFibers, SpawnWave)
	waves(WarmUp(n, SpawnWave))
	p.Expect("the number of fibers that ran", markedWave(), SpawnWave)
	p.Measure(func() { waves(n) })
	p.Expect("the number of fibers that ran", markedWave(), SpawnWave)
	p.ReportNsPerOp(n)
}
