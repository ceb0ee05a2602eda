// Channel benchmarks with the names, loops and parameters of Go's runtime package, for a run
// beside bench/micro/chan.cpp. Run with one P (-test.cpu 1): what Go spreads over its Ps is then
// one goroutine.
package micro

import (
	"sync/atomic"
	"testing"
)

type struct0 struct{}
type struct32 struct{ a, b, c, d int64 }
type struct40 struct{ a, b, c, d, e int64 }

const callsPerSched = 1000

func makeChan[T any](b *testing.B) {
	var c chan T
	for i := 0; i < b.N; i++ {
		c = make(chan T, 8)
	}
	close(c)
}

func BenchmarkMakeChan(b *testing.B) {
	b.Run("Byte", makeChan[byte])
	b.Run("Int", makeChan[int])
	b.Run("Ptr", makeChan[*byte])
	b.Run("Struct/0", makeChan[struct0])
	b.Run("Struct/32", makeChan[struct32])
	b.Run("Struct/40", makeChan[struct40])
}

func BenchmarkChanNonblocking(b *testing.B) {
	c := make(chan int)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			select {
			case <-c:
			default:
			}
		}
	})
}

func BenchmarkSelectUncontended(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		left, right := make(chan int, 1), make(chan int, 1)
		left <- 0
		for pb.Next() {
			select {
			case <-left:
				right <- 0
			case <-right:
				left <- 0
			}
		}
	})
}

// Four non-blocking attempts an iteration: each direction on an unbuffered channel that no one
// serves, and on a buffered one (the receive always finds it empty, the send fills it once).
func BenchmarkSelectNonblock(b *testing.B) {
	recvSync, sendSync := make(chan int), make(chan int)
	recvBuffered, sendBuffered := make(chan int, 1), make(chan int, 1)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			select {
			case <-recvSync:
			default:
			}
			select {
			case sendSync <- 0:
			default:
			}
			select {
			case <-recvBuffered:
			default:
			}
			select {
			case sendBuffered <- 0:
			default:
			}
		}
	})
}

// Two goroutines that exchange on one unbuffered channel; each takes a share of 1000 exchanges at
// a time, and the parity of the share decides who begins.
func BenchmarkChanSync(b *testing.B) {
	const fibers = 2
	shares := int32(b.N / callsPerSched / fibers * fibers)
	c, done := make(chan int), make(chan bool, fibers)
	for f := 0; f < fibers; f++ {
		go func() {
			for {
				share := atomic.AddInt32(&shares, -1)
				if share < 0 {
					break
				}
				for i := 0; i < callsPerSched; i++ {
					if share%2 == 0 {
						<-c
						c <- 0
					} else {
						c <- 0
						<-c
					}
				}
			}
			done <- true
		}()
	}
	for f := 0; f < fibers; f++ {
		<-done
	}
}

func prodCons(b *testing.B, capacity int) {
	shares := int32(b.N / callsPerSched)
	c, done := make(chan int, capacity), make(chan bool, 2)
	go func() {
		for atomic.AddInt32(&shares, -1) >= 0 {
			for i := 0; i < callsPerSched; i++ {
				c <- 1
			}
		}
		c <- 0
		done <- true
	}()
	go func() {
		for <-c != 0 {
		}
		done <- true
	}()
	<-done
	<-done
}

func BenchmarkChanProdCons10(b *testing.B)  { prodCons(b, 10) }
func BenchmarkChanProdCons100(b *testing.B) { prodCons(b, 100) }

func BenchmarkChanSem(b *testing.B) {
	c := make(chan struct0, 1)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c <- struct0{}
			<-c
		}
	})
}

func BenchmarkChanClosed(b *testing.B) {
	c := make(chan struct0)
	close(c)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			select {
			case <-c:
			default:
				b.Error("a closed channel is not ready")
			}
		}
	})
}
