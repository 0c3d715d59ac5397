// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// peer implements all delegates, and writes an event for each call.
type peer struct {
	out        *output
	list       *memberlist.Memberlist
	config     *memberlist.Config
	broadcasts memberlist.TransmitLimitedQueue

	mutex      sync.Mutex
	meta       []byte
	localState []byte
	ackPayload []byte
	relayed    map[string]bool
}

// seen is a node as events describe it. Bytes become base64. memberlist leaves Node.State at its zero value,
// so it is omitted.
type seen struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Meta    []byte `json:"meta"`
	Version uint8  `json:"protocolVersion"`
}

func asSeen(node *memberlist.Node) seen {
	return seen{node.Name, node.Address(), node.Meta, node.PCur}
}

// payloadEvent describes received bytes: all of them if they are few, always their size and SHA-256.
type payloadEvent struct {
	Event  string `json:"event"`
	From   string `json:"from,omitempty"`
	Bytes  []byte `json:"bytes,omitempty"`
	Size   int    `json:"size"`
	Digest string `json:"digest"`
	Join   bool   `json:"join,omitempty"`
}

func describeBytes(event string, payload []byte) payloadEvent {
	digest := sha256.Sum256(payload)
	result := payloadEvent{Event: event, Size: len(payload), Digest: hex.EncodeToString(digest[:])}
	if len(payload) <= 4096 {
		result.Bytes = append([]byte(nil), payload...)
	}
	return result
}

func newPeer(out *output, s *settings) *peer {
	return &peer{
		out:        out,
		meta:       s.Meta,
		localState: s.LocalState,
		ackPayload: s.AckPayload,
		relayed:    map[string]bool{},
	}
}

func (p *peer) started(list *memberlist.Memberlist, config *memberlist.Config) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.list = list
	p.config = config
	p.broadcasts.NumNodes = list.NumMembers
	p.broadcasts.RetransmitMult = retransmitMult
}

func (p *peer) isStarted() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.list != nil
}

func (p *peer) NodeMeta(int) []byte {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.meta
}

func (p *peer) setMeta(meta []byte) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.meta = meta
}

func (p *peer) NotifyMsg(payload []byte) {
	p.out.line(describeBytes("message", payload))
	if bytes.HasPrefix(payload, []byte(broadcastPrefix)) && p.isNew(payload) {
		p.broadcasts.QueueBroadcast(append(broadcast(nil), payload...))
	}
}

// Gossip occasionally misses a member; with this many transmissions practically never.
const retransmitMult = 12

// A broadcast reaches a few members only. Each receiver broadcasts it again, so that it reaches all.
const broadcastPrefix = "broadcast"

func (p *peer) isNew(payload []byte) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	isNew := !p.relayed[string(payload)]
	p.relayed[string(payload)] = true
	return isNew
}

func (p *peer) GetBroadcasts(overhead, limit int) [][]byte {
	if !p.isStarted() {
		return nil
	}
	return p.broadcasts.GetBroadcasts(overhead, limit)
}

func (p *peer) LocalState(bool) []byte {
	return p.localState
}

func (p *peer) MergeRemoteState(state []byte, join bool) {
	line := describeBytes("state", state)
	line.Join = join
	p.out.line(line)
}

func (p *peer) NotifyJoin(node *memberlist.Node)   { p.emit("join", node) }
func (p *peer) NotifyLeave(node *memberlist.Node)  { p.emit("leave", node) }
func (p *peer) NotifyUpdate(node *memberlist.Node) { p.emit("update", node) }

func (p *peer) emit(event string, node *memberlist.Node) {
	p.out.line(map[string]any{"event": event, "node": asSeen(node)})
}

func (p *peer) NotifyConflict(existing, other *memberlist.Node) {
	p.out.line(map[string]any{"event": "conflict", "node": asSeen(existing), "other": asSeen(other)})
}

func (p *peer) AckPayload() []byte {
	return p.ackPayload
}

func (p *peer) NotifyPingComplete(node *memberlist.Node, _ time.Duration, payload []byte) {
	line := describeBytes("ping", payload)
	line.From = node.Name
	p.out.line(line)
}

// broadcast is a message for all members; none replaces another.
type broadcast []byte

func (b broadcast) Invalidates(memberlist.Broadcast) bool { return false }
func (b broadcast) Message() []byte                       { return b }
func (b broadcast) Finished()                             {}
