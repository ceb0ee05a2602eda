// common.hpp in Go: the command line, the clock, the memory figures and the one line of JSON.

package gocommon

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Program is one run of one workload.
type Program struct {
	Workload string
	Workers  int
	Scale    float64
	Case     string
	note     string
	wall     time.Duration
	cpu      float64
	values   []string
}

func usage(problem string) {
	fmt.Fprintf(os.Stderr, "%s: %s\nusage: %s [--workers N] [--scale F] [--case NAME]\n", os.Args[0], problem,
		os.Args[0])
	os.Exit(2)
}

// New reads the command line and sets GOMAXPROCS to the number of workers.
func New(workload string) *Program {
	p := &Program{Workload: workload, Workers: 1, Scale: 1}
	args := os.Args[1:]
	for i := 0; i < len(args); i += 2 {
		if i+1 == len(args) {
			usage(args[i] + " needs a value")
		}
		var err error
		switch args[i] {
		case "--workers":
			p.Workers, err = strconv.Atoi(args[i+1])
			if err != nil || p.Workers < 1 {
				usage("--workers takes a number from 1")
			}
		case "--scale":
			p.Scale, err = strconv.ParseFloat(args[i+1], 64)
			if err != nil || !(p.Scale > 0) {
				usage("--scale takes a number above 0")
			}
		case "--case":
			p.Case = args[i+1]
		default:
			usage("unknown option " + args[i])
		}
	}
	runtime.GOMAXPROCS(p.Workers)
	return p
}

// Count is a full-size count times the scale, as a multiple of unit and at least one unit.
func (p *Program) Count(full, unit int64) int64 {
	n := int64(math.Round(float64(full)*p.Scale)) / unit
	if n < 1 {
		n = 1
	}
	return n * unit
}

// WarmUp is a hundredth of a count.
func WarmUp(n, unit int64) int64 {
	n = n / 100 / unit
	if n < 1 {
		n = 1
	}
	return n * unit
}

// CPUSeconds is the CPU time of all threads of the process.
func CPUSeconds() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)*1e-6
}

// StatusBytes is a field of /proc/self/status, such as "VmRSS:".
func StatusBytes(field string) float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, field) {
			kb, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			return kb * 1024
		}
	}
	return 0
}

// FootprintBytes is resident memory plus the page tables that map it.
func FootprintBytes() float64 { return StatusBytes("VmRSS:") + StatusBytes("VmPTE:") }

// Measure runs the measured part.
func (p *Program) Measure(work func()) {
	cpu := CPUSeconds()
	start := time.Now()
	work()
	p.wall = time.Since(start)
	p.cpu = CPUSeconds() - cpu
}

// WallS is the duration of the measured part in seconds.
func (p *Program) WallS() float64 { return p.wall.Seconds() }

// Expect ends the program when the answer is wrong.
func (p *Program) Expect(what string, actual, wanted int64) {
	if actual != wanted {
		fmt.Fprintf(os.Stderr, "%s.go: wrong answer: %s is %d, should be %d\n", p.Workload, what,
			actual, wanted)
		os.Exit(1)
	}
}

// Value adds a measured value to the line.
func (p *Program) Value(name string, v float64) {
	p.values = append(p.values, fmt.Sprintf("%q: %.6g", name, v))
}

// Latencies adds the middle and the slow end of a set of latencies in nanoseconds.
func (p *Program) Latencies(ns []int64) {
	sort.Slice(ns, func(i, j int) bool { return ns[i] < ns[j] })
	at := func(q float64) float64 {
		return float64(ns[int(math.Round(float64(len(ns)-1)*q))]) / 1000
	}
	p.Value("p50_us", at(0.50))
	p.Value("p99_us", at(0.99))
}

// ReportNsPerOp prints the line with the time of one operation.
func (p *Program) ReportNsPerOp(operations int64) {
	p.Value("ns_per_op", p.WallS()*1e9/float64(operations))
	p.Report()
}

// Report prints the line.
func (p *Program) Report() {
	values := strings.Join(p.values, ", ")
	if values != "" {
		values += ", "
	}
	if p.note != "" {
		values += fmt.Sprintf("\"note\": %q, ", p.note)
	}
	workload := p.Workload
	if p.Case != "" {
		workload += "." + p.Case
	}
	fmt.Printf("{\"workload\": %q, \"system\": \"go\", \"version\": %q, \"workers\": %d, "+
		"\"scale\": %g, %s\"peak_rss_mb\": %.1f, \"wall_s\": %.6f, \"cpu_s\": %.6f}\n",
		workload, runtime.Version(), p.Workers, p.Scale, values,
		StatusBytes("VmHWM:")/(1024*1024), p.WallS(), p.cpu)
}
