// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/memberlist"
)

const timeout = 20 * time.Second

// command is one line of standard input. Bytes are base64.
type command struct {
	ID       int      `json:"id"`
	Do       string   `json:"do"`
	Seeds    []string `json:"seeds"`
	Node     string   `json:"node"`
	Address  string   `json:"address"`
	Bytes    []byte   `json:"bytes"`
	Reliable bool     `json:"reliable"`
}

func (p *peer) execute(command command) {
	result, err := p.do(command)
	answer := map[string]any{"id": command.ID, "result": result}
	if err != nil {
		answer = map[string]any{"id": command.ID, "error": err.Error()}
	}
	p.out.line(answer)
}

func (p *peer) do(command command) (any, error) {
	switch command.Do {
	case "join":
		return p.list.Join(command.Seeds)
	case "members":
		members := []seen{}
		for _, node := range p.list.Members() {
			members = append(members, asSeen(node))
		}
		return members, nil
	case "setMeta":
		p.setMeta(command.Bytes)
		return nil, p.list.UpdateNode(timeout)
	case "send":
		return nil, p.send(command)
	case "broadcast":
		p.broadcasts.QueueBroadcast(broadcast(command.Bytes))
		return nil, nil
	case "ping":
		return p.ping(command)
	case "health":
		return p.list.GetHealthScore(), nil
	case "addKey":
		return nil, p.config.Keyring.AddKey(command.Bytes)
	case "useKey":
		return nil, p.config.Keyring.UseKey(command.Bytes)
	case "removeKey":
		return nil, p.config.Keyring.RemoveKey(command.Bytes)
	case "leave":
		return nil, p.list.Leave(timeout)
	case "shutdown":
		return nil, p.list.Shutdown()
	default:
		return nil, fmt.Errorf("unknown command %q", command.Do)
	}
}

func (p *peer) send(command command) error {
	node, err := p.member(command.Node)
	if err != nil {
		return err
	}
	if command.Reliable {
		return p.list.SendReliable(node, command.Bytes)
	}
	return p.list.SendBestEffort(node, command.Bytes)
}

func (p *peer) ping(command command) (any, error) {
	address, err := net.ResolveUDPAddr("udp", command.Address)
	if err != nil {
		return nil, err
	}
	roundTrip, err := p.list.Ping(command.Node, address)
	return roundTrip.Seconds() * 1000, err
}

func (p *peer) member(name string) (*memberlist.Node, error) {
	for _, node := range p.list.Members() {
		if node.Name == name {
			return node, nil
		}
	}
	return nil, fmt.Errorf("%q is not a member", name)
}
