// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
)

type packetsHow struct {
	layers
	// A push/pull request that adds the members, and one that only requests the table.
	Load string `json:"load"`
	Ask  string `json:"ask"`
	// Received packets, each after its length (4 bytes), and how many of them precede the ones that
	// are timed.
	Packets string `json:"packets"`
	Untimed int    `json:"untimed"`
	// Push/pull requests with as many updates as the first one each, so that there is as much to send again. The
	// last three of them are timed.
	Again []string `json:"again"`
	// How many alive messages are in one packet.
	AlivesPerPacket int `json:"alivesPerPacket"`
	// How many packets are received before the benchmark waits for their messages.
	Burst int   `json:"burst"`
	MinMs int64 `json:"minMs"`
}

type packetsResult struct {
	timed
	// In one pass: packets, and messages in them.
	Packets  int   `json:"packets"`
	Messages int64 `json:"messages"`
	// The incarnations of the final table.
	Incarnations uint64 `json:"incarnations"`
}

// loadedNode is a node that knows the members.
func loadedNode(how layers, load string, onSend func([]byte), countsAlives bool) (*node, error) {
	request, err := os.ReadFile(load)
	if err != nil {
		return nil, err
	}
	n, err := newNode(how, onSend, countsAlives)
	if err != nil {
		return nil, err
	}
	n.transport.exchange(request)
	return n, nil
}

// packetsIn delivers packets of alive messages to a node. Each pass uses a new node, so that the incarnations
// are new.
func packetsIn(how packetsHow) (any, error) {
	packets, err := readParts(how.Packets)
	if err != nil {
		return nil, err
	}
	ask, err := os.ReadFile(how.Ask)
	if err != nil {
		return nil, err
	}
	var result packetsResult
	for result.WallNs < how.MinMs*1_000_000 {
		n, err := loadedNode(how.layers, how.Load, func([]byte) {}, true)
		if err != nil {
			return nil, err
		}
		runtime.GC()
		seen := n.alives.seen.Load()
		var start watch
		for at := 0; at < len(packets); at += how.Burst {
			if at == how.Untimed {
				start = startWatch()
			}
			burst := packets[at:min(at+how.Burst, len(packets))]
			n.alives.expect(int64(len(burst) * how.AlivesPerPacket))
			for _, packet := range burst {
				n.transport.receive(packet)
			}
			<-n.alives.reached
		}
		result.add(start, int64(len(packets)-how.Untimed))
		result.Packets = len(packets)
		result.Messages = n.alives.seen.Load() - seen
		records, err := recordsIn(n.transport.exchange(ask), how.layers)
		if err != nil {
			return nil, err
		}
		result.Incarnations = incarnationSum(records)
		n.stop()
	}
	return result, nil
}

// packetsOut pings a node that has just learned of its members until its acks carry no more updates, and again
// after more updates.
func packetsOut(how packetsHow) (any, error) {
	pings, err := readParts(how.Packets)
	if err != nil {
		return nil, err
	}
	if len(pings) != 1 {
		return nil, fmt.Errorf("want one ping, not %d", len(pings))
	}
	var updates [][]byte
	for _, file := range how.Again {
		request, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		updates = append(updates, request)
	}
	var result packetsResult
	for result.WallNs < how.MinMs*1_000_000 {
		var sent [][]byte
		done := make(chan struct{}, 1)
		isDone := false
		n, err := loadedNode(how.layers, how.Load, func(packet []byte) {
			if isDone {
				return
			}
			sent = append(sent, packet)
			// Only an ack: there are no more broadcasts.
			if len(packet) < 100 {
				isDone = true
				done <- struct{}{}
			}
		}, false)
		if err != nil {
			return nil, err
		}
		runtime.GC()
		drain := func() {
			for running := true; running; {
				n.transport.receive(pings[0])
				select {
				case <-done:
					running = false
				default:
				}
			}
		}
		drain()
		for index, request := range updates {
			// The node is not pinged any more; it finishes pending sends before it has read this.
			n.transport.exchange(request)
			sent, isDone = nil, false
			start := startWatch()
			drain()
			if index >= len(updates)-3 {
				result.add(start, int64(len(sent)))
			}
		}
		n.stop()
		result.Packets, result.Messages = len(sent), 0
		for _, packet := range sent {
			count, err := messagesIn(packet, how.layers)
			if err != nil {
				return nil, err
			}
			result.Messages += int64(count)
		}
	}
	return result, nil
}

// readParts reads a file of byte strings, each after its length.
func readParts(file string) ([][]byte, error) {
	all, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var parts [][]byte
	for len(all) > 4 {
		end := 4 + int(binary.BigEndian.Uint32(all))
		parts = append(parts, all[4:end:end])
		all = all[end:]
	}
	return parts, nil
}
