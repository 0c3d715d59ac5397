// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"bytes"
	"compress/lzw"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

type lzwHow struct {
	// The content to compress, or the compressed bytes.
	File  string `json:"file"`
	MinMs int64  `json:"minMs"`
}

type lzwResult struct {
	timed
	Bytes  int    `json:"bytes"`
	Digest string `json:"digest"`
}

// compress does the same as memberlist's compressPayload before it encodes the result.
func compress(input []byte) ([]byte, error) {
	var buf bytes.Buffer
	writer := lzw.NewWriter(&buf, lzw.LSB, 8)
	if _, err := writer.Write(input); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// decompress does the same as memberlist's decompressBuffer.
func decompress(input []byte) ([]byte, error) {
	reader := lzw.NewReader(bytes.NewReader(input), lzw.LSB, 8)
	defer reader.Close()
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, reader); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func compressBytes(how lzwHow) (any, error)   { return timeLzw(how, compress) }
func decompressBytes(how lzwHow) (any, error) { return timeLzw(how, decompress) }

func timeLzw(how lzwHow, work func([]byte) ([]byte, error)) (any, error) {
	input, err := os.ReadFile(how.File)
	if err != nil {
		return nil, err
	}
	output, err := work(input)
	if err != nil {
		return nil, err
	}
	total, err := repeat(how.MinMs, 1, func() error {
		_, err := work(input)
		return err
	})
	digest := sha256.Sum256(output)
	return lzwResult{total, len(output), hex.EncodeToString(digest[:])}, err
}
