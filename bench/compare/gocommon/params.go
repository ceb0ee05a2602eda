// Package gocommon is what the Go programs of the comparison share. This file is params.hpp in
// Go: the parameters of every workload and the answer each must give.
package gocommon

const (
	YieldsPerFiber = 5_000_000 // W1

	SpawnFibers = 1_000_000 // W2
	SpawnWave   = 1000

	RoundTrips = 1_000_000 // W3

	ProdConsItems    = 10_000_000 // W4
	ProdConsCapacity = 128

	MPMCItems     = 8_000_000 // W5
	MPMCCapacity  = 128
	MPMCProducers = 8
	MPMCConsumers = 8

	MutexFibers        = 64 // W6
	MutexPairsPerFiber = 100_000

	SelectReceives = 2_000_000 // W7
	SelectSenders  = 4

	SkynetLeaves   = 1_000_000 // W8
	SkynetBranches = 10

	ParkedFibers = 1_000_000 // W9

	SleepFibers    = 100_000 // W10
	SleepsPerFiber = 10
	SleepLongestNs = 100_000_000
	FibN           = 27   // W13
	Wakes          = 2000 // W15
	WakePeriodNs   = 1_000_000

	HogSleepNs    = 1_000_000 // W16 and W17; their cases are in hogs.go
	HogWarmUpNs   = 1_000_000_000
	HogMeasuredNs = 5_000_000_000
	HogGiveUpNs   = 2_000_000_000
	HogBlockNs    = 1_000_000_000

	MallocBlocks   = 64
	MallocSmallest = 16
	MallocLargest  = 4096
)

// SleepNs is the length of one sleep of W10: splitmix64 of fiber and round.
func SleepNs(fiber, round int64) int64 {
	z := uint64(fiber*SleepsPerFiber+round+1) * 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return int64((z ^ (z >> 31)) % SleepLongestNs)
}

// Fib is the plain Fibonacci number, by a loop.
func Fib(n int) int64 {
	a, b := int64(0), int64(1)
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

// FibSpawns is how often the fork-join fib(n) forks: once per call with n >= 2.
func FibSpawns(n int) int64 { return Fib(n+1) - 1 }

// SumTo is the sum of 1..n, the answer of the workloads that move these numbers.
func SumTo(n int64) int64 { return n * (n + 1) / 2 }
