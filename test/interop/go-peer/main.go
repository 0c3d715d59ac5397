// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

// A node of Go memberlist under the control of a test: a configuration as its argument, commands as lines of
// JSON on standard input, answers and events as lines of JSON on standard output, and memberlist's own log on
// standard error. It ends when standard input does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/memberlist"
)

// output writes lines of JSON, one at a time.
type output struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (o *output) line(value any) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if err := o.encoder.Encode(value); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "go-peer:", err)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("want one argument, a configuration as JSON"))
	}
	settings := settings{Compression: true}
	if err := json.Unmarshal([]byte(os.Args[1]), &settings); err != nil {
		fail(err)
	}
	out := &output{encoder: json.NewEncoder(os.Stdout)}
	peer := newPeer(out, &settings)
	config, err := settings.memberlistConfig(peer)
	if err != nil {
		fail(err)
	}
	list, err := memberlist.Create(config)
	if err != nil {
		fail(err)
	}
	peer.started(list, config)
	out.line(map[string]any{"ready": true})

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var command command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			fail(err)
		}
		go peer.execute(command)
	}
}
