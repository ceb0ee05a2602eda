// W4 prod-cons, Go: one producer, one consumer, a channel of 128.
package main

import . "compare/gocommon"

func transfer(items int64) int64 {
	c := make(chan int64, ProdConsCapacity)
	go func() {
		for i := int64(1); i <= items; i++ {
			c <- i
		}
		close(c)
	}()
	sum := int64(0)
	for v := range c {
		sum += v
	}
	return sum
}

func main() {
	p := New("w04_prod_cons")
	n := p.Count(ProdConsItems, 1)
	transfer(WarmUp(n, 1))
	var sum int64
	p.Measure(func() { sum = transfer(n) })
	p.Expect("the sum", sum, SumTo(n))
	p.ReportNsPerOp(n)
}
