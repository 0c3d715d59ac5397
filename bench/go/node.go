// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// layers describes how packets and streams are wrapped.
type layers struct {
	Compress bool `json:"compress"`
	// Base64 in JSON; empty: no encryption.
	Key []byte `json:"key"`
}

// node is a Memberlist without background activity: no probes, no gossip rounds, no push/pull. It only handles the
// packets and streams that the benchmark delivers.
type node struct {
	list      *memberlist.Memberlist
	transport *memoryTransport
	alives    *aliveCounter
}

// newNode starts a node. Counting alive messages needs a delegate; most users have none.
func newNode(how layers, onSend func([]byte), countsAlives bool) (*node, error) {
	config := memberlist.DefaultLANConfig()
	config.Name = "target"
	config.ProbeInterval = 0
	config.GossipInterval = 0
	config.PushPullInterval = 0
	config.QueueCheckInterval = time.Hour
	config.EnableCompression = how.Compress
	config.SecretKey = how.Key
	config.LogOutput = io.Discard
	alives := &aliveCounter{reached: make(chan struct{}, 1)}
	if countsAlives {
		config.Alive = alives
	}
	transport := newMemoryTransport(onSend)
	config.Transport = transport
	list, err := memberlist.Create(config)
	if err != nil {
		return nil, err
	}
	return &node{list, transport, alives}, nil
}

func (n *node) stop() { _ = n.list.Shutdown() }

// aliveCounter counts the alive messages that were handled.
type aliveCounter struct {
	seen    atomic.Int64
	target  atomic.Int64
	reached chan struct{}
}

// expect makes reached fire after `more` additional messages.
func (c *aliveCounter) expect(more int64) { c.target.Store(c.seen.Load() + more) }

func (c *aliveCounter) NotifyAlive(*memberlist.Node) error {
	if c.seen.Add(1) == c.target.Load() {
		c.reached <- struct{}{}
	}
	return nil
}
