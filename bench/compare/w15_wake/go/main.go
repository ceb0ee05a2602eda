// W15 wake, Go: what stands for the plain thread is a goroutine that keeps its thread to itself and
// waits in a nanosleep system call. Unlike a plain thread of the other systems it takes a P for its
// send, so GOMAXPROCS is at least two: with one the fiber would wait for that P to be taken back.
// (A system call hidden from the runtime, or a Gosched after the send, were measured to be slower.)
package main

import (
	. "compare/gocommon"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

func nap(ns int64) {
	t := syscall.NsecToTimespec(ns)
	syscall.Syscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
}

var epoch = time.Now()

func wakes(n int64) []int64 {
	latencies := make([]int64, 0, n)
	c := make(chan int64, 1)
	done := make(chan bool)
	go func() {
		for sent := range c {
			latencies = append(latencies, int64(time.Since(epoch))-sent)
		}
		close(done)
	}()
	for i := int64(0); i < n; i++ {
		nap(WakePeriodNs)
		c <- int64(time.Since(epoch))
	}
	close(c)
	<-done
	return latencies
}

func main() {
	p := New("w15_wake")
	if p.Workers < 2 {
		runtime.GOMAXPROCS(2)
	}
	runtime.LockOSThread()
	n := p.Count(Wakes, 1)
	wakes(WarmUp(n, 1))
	var latencies []int64
	p.Measure(func() { latencies = wakes(n) })
	p.Expect("the number of wakes", int64(len(latencies)), n)
	before := CPUSeconds()
	nap(1_000_000_000)
	p.Value("idle_cpu_s", CPUSeconds()-before)
	p.Latencies(latencies)
	p.Report()
}
