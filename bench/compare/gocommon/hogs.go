// hogs.hpp in Go: the hogs of W16 and W17, the goroutine that sleeps beside them, and the end of the
// program when that one does not wake up again.

package gocommon

import (
	"math"
	"os"
	"sort"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

type hogKind struct {
	hogs int
	hog  func(self int)
}

var hogKinds = map[string]hogKind{
	"none":     {0, nil},
	"spin4":    {4, spin},
	"spin32":   {32, spin},
	"malloc4":  {4, mallocStorm},
	"usleep":   {4, block},
	"blocking": {4, block},
}

type paddedRounds struct {
	n int64
	_ [56]byte
}

var (
	hogStop   uint32
	hogBeats  int64
	hogRounds [64]paddedRounds
)

func stopped() bool { return atomic.LoadUint32(&hogStop) != 0 }

// A loop without a call: the atomic operations are instructions here too.
func spin(self int) {
	for n := int64(1); !stopped(); n++ {
		atomic.StoreInt64(&hogRounds[self].n, n)
	}
}

func mallocStorm(self int) {
	var live [MallocBlocks][]byte
	random := uint64(self)
	for !stopped() {
		random = random*6364136223846793005 + 1442695040888963407
		block := make([]byte, MallocSmallest+(random>>33)%(MallocLargest-MallocSmallest))
		block[0] = 1
		live[random>>58] = block
		atomic.AddInt64(&hogRounds[self].n, 1)
	}
}

// The runtime knows of every system call: there is nothing to mark.
func block(self int) {
	for !stopped() {
		atomic.AddInt64(&hogRounds[self].n, 1)
		t := syscall.NsecToTimespec(HogBlockNs)
		syscall.Syscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
	}
}

// A goroutine can be held up as the sleeper is; the driver's own limit is the last resort.
func (p *Program) watch() {
	seen, since := int64(-1), time.Now()
	for !stopped() {
		time.Sleep(20 * time.Millisecond)
		if beats := atomic.LoadInt64(&hogBeats); beats != seen {
			seen, since = beats, time.Now()
		} else if time.Since(since) > HogGiveUpNs {
			p.note = "the goroutine that sleeps for 1 ms did not run again within 2 s"
			p.Report()
			os.Exit(0)
		}
	}
}

// RunHogs is the whole of W16 and W17.
func (p *Program) RunHogs() {
	kind, ok := hogKinds[p.Case]
	if !ok {
		usage("--case takes one of the names in params.hpp")
	}
	go p.watch()
	for i := 0; i < kind.hogs; i++ {
		go kind.hog(i)
	}
	var late []int64
	sleepUntil := func(end time.Time) {
		for start := time.Now(); start.Before(end); start = time.Now() {
			time.Sleep(HogSleepNs)
			atomic.AddInt64(&hogBeats, 1)
			late = append(late, int64(time.Since(start))-HogSleepNs)
		}
	}
	sleepUntil(time.Now().Add(time.Duration(p.Count(HogWarmUpNs, 1))))
	late = late[:0]
	p.Measure(func() { sleepUntil(time.Now().Add(time.Duration(p.Count(HogMeasuredNs, 1)))) })
	atomic.StoreUint32(&hogStop, 1)
	p.reportHogs(kind.hogs, late)
}

func (p *Program) reportHogs(hogs int, late []int64) {
	ran := int64(0)
	for i := 0; i < hogs; i++ {
		if atomic.LoadInt64(&hogRounds[i].n) > 0 {
			ran++
		}
	}
	p.Expect("the number of hogs that ran", ran, int64(hogs))
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	p.Expect("the number of sleeps that were too short",
		int64(sort.Search(len(late), func(i int) bool { return late[i] >= 0 })), 0)
	at := func(q float64) float64 {
		return float64(late[int(math.Round(float64(len(late)-1)*q))]) / 1e6
	}
	p.Value("p50_ms", at(0.50))
	p.Value("p99_ms", at(0.99))
	p.Value("max_ms", at(1))
	p.Value("cpu_pct", 100*p.cpu/p.WallS())
	p.Report()
	os.Exit(0)
}
