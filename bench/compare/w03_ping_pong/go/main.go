// W3 ping-pong, Go: two goroutines, two unbuffered channels, each round adds one to the value.
package main

import . "compare/gocommon"

func pingPong(rounds int64) int64 {
	ping, pong := make(chan int64), make(chan int64)
	go func() {
		for v := range ping {
			pong <- v + 1
		}
	}()
	value := int64(0)
	for i := int64(0); i < rounds; i++ {
		ping <- value
		value = <-pong
	}
	close(ping)
	return value
}

func main() {
	p := New("w03_ping_pong")
	n := p.Count(RoundTrips, 1)
	pingPong(WarmUp(n, 1))
	var value int64
	p.Measure(func() { value = pingPong(n) })
	p.Expect("the last value", value, n)
	p.ReportNsPerOp(n)
}
