// W8 skynet, Go: a 10-ary tree of goroutines; the leaves' numbers are summed up over channels.
package main

import . "compare/gocommon"

func skynet(c chan int64, first, leaves int64) {
	if leaves == 1 {
		c <- first
		return
	}
	results := make(chan int64)
	share := leaves / SkynetBranches
	for i := int64(0); i < SkynetBranches; i++ {
		go skynet(results, first+i*share, share)
	}
	sum := int64(0)
	for i := 0; i < SkynetBranches; i++ {
		sum += <-results
	}
	c <- sum
}

func run(leaves int64) int64 {
	c := make(chan int64)
	go skynet(c, 0, leaves)
	return <-c
}

func main() {
	p := New("w08_skynet")
	leaves := int64(SkynetBranches)
	for leaves*SkynetBranches <= p.Count(SkynetLeaves, 1) {
		leaves *= SkynetBranches
	}
	run(SkynetBranches * SkynetBranches)
	var sum int64
	p.Measure(func() { sum = run(leaves) })
	p.Expect("the sum", sum, SumTo(leaves-1))
	p.Value("ms", p.WallS()*1000)
	p.Report()
}
