// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

package main

import (
	"io"
	"net"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"
)

// cluster is the nodes of this process: real ones, on loopback sockets, with the defaults for a LAN.
type cluster struct {
	nodes   []*clusterNode
	traffic traffic

	mutex sync.Mutex
	// The number of members that all nodes together know, without themselves.
	known  int
	target int
	full   chan struct{}
	deaths map[string]*death
}

type clusterNode struct {
	list    *memberlist.Memberlist
	address string
}

// death records which nodes were notified of a node's failure, and when.
type death struct {
	at       time.Time
	first    time.Duration
	last     time.Duration
	notified int
	expected int
	all      chan struct{}
}

var current *cluster

type startHow struct {
	Addresses []string `json:"addresses"`
}

// startCluster starts a node at each address; they have not joined each other yet.
func startCluster(how startHow) (any, error) {
	c := &cluster{full: make(chan struct{}, 1), deaths: map[string]*death{}}
	current = c
	for _, address := range how.Addresses {
		list, err := c.startNode(address)
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, &clusterNode{list, address})
	}
	return struct{}{}, nil
}

func (c *cluster) startNode(address string) (*memberlist.Memberlist, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	inner, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
		BindAddrs: []string{host},
		BindPort:  port,
		Logger:    discard,
	})
	if err != nil {
		return nil, err
	}
	config := memberlist.DefaultLANConfig()
	config.Name = address
	config.BindAddr = host
	config.BindPort = port
	config.AdvertisePort = port
	config.LogOutput = io.Discard
	config.Transport = &countingTransport{inner, &c.traffic}
	config.Events = &watcher{c, address}
	return memberlist.Create(config)
}

// watcher receives the events of one node.
type watcher struct {
	cluster *cluster
	self    string
}

func (w *watcher) NotifyUpdate(*memberlist.Node) {}

func (w *watcher) NotifyJoin(node *memberlist.Node) {
	if node.Name == w.self {
		return
	}
	c := w.cluster
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.known++
	if c.known == c.target {
		select {
		case c.full <- struct{}{}:
		default:
		}
	}
}

func (w *watcher) NotifyLeave(node *memberlist.Node) {
	c := w.cluster
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.known--
	d := c.deaths[node.Name]
	if d == nil {
		return
	}
	d.last = time.Since(d.at)
	if d.notified == 0 {
		d.first = d.last
	}
	d.notified++
	if d.notified == d.expected {
		close(d.all)
	}
}

type joinHow struct {
	CapMs int64 `json:"capMs"`
}

type joinResult struct {
	Ms       float64 `json:"ms"`
	CPUMs    float64 `json:"cpuMs"`
	Complete bool    `json:"complete"`
}

// joinAll lets all nodes join the first one at once, and waits until every node knows all others.
func joinAll(how joinHow) (any, error) {
	c := current
	c.mutex.Lock()
	c.target = len(c.nodes) * (len(c.nodes) - 1)
	c.mutex.Unlock()
	stopped := make(chan struct{})
	defer close(stopped)
	start := startWatch()
	for _, n := range c.nodes[1:] {
		go joinWithRetries(n, c.nodes[0].address, stopped)
	}
	result := joinResult{}
	select {
	case <-c.full:
		result.Complete = true
	case <-time.After(time.Duration(how.CapMs) * time.Millisecond):
	}
	var total timed
	total.add(start, 1)
	result.Ms = float64(total.WallNs) / 1e6
	result.CPUMs = float64(total.CPUNs) / 1e6
	return result, nil
}

// A node that is rejected (a node accepts 128 joins at a time) retries after a second, like a service.
const retryJoin = time.Second

func joinWithRetries(n *clusterNode, seed string, stopped <-chan struct{}) {
	for {
		if _, err := n.list.Join([]string{seed}); err == nil {
			return
		}
		select {
		case <-stopped:
			return
		case <-time.After(retryJoin):
		}
	}
}

type gatherHow struct {
	Seed string `json:"seed"`
}

// The number of concurrent joins in gather: a node accepts 128.
const concurrentJoins = 32

// gather lets the nodes join a seed, and returns the smallest number of members that any of them knows. A node that
// is rejected joins the next time.
func gather(how gatherHow) (any, error) {
	var waiting sync.WaitGroup
	free := make(chan struct{}, concurrentJoins)
	for _, n := range current.nodes {
		if n.address == how.Seed {
			continue
		}
		free <- struct{}{}
		waiting.Go(func() {
			_, _ = n.list.Join([]string{how.Seed})
			<-free
		})
	}
	waiting.Wait()
	return fewestKnown()
}

func fewestKnown() (any, error) {
	least := current.nodes[0].list.NumMembers()
	for _, n := range current.nodes {
		least = min(least, n.list.NumMembers())
	}
	return map[string]int{"least": least}, nil
}

type usageResult struct {
	CPUNs       int64 `json:"cpuNs"`
	AtNs        int64 `json:"atNs"`
	Packets     int64 `json:"packets"`
	PacketBytes int64 `json:"packetBytes"`
	StreamBytes int64 `json:"streamBytes"`
}

// usage is what this process has used and sent so far.
func usage(struct{}) (any, error) {
	t := &current.traffic
	return usageResult{
		CPUNs:       processCPU(),
		AtNs:        time.Since(startedAt).Nanoseconds(),
		Packets:     t.packets.Load(),
		PacketBytes: t.packetBytes.Load(),
		StreamBytes: t.streamBytes.Load(),
	}, nil
}

var startedAt = time.Now()

// heap is the memory in use, and the peak of this process.
func heap(struct{}) (any, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return nil, err
	}
	bytes := heapInUse()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	// Node's heap has no separate stacks that grow with the work.
	bytes += int64(stats.StackInuse)
	return map[string]int64{"bytes": bytes, "peakKiB": usage.Maxrss}, nil
}

type killHow struct {
	Index int   `json:"index"`
	CapMs int64 `json:"capMs"`
}

type killResult struct {
	FirstMs  float64 `json:"firstMs"`
	LastMs   float64 `json:"lastMs"`
	Complete bool    `json:"complete"`
}

// kill closes a node's sockets without leaving, and waits until all other nodes are notified.
func kill(how killHow) (any, error) {
	c := current
	victim := c.nodes[how.Index]
	c.nodes = append(c.nodes[:how.Index:how.Index], c.nodes[how.Index+1:]...)
	d := &death{at: time.Now(), expected: len(c.nodes), all: make(chan struct{})}
	c.mutex.Lock()
	c.deaths[victim.address] = d
	c.mutex.Unlock()
	if err := victim.list.Shutdown(); err != nil {
		return nil, err
	}
	complete := true
	select {
	case <-d.all:
	case <-time.After(time.Duration(how.CapMs) * time.Millisecond):
		complete = false
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	first, last := d.first.Seconds()*1000, d.last.Seconds()*1000
	return killResult{first, last, complete}, nil
}

// stopCluster closes all nodes.
func stopCluster(struct{}) (any, error) {
	// All at once: the remaining nodes would declare the others failed and gossip about it.
	failed := make(chan error, len(current.nodes))
	for _, n := range current.nodes {
		go func() { failed <- n.list.Shutdown() }()
	}
	for range current.nodes {
		if err := <-failed; err != nil {
			return nil, err
		}
	}
	current = nil
	return struct{}{}, nil
}
