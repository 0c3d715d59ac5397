// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/hashicorp/memberlist"
)

// memoryTransport is the transport of a node under test: the benchmark delivers packets and streams to it, and
// everything that the node sends goes to onSend.
type memoryTransport struct {
	packets chan *memberlist.Packet
	streams chan net.Conn
	onSend  func(packet []byte)
}

func newMemoryTransport(onSend func([]byte)) *memoryTransport {
	return &memoryTransport{
		// Unbuffered, like those of NetTransport.
		packets: make(chan *memberlist.Packet),
		streams: make(chan net.Conn),
		onSend:  onSend,
	}
}

var sender = &net.UDPAddr{IP: net.IPv4(10, 255, 0, 2), Port: memberPort}

func (t *memoryTransport) receive(packet []byte) {
	t.packets <- &memberlist.Packet{Buf: packet, From: sender, Timestamp: time.Now()}
}

func (t *memoryTransport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return net.IPv4(10, 255, 0, 1).To4(), memberPort, nil
}

func (t *memoryTransport) WriteTo(packet []byte, _ string) (time.Time, error) {
	t.onSend(packet)
	return time.Now(), nil
}

func (t *memoryTransport) WriteToAddress(packet []byte, to memberlist.Address) (time.Time, error) {
	return t.WriteTo(packet, to.Addr)
}

func (t *memoryTransport) DialTimeout(addr string, _ time.Duration) (net.Conn, error) {
	return nil, fmt.Errorf("no node runs at %s", addr)
}

func (t *memoryTransport) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(to.Addr, timeout)
}

func (t *memoryTransport) PacketCh() <-chan *memberlist.Packet { return t.packets }
func (t *memoryTransport) StreamCh() <-chan net.Conn           { return t.streams }
func (t *memoryTransport) Shutdown() error                     { return nil }

// exchange opens a stream to the node, sends the request and returns the answer when the node has closed the
// stream: then its work is done.
func (t *memoryTransport) exchange(request []byte) []byte {
	conn := &memoryConn{rest: request, closed: make(chan struct{})}
	t.streams <- conn
	<-conn.closed
	return conn.answer
}

// The maximum result of one read, as with a socket whose buffer is full.
const pieceBytes = 64 << 10

// memoryConn is a stream whose far end has sent everything.
type memoryConn struct {
	rest   []byte
	answer []byte
	closed chan struct{}
}

func (c *memoryConn) Read(into []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	size := copy(into, c.rest[:min(len(c.rest), pieceBytes)])
	c.rest = c.rest[size:]
	return size, nil
}

func (c *memoryConn) Write(data []byte) (int, error) {
	c.answer = append(c.answer, data...)
	return len(data), nil
}

func (c *memoryConn) Close() error {
	close(c.closed)
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr              { return sender }
func (c *memoryConn) RemoteAddr() net.Addr             { return sender }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
