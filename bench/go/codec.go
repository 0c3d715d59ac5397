// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// The message types of the wire protocol that are needed here.
const (
	pingType     = 0
	suspectType  = 3
	aliveType    = 4
	pushPullType = 6
	compoundType = 7
	compressType = 9
	encryptType  = 10
	crcType      = 12
)

// The structs of memberlist's net.go: the same fields in the same order, as its codec sees them.
type ping struct {
	SeqNo      uint32
	Node       string
	SourceAddr []byte `codec:",omitempty"`
	SourcePort uint16 `codec:",omitempty"`
	SourceNode string `codec:",omitempty"`
}

type suspect struct {
	Incarnation uint32
	Node        string
	From        string
}

type alive struct {
	Incarnation uint32
	Node        string
	Addr        []byte
	Port        uint16
	Meta        []byte
	Vsn         []uint8
}

type pushPullHeader struct {
	Nodes        int
	UserStateLen int
	Join         bool
}

type pushNodeState struct {
	Name        string
	Addr        []byte
	Port        uint16
	Meta        []byte
	Incarnation uint32
	State       int
	Vsn         []uint8
}

type compressed struct {
	Algo uint8
	Buf  []byte
}

// encode does the same as memberlist's unexported function with this name (util.go).
func encode(messageType uint8, in any) (*bytes.Buffer, error) {
	buf := bytes.NewBuffer(nil)
	buf.WriteByte(messageType)
	handle := codec.MsgpackHandle{}
	handle.TimeNotBuiltin = true
	encoder := codec.NewEncoder(buf, &handle)
	err := encoder.Encode(in)
	return buf, err
}

// decode does the same as memberlist's unexported function with this name (util.go).
func decode(buf []byte, out any) error {
	reader := bytes.NewReader(buf)
	handle := codec.MsgpackHandle{}
	decoder := codec.NewDecoder(reader, &handle)
	return decoder.Decode(out)
}

// messages returns the messages to encode: the same as in bench/members.ts, as the digest shows.
func messages(kind string, count int) []any {
	result := make([]any, count)
	for i := range result {
		name := fmt.Sprintf("node-%05d", i)
		switch kind {
		case "alive":
			result[i] = &alive{
				Incarnation: uint32(1 + i%7),
				Node:        name,
				Addr:        memberAddr(i),
				Port:        memberPort,
				Meta:        memberMeta(i),
				Vsn:         []uint8{1, 5, 2, 0, 0, 0},
			}
		case "suspect":
			result[i] = &suspect{Incarnation: uint32(1 + i%7), Node: name, From: "target"}
		default:
			result[i] = &ping{
				SeqNo:      uint32(1000 + i),
				Node:       name,
				SourceAddr: []byte{10, 255, 0, 1},
				SourcePort: memberPort,
				SourceNode: "target",
			}
		}
	}
	return result
}

const memberPort = 7946

func memberAddr(i int) []byte {
	return []byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
}

// memberMeta is 35 bytes, typical for the metadata of a small service.
func memberMeta(i int) []byte {
	return fmt.Appendf(nil, "role=web,zone=eu-west-1b,build=%04d", i%10000)
}

type encodeHow struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	MinMs int64  `json:"minMs"`
}

type encodeResult struct {
	timed
	// The SHA-256 of all messages, one after the other.
	Digest string `json:"digest"`
}

func encodeMessages(how encodeHow) (any, error) {
	all := messages(how.Kind, how.Count)
	messageType := uint8(map[string]int{"alive": aliveType, "suspect": suspectType, "ping": pingType}[how.Kind])
	digest := sha256.New()
	for _, each := range all {
		buf, err := encode(messageType, each)
		if err != nil {
			return nil, err
		}
		digest.Write(buf.Bytes())
	}
	total, err := repeat(how.MinMs, int64(len(all)), func() error {
		for _, each := range all {
			if _, err := encode(messageType, each); err != nil {
				return err
			}
		}
		return nil
	})
	return encodeResult{total, hex.EncodeToString(digest.Sum(nil))}, err
}

type decodeHow struct {
	Kind string `json:"kind"`
	// Base64 of the messages.
	Messages []string `json:"messages"`
	MinMs    int64    `json:"minMs"`
}

type decodeResult struct {
	timed
	// The sum of the numbers and lengths that were read.
	Sum uint64 `json:"sum"`
}

func decodeMessages(how decodeHow) (any, error) {
	all := make([][]byte, len(how.Messages))
	for i, text := range how.Messages {
		bytes, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		all[i] = bytes
	}
	one := map[string]func([]byte) (uint64, error){
		"alive": decodeAlive, "suspect": decodeSuspect, "ping": decodePing,
	}[how.Kind]
	var sum uint64
	total, err := repeat(how.MinMs, int64(len(all)), func() error {
		sum = 0
		for _, each := range all {
			read, err := one(each)
			if err != nil {
				return err
			}
			sum += read
		}
		return nil
	})
	return decodeResult{total, sum}, err
}

func decodeAlive(message []byte) (uint64, error) {
	var live alive
	err := decode(message[1:], &live)
	lengths := len(live.Node) + len(live.Addr) + len(live.Meta) + len(live.Vsn)
	return uint64(live.Incarnation) + uint64(live.Port) + uint64(lengths), err
}

func decodeSuspect(message []byte) (uint64, error) {
	var s suspect
	err := decode(message[1:], &s)
	return uint64(s.Incarnation) + uint64(len(s.Node)+len(s.From)), err
}

func decodePing(message []byte) (uint64, error) {
	var p ping
	err := decode(message[1:], &p)
	lengths := len(p.Node) + len(p.SourceAddr) + len(p.SourceNode)
	return uint64(p.SeqNo) + uint64(p.SourcePort) + uint64(lengths), err
}
