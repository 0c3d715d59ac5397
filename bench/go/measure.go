// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"runtime"
	"syscall"
	"time"
)

// timed is the total time of a task.
type timed struct {
	WallNs     int64 `json:"wallNs"`
	CPUNs      int64 `json:"cpuNs"`
	Operations int64 `json:"operations"`
}

// add counts the time since the watch was started.
func (t *timed) add(w watch, operations int64) {
	cpu := processCPU() - w.cpu
	t.WallNs += time.Since(w.wall).Nanoseconds()
	t.CPUNs += cpu
	t.Operations += operations
}

// watch stores a start time.
type watch struct {
	wall time.Time
	cpu  int64
}

func startWatch() watch {
	return watch{cpu: processCPU(), wall: time.Now()}
}

// processCPU is the processor time of this process, in nanoseconds.
func processCPU() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// repeat runs batches of operations for at least minMs milliseconds, and times them all together.
func repeat(minMs int64, batch int64, work func() error) (timed, error) {
	var total timed
	runtime.GC()
	start := startWatch()
	var operations int64
	for time.Since(start.wall).Milliseconds() < minMs {
		if err := work(); err != nil {
			return total, err
		}
		operations += batch
	}
	total.add(start, operations)
	return total, nil
}
