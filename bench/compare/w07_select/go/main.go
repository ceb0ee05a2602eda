// W7 select, Go: four senders on unbuffered channels of their own, one receiver that selects.
package main

import . "compare/gocommon"

func receive(items int64) int64 {
	var c [SelectSenders]chan int64
	share := items / SelectSenders
	for s := range c {
		s := s
		c[s] = make(chan int64)
		go func() {
			for i := int64(s)*share + 1; i <= int64(s+1)*share; i++ {
				c[s] <- i
			}
		}()
	}
	sum := int64(0)
	for i := int64(0); i < items; i++ {
		select {
		case v := <-c[0]:
			sum += v
		case v := <-c[1]:
			sum += v
		case v := <-c[2]:
			sum += v
		case v := <-c[3]:
			sum += v
		}
	}
	return sum
}

func main() {
	p := New("w07_select")
	n := p.Count(SelectReceives, SelectSenders)
	receive(WarmUp(n, SelectSenders))
	var sum int64
	p.Measure(func() { sum = receive(n) })
	p.Expect("the sum", sum, SumTo(n))
	p.ReportNsPerOp(n)
}
