// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// Decodes what a node sent, to verify its work. Nothing here is timed.

const sealVersionBytes = 1

func open(sealed, key, additional []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	body := sealed[sealVersionBytes:]
	return gcm.Open(nil, body[:gcm.NonceSize()], body[gcm.NonceSize():], additional)
}

func decompressMessage(content []byte) ([]byte, error) {
	if content[0] != compressType {
		return content, nil
	}
	var inner compressed
	if err := decode(content[1:], &inner); err != nil {
		return nil, err
	}
	return decompress(inner.Buf)
}

// messagesIn counts the messages of a packet.
func messagesIn(packet []byte, how layers) (int, error) {
	if len(how.Key) > 0 {
		plain, err := open(packet, how.Key, nil)
		if err != nil {
			return 0, err
		}
		packet = plain
	}
	if packet[0] == crcType {
		packet = packet[5:]
	}
	content, err := decompressMessage(packet)
	if err != nil {
		return 0, err
	}
	if content[0] == compoundType {
		return int(content[1]), nil
	}
	return 1, nil
}

// recordsIn reads the answer to a push/pull.
func recordsIn(answer []byte, how layers) ([]pushNodeState, error) {
	if len(answer) == 0 {
		return nil, errors.New("no answer")
	}
	if answer[0] == encryptType {
		plain, err := open(answer[5:], how.Key, answer[:5])
		if err != nil {
			return nil, err
		}
		answer = plain
	}
	content, err := decompressMessage(answer)
	if err != nil {
		return nil, err
	}
	if content[0] != pushPullType {
		return nil, fmt.Errorf("an answer of type %d", content[0])
	}
	handle := codec.MsgpackHandle{}
	decoder := codec.NewDecoder(bytes.NewReader(content[1:]), &handle)
	var header pushPullHeader
	if err := decoder.Decode(&header); err != nil {
		return nil, err
	}
	records := make([]pushNodeState, header.Nodes)
	for i := range records {
		if err := decoder.Decode(&records[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// incarnationSum summarizes a table: the sum of all incarnations except the own one.
func incarnationSum(records []pushNodeState) uint64 {
	var sum uint64
	for _, record := range records {
		if record.Name != "target" && record.State == 0 {
			sum += uint64(record.Incarnation)
		}
	}
	return sum
}
