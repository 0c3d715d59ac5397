// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The nodes of this process: real ones, on loopback sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use chitchat::{
    ChitchatConfig, ChitchatHandle, ChitchatId, FailureDetectorConfig, ProtocolVersion,
    spawn_chitchat,
};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::counting::{CountingTransport, Traffic};
use crate::updates::Updates;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartTask {
    addresses: Vec<SocketAddr>,
    gossip_ms: u64,
    keys: usize,
    cap_ms: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateTask {
    /// The number of the first update: no two have the same value.
    first: usize,
    updates: usize,
    every_ms: u64,
    cap_ms: u64,
}

#[derive(Serialize)]
pub struct Updated {
    ms: Vec<f64>,
    missing: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    cpu_ns: u64,
    at_ns: u64,
    packets: u64,
    packet_bytes: u64,
    stream_bytes: u64,
}

pub struct Cluster {
    nodes: Vec<ChitchatHandle>,
    keys: usize,
    traffic: Arc<Traffic>,
    updates: Arc<Updates>,
    started: Instant,
}

impl Cluster {
    /// Starts a node at each address, and waits until every node knows all others with their keys.
    pub async fn start(task: StartTask) -> anyhow::Result<Self> {
        let seed = *task.addresses.first().context("no addresses")?;
        let mut cluster = Cluster {
            nodes: Vec::new(),
            keys: task.keys,
            traffic: Arc::default(),
            updates: Arc::default(),
            started: Instant::now(),
        };
        for (index, address) in task.addresses.iter().enumerate() {
            let node = cluster.start_node(index, *address, seed, task.gossip_ms);
            let node = node.await?;
            cluster.nodes.push(node);
        }
        let cap = Duration::from_millis(task.cap_ms);
        if timeout(cap, cluster.until_complete()).await.is_err() {
            bail!("the nodes did not form a cluster in {} ms", task.cap_ms);
        }
        Ok(cluster)
    }

    async fn start_node(
        &self,
        index: usize,
        address: SocketAddr,
        seed: SocketAddr,
        gossip_ms: u64,
    ) -> anyhow::Result<ChitchatHandle> {
        let config = ChitchatConfig {
            chitchat_id: ChitchatId::new(node_name(index), 0, address),
            cluster_id: "bench".to_owned(),
            gossip_interval: Duration::from_millis(gossip_ms),
            listen_addr: address,
            seed_nodes: vec![seed.to_string()],
            failure_detector_config: FailureDetectorConfig::default(),
            marked_for_deletion_grace_period: Duration::from_secs(15 * 60),
            catchup_callback: None,
            extra_liveness_predicate: None,
            // The newest one, which sends fewer bytes.
            protocol_version: ProtocolVersion::V1,
        };
        let initial = (0..self.keys)
            .map(|key| (key_name(key), value_text(index)))
            .collect();
        let transport = CountingTransport(self.traffic.clone());
        let node = spawn_chitchat(config, initial, &transport).await?;
        let updates = self.updates.clone();
        node.with_chitchat(|chitchat| {
            let updates = updates.clone();
            // Only changes of other nodes cause events.
            chitchat
                .subscribe_event("", move |event| updates.seen(event.value))
                .forever();
        })
        .await;
        Ok(node)
    }

    async fn until_complete(&self) {
        while !self.is_complete().await {
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_complete(&self) -> bool {
        let (nodes, keys) = (self.nodes.len(), self.keys);
        for node in &self.nodes {
            let complete = node
                .with_chitchat(|chitchat| {
                    let states = chitchat.node_states();
                    let full = states.values().filter(|state| state.num_key_values() == keys);
                    chitchat.live_nodes().count() == nodes && full.count() == nodes
                })
                .await;
            if !complete {
                return false;
            }
        }
        true
    }

    /// Updates one key after the other, each on the next node, and waits until every node knows all updates.
    pub async fn update(&mut self, task: UpdateTask) -> anyhow::Result<Updated> {
        let mut ticks = interval(Duration::from_millis(task.every_ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for update in task.first..task.first + task.updates {
            ticks.tick().await;
            let value = value_text(1_000_000 + update);
            let node = &self.nodes[update % self.nodes.len()];
            let key = key_name(update / self.nodes.len() % self.keys);
            self.updates.begin(&value, self.nodes.len() - 1);
            node.with_chitchat(|chitchat| chitchat.self_node_state().set(&key, &value))
                .await;
        }
        let cap = Duration::from_millis(task.cap_ms);
        let _ = timeout(cap, self.updates.all_seen()).await;
        let missing = self.updates.missing();
        let ms = self.updates.take();
        Ok(Updated { ms, missing })
    }

    /// What this process has used and sent so far.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Ok(Usage {
            cpu_ns: cpu_ns()?,
            at_ns: self.started.elapsed().as_nanos() as u64,
            packets: self.traffic.packets.load(Ordering::Relaxed),
            packet_bytes: self.traffic.bytes.load(Ordering::Relaxed),
            stream_bytes: 0,
        })
    }

    pub async fn stop(self) {
        for node in self.nodes {
            let _ = node.shutdown().await;
        }
    }
}

/// Processor time of this process with all its threads.
fn cpu_ns() -> anyhow::Result<u64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec for the call to write to.
    if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

// Names, keys and values have the same lengths as in bench/state/ours.ts.

fn node_name(index: usize) -> String {
    format!("node-{index:02}")
}

fn key_name(index: usize) -> String {
    format!("key-{index}")
}

fn value_text(number: usize) -> String {
    format!("value-{number:014}")
}
