// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

// Replays observations through Serf's package coordinate. Reads one observation per line of JSON, and writes the
// coordinate after each one as a line of JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/serf/coordinate"
)

type observation struct {
	Node       string
	RttNs      int64
	Coordinate coordinate.Coordinate
}

func main() {
	client, err := coordinate.NewClient(coordinate.DefaultConfig())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var seen observation
		if err := json.Unmarshal(lines.Bytes(), &seen); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		// A refused observation changes nothing.
		_, _ = client.Update(seen.Node, &seen.Coordinate, time.Duration(seen.RttNs))
		if err := out.Encode(client.GetCoordinate()); err != nil {
			os.Exit(1)
		}
	}
}
