// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"io"
	"log"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

var discard = log.New(io.Discard, "", 0)

// traffic is what all nodes of this process sent.
type traffic struct {
	packets     atomic.Int64
	packetBytes atomic.Int64
	// In both directions of the streams that were opened here.
	streamBytes atomic.Int64
}

// countingTransport counts the traffic of a NetTransport.
type countingTransport struct {
	*memberlist.NetTransport
	traffic *traffic
}

func (t *countingTransport) WriteTo(packet []byte, to string) (time.Time, error) {
	t.traffic.packets.Add(1)
	t.traffic.packetBytes.Add(int64(len(packet)))
	return t.NetTransport.WriteTo(packet, to)
}

func (t *countingTransport) WriteToAddress(packet []byte, to memberlist.Address) (time.Time, error) {
	return t.WriteTo(packet, to.Addr)
}

func (t *countingTransport) DialTimeout(to string, timeout time.Duration) (net.Conn, error) {
	conn, err := t.NetTransport.DialTimeout(to, timeout)
	if err != nil {
		return nil, err
	}
	return &countingConn{conn, t.traffic}, nil
}

func (t *countingTransport) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(to.Addr, timeout)
}

type countingConn struct {
	net.Conn
	traffic *traffic
}

func (c *countingConn) Read(into []byte) (int, error) {
	size, err := c.Conn.Read(into)
	c.traffic.streamBytes.Add(int64(size))
	return size, err
}

func (c *countingConn) Write(data []byte) (int, error) {
	size, err := c.Conn.Write(data)
	c.traffic.streamBytes.Add(int64(size))
	return size, err
}
