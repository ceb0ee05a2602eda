// Benchmarks of the context package with Go's names, loops and parameters, for a run beside
// bench/micro/context.cpp.
package micro

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const depth = 10

func buildTree(root context.Context) {
	for d := 0; d < depth; d++ {
		root, _ = context.WithCancel(root)
	}
}

func BenchmarkCancelTree(b *testing.B) {
	b.Run("depth=10/Root=Background", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			buildTree(context.Background())
		}
	})
	b.Run("depth=10/Root=OpenCanceler", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			root, cancel := context.WithCancel(context.Background())
			buildTree(root)
			cancel()
		}
	})
	b.Run("depth=10/Root=ClosedCanceler", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			root, cancel := context.WithCancel(context.Background())
			cancel()
			buildTree(root)
		}
	})
}

// Ten contexts with a timeout made and cancelled, beside a number of others that stay.
func BenchmarkWithTimeout(b *testing.B) {
	for _, others := range []int{40, 4000, 400000} {
		b.Run(fmt.Sprintf("concurrency=%d", others), func(b *testing.B) {
			standing := make([]context.CancelFunc, others)
			for i := range standing {
				_, standing[i] = context.WithTimeout(context.Background(), time.Hour)
			}
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				cancels := make([]context.CancelFunc, 10)
				for pb.Next() {
					for i := range cancels {
						_, cancels[i] = context.WithTimeout(context.Background(), time.Hour)
					}
					for _, cancel := range cancels {
						cancel()
					}
				}
			})
			b.StopTimer()
			for _, cancel := range standing {
				cancel()
			}
		})
	}
}
