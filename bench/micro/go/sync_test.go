// Benchmarks of the sync package with Go's names, loops and parameters, for a run beside
// bench/micro/sync.cpp.
package micro

import (
	"sync"
	"testing"
)

func BenchmarkMutexUncontended(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		var mu sync.Mutex
		for pb.Next() {
			mu.Lock()
			mu.Unlock()
		}
	})
}

// Between two locks the goroutine walks over 128 KiB of its own.
func BenchmarkMutexSpin(b *testing.B) {
	var mu sync.Mutex
	var low, high uint64
	b.RunParallel(func(pb *testing.PB) {
		var data [16 << 10]uint64
		for pb.Next() {
			mu.Lock()
			low -= 100
			high += 100
			mu.Unlock()
			for i := 0; i < len(data); i += 4 {
				data[i]++
			}
		}
	})
}

func BenchmarkRWMutexUncontended(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		var mu sync.RWMutex
		for pb.Next() {
			mu.RLock()
			mu.RLock()
			mu.RUnlock()
			mu.RUnlock()
			mu.Lock()
			mu.Unlock()
		}
	})
}

func BenchmarkRWMutexWrite10(b *testing.B) {
	var mu sync.RWMutex
	b.RunParallel(func(pb *testing.PB) {
		turn := 0
		for pb.Next() {
			turn++
			if turn%10 == 0 {
				mu.Lock()
				mu.Unlock()
			} else {
				mu.RLock()
				mu.RUnlock()
			}
		}
	})
}

// Nine goroutines meet again and again; the last to come wakes the eight that wait.
func BenchmarkCond8(b *testing.B) {
	const waiters = 8
	cond := sync.NewCond(&sync.Mutex{})
	done := make(chan bool)
	arrived := 0
	for f := 0; f < waiters+1; f++ {
		go func() {
			for i := 0; i < b.N; i++ {
				cond.L.Lock()
				if arrived == -1 {
					cond.L.Unlock()
					break
				}
				arrived++
				if arrived == waiters+1 {
					arrived = 0
					cond.Broadcast()
				} else {
					cond.Wait()
				}
				cond.L.Unlock()
			}
			cond.L.Lock()
			arrived = -1
			cond.Broadcast()
			cond.L.Unlock()
			done <- true
		}()
	}
	for f := 0; f < waiters+1; f++ {
		<-done
	}
}

func BenchmarkWaitGroupUncontended(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		var wg sync.WaitGroup
		for pb.Next() {
			wg.Add(1)
			wg.Done()
			wg.Wait()
		}
	})
}

func BenchmarkPool(b *testing.B) {
	var pool sync.Pool
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			pool.Put(1)
			pool.Get()
		}
	})
}

func BenchmarkOnce(b *testing.B) {
	var once sync.Once
	f := func() {}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			once.Do(f)
		}
	})
}
