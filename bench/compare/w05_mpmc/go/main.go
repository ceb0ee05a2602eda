// W5 mpmc, Go: eight producers, eight consumers, one channel of 128.
package main

import (
	. "compare/gocommon"
	"sync"
)

func transfer(items int64) int64 {
	c := make(chan int64, MPMCCapacity)
	var producers, consumers sync.WaitGroup
	var sums [MPMCConsumers]int64
	share := items / MPMCProducers
	producers.Add(MPMCProducers)
	consumers.Add(MPMCConsumers)
	for p := int64(0); p < MPMCProducers; p++ {
		p := p
		go func() {
			for i := p*share + 1; i <= (p+1)*share; i++ {
				c <- i
			}
			producers.Done()
		}()
	}
	for k := range sums {
		k := k
		go func() {
			sum := int64(0)
			for v := range c {
				sum += v
			}
			sums[k] = sum
			consumers.Done()
		}()
	}
	producers.Wait()
	close(c)
	consumers.Wait()
	total := int64(0)
	for _, sum := range sums {
		total += sum
	}
	return total
}

func main() {
	p := New("w05_mpmc")
	n := p.Count(MPMCItems, MPMCProducers)
	transfer(WarmUp(n, MPMCProducers))
	var sum int64
	p.Measure(func() { sum = transfer(n) })
	p.Expect("the sum", sum, SumTo(n))
	p.ReportNsPerOp(n)
}
