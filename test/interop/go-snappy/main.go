// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

// Writes test/fixtures/snappy.json: contents, and the blocks that github.com/golang/snappy makes of them.
//
//	go run . > ../../fixtures/snappy.json
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strings"

	"github.com/golang/snappy"
)

// A vector is one content and its block. Content that repeats is given as a part and a number of times.
type vector struct {
	Name  string `json:"name"`
	Part  string `json:"part"`
	Times int    `json:"times"`
	Block string `json:"block"`
}

func main() {
	random := rand.New(rand.NewSource(1))
	noise := func(length int) []byte {
		bytes := make([]byte, length)
		random.Read(bytes)
		return bytes
	}
	words := func(count int) []byte {
		text := strings.Builder{}
		for i := 0; i < count; i++ {
			fmt.Fprintf(&text, "node-%d at 10.0.%d.%d; ", random.Intn(40), random.Intn(4), random.Intn(200))
		}
		return []byte(text.String())
	}
	var vectors []vector
	add := func(name string, part []byte, times int) {
		block := snappy.Encode(nil, bytes.Repeat(part, times))
		vectors = append(vectors, vector{name, hex.EncodeToString(part), times, hex.EncodeToString(block)})
	}
	for _, length := range []int{1, 2, 15, 16, 17, 59, 60, 61, 62, 255, 256, 257, 300, 1400} {
		add(fmt.Sprintf("noise of %d bytes", length), noise(length), 1)
	}
	for _, times := range []int{4, 5, 12, 20, 64, 65, 68, 69, 100, 1000, 65535, 65536, 65537, 200000} {
		add(fmt.Sprintf("one byte %d times", times), []byte{0x61}, times)
	}
	for _, period := range []int{2, 3, 7, 8, 9, 63, 64, 65, 2047, 2048, 2049} {
		add(fmt.Sprintf("%d bytes ten times", period), noise(period), 10)
	}
	for _, count := range []int{3, 30, 300} {
		add(fmt.Sprintf("%d members as text", count), words(count), 1)
	}
	add("members as text over several blocks", words(300), 30)
	add("noise over a block's 65,536 bytes", noise(6000), 12)
	if err := json.NewEncoder(os.Stdout).Encode(vectors); err != nil {
		panic(err)
	}
}
