// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

// The Go side of the benchmarks: the same work as bench/ours, done by Go memberlist. It reads commands as
// lines of JSON from standard input, and writes answers as lines of JSON to standard output. It ends when
// standard input ends.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// request is one line of standard input; its other fields depend on the task.
type request struct {
	ID int    `json:"id"`
	Do string `json:"do"`
}

type answer struct {
	ID     int    `json:"id"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

// task does one piece of work, described by a line of JSON.
type task func(line []byte) (any, error)

// doing converts a function that takes a struct to a task.
func doing[T any](work func(T) (any, error)) task {
	return func(line []byte) (any, error) {
		var how T
		if err := json.Unmarshal(line, &how); err != nil {
			return nil, err
		}
		return work(how)
	}
}

var tasks = map[string]task{
	"encode":     doing(encodeMessages),
	"decode":     doing(decodeMessages),
	"compress":   doing(compressBytes),
	"decompress": doing(decompressBytes),
	"packetsIn":  doing(packetsIn),
	"packetsOut": doing(packetsOut),
	"pushPull":   doing(pushPull),
	"memory":     doing(memoryPerMember),
	"start":      doing(startCluster),
	"joinAll":    doing(joinAll),
	"gather":     doing(gather),
	"usage":      doing(usage),
	"heap":       doing(heap),
	"kill":       doing(kill),
	"stop":       doing(stopCluster),
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fail(err)
		}
		reply := answer{ID: asked.ID}
		if work, ok := tasks[asked.Do]; !ok {
			reply.Error = fmt.Sprintf("unknown task %q", asked.Do)
		} else if result, err := work(lines.Bytes()); err != nil {
			reply.Error = err.Error()
		} else {
			reply.Result = result
		}
		if err := out.Encode(reply); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
