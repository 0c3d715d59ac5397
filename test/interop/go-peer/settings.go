// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"os"
	"time"

	"github.com/hashicorp/memberlist"
)

// settings is the test's configuration; all other settings are those of the LAN. Durations are milliseconds,
// bytes are base64.
type settings struct {
	Name            string `json:"name"`
	BindAddr        string `json:"bindAddr"`
	BindPort        int    `json:"bindPort"`
	ProtocolVersion uint8  `json:"protocolVersion"`
	Label           string `json:"label"`
	SecretKey       []byte `json:"secretKey"`
	Compression     bool   `json:"enableCompression"`
	Algorithm       string `json:"compressionAlgorithm"`
	VerifyIncoming  *bool  `json:"gossipVerifyIncoming"`
	VerifyOutgoing  *bool  `json:"gossipVerifyOutgoing"`

	DelegateMin     uint8 `json:"delegateProtocolMin"`
	DelegateMax     uint8 `json:"delegateProtocolMax"`
	DelegateVersion uint8 `json:"delegateProtocolVersion"`

	ProbeInterval    int  `json:"probeInterval"`
	ProbeTimeout     int  `json:"probeTimeout"`
	GossipInterval   int  `json:"gossipInterval"`
	PushPullInterval int  `json:"pushPullInterval"`
	TCPTimeout       int  `json:"tcpTimeout"`
	SuspicionMult    int  `json:"suspicionMult"`
	SuspicionMaxMult int  `json:"suspicionMaxTimeoutMult"`
	GossipToTheDead  int  `json:"gossipToTheDeadTime"`
	DeadNodeReclaim  int  `json:"deadNodeReclaimTime"`
	DisableTCPPings  bool `json:"disableTcpPings"`

	Meta       []byte `json:"meta"`
	LocalState []byte `json:"localState"`
	AckPayload []byte `json:"ackPayload"`
}

func (s *settings) memberlistConfig(peer *peer) (*memberlist.Config, error) {
	config := memberlist.DefaultLANConfig()
	config.Name = s.Name
	config.BindAddr = s.BindAddr
	config.BindPort = s.BindPort
	config.AdvertisePort = s.BindPort
	config.EnableCompression = s.Compression
	config.LogOutput = os.Stderr
	config.DisableTcpPings = s.DisableTCPPings
	config.Delegate = peer
	config.Events = peer
	config.Ping = peer
	config.Conflict = peer
	if err := setLabel(config, s.Label); err != nil {
		return nil, err
	}
	if err := setCompressionAlgorithm(config, s.Algorithm); err != nil {
		return nil, err
	}
	if len(s.SecretKey) > 0 {
		keyring, err := memberlist.NewKeyring(nil, s.SecretKey)
		if err != nil {
			return nil, err
		}
		config.Keyring = keyring
	}
	if s.VerifyIncoming != nil {
		config.GossipVerifyIncoming = *s.VerifyIncoming
	}
	if s.VerifyOutgoing != nil {
		config.GossipVerifyOutgoing = *s.VerifyOutgoing
	}
	config.DelegateProtocolMin = s.DelegateMin
	config.DelegateProtocolMax = s.DelegateMax
	config.DelegateProtocolVersion = s.DelegateVersion
	if s.ProtocolVersion > 0 {
		config.ProtocolVersion = s.ProtocolVersion
	}
	if s.SuspicionMult > 0 {
		config.SuspicionMult = s.SuspicionMult
	}
	if s.SuspicionMaxMult > 0 {
		config.SuspicionMaxTimeoutMult = s.SuspicionMaxMult
	}
	for field, milliseconds := range map[*time.Duration]int{
		&config.ProbeInterval:       s.ProbeInterval,
		&config.ProbeTimeout:        s.ProbeTimeout,
		&config.GossipInterval:      s.GossipInterval,
		&config.PushPullInterval:    s.PushPullInterval,
		&config.TCPTimeout:          s.TCPTimeout,
		&config.GossipToTheDeadTime: s.GossipToTheDead,
		&config.DeadNodeReclaimTime: s.DeadNodeReclaim,
	} {
		if milliseconds > 0 {
			*field = time.Duration(milliseconds) * time.Millisecond
		}
	}
	return config, nil
}
