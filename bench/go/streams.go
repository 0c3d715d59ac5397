// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

type pushPullHow struct {
	layers
	Members int `json:"members"`
	// The request that adds the members, the one before the timed ones, and the timed one.
	Load    string `json:"load"`
	Before  string `json:"before"`
	Request string `json:"request"`
	// Whether the timed request contains updates: each one then needs a new node.
	Fresh bool  `json:"fresh"`
	MinMs int64 `json:"minMs"`
}

type pushPullResult struct {
	timed
	AnswerBytes  int    `json:"answerBytes"`
	Records      int    `json:"records"`
	Incarnations uint64 `json:"incarnations"`
}

// pushPull responds to a request of a node that sends as large a state.
func pushPull(how pushPullHow) (any, error) {
	request, err := os.ReadFile(how.Request)
	if err != nil {
		return nil, err
	}
	before, err := os.ReadFile(how.Before)
	if err != nil {
		return nil, err
	}
	var result pushPullResult
	var n *node
	var answer []byte
	for result.WallNs < how.MinMs*1_000_000 {
		if n == nil || how.Fresh {
			if n != nil {
				n.stop()
			}
			if n, err = loadedNode(how.layers, how.Load, func([]byte) {}, false); err != nil {
				return nil, err
			}
			runtime.GC()
			// It has done the same for three times as long before, like the other side.
			end := time.Now().Add(time.Duration(3*how.MinMs) * time.Millisecond)
			for first := true; first || !how.Fresh && time.Now().Before(end); first = false {
				n.transport.exchange(before)
			}
		}
		start := startWatch()
		answer = n.transport.exchange(request)
		result.add(start, 1)
	}
	defer n.stop()
	if how.Fresh {
		// The answer was sent before the merge.
		answer = n.transport.exchange(request)
	}
	records, err := recordsIn(answer, how.layers)
	result.AnswerBytes = len(answer)
	result.Records = len(records)
	result.Incarnations = incarnationSum(records)
	return result, err
}

type memoryHow struct {
	Load string `json:"load"`
	// A ping.
	Packets string `json:"packets"`
	Members int    `json:"members"`
}

// memoryPerMember is the heap growth when a push/pull adds members, and their updates have
// been gossiped.
func memoryPerMember(how memoryHow) (any, error) {
	pings, err := readParts(how.Packets)
	if err != nil {
		return nil, err
	}
	request, err := os.ReadFile(how.Load)
	if err != nil {
		return nil, err
	}
	isQuiet := make(chan struct{}, 1)
	n, err := newNode(layers{}, func(packet []byte) {
		if len(packet) < 100 {
			select {
			case isQuiet <- struct{}{}:
			default:
			}
		}
	}, false)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	before := heapInUse()
	n.transport.exchange(request)
	for isGossiped := false; !isGossiped; {
		n.transport.receive(pings[0])
		select {
		case <-isQuiet:
			isGossiped = true
		default:
		}
	}
	after := heapInUse()
	if known := n.list.NumMembers(); known != how.Members+1 {
		return nil, fmt.Errorf("%d members are known", known)
	}
	runtime.KeepAlive(request)
	return map[string]int64{"bytes": after - before}, nil
}

func heapInUse() int64 {
	// Objects held by a finalizer or a timer are freed by the second collection.
	for range 3 {
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
