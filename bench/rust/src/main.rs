// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The other side of the figure `state`: the same work as bench/state/ours.ts, done by chitchat. It reads tasks as lines
//! of JSON from standard input, and writes answers as lines of JSON to standard output. It ends when standard input ends.

mod cluster;
mod counting;
mod updates;

use std::io::{BufRead, Write};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use cluster::Cluster;

#[derive(Deserialize)]
struct Request {
    id: u64,
    #[serde(rename = "do")]
    task: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut cluster = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let Request { id, task } = serde_json::from_str(&line)?;
        let answer = match perform(&mut cluster, &task, &line).await {
            Ok(result) => json!({ "id": id, "result": result }),
            Err(error) => json!({ "id": id, "error": format!("{error:#}") }),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

async fn perform(cluster: &mut Option<Cluster>, task: &str, line: &str) -> anyhow::Result<Value> {
    if task == "startState" {
        *cluster = Some(Cluster::start(serde_json::from_str(line)?).await?);
        return Ok(json!({}));
    }
    if task == "stopState" {
        if let Some(running) = cluster.take() {
            running.stop().await;
        }
        return Ok(json!({}));
    }
    let running = cluster.as_mut().context("no cluster was started")?;
    match task {
        "update" => Ok(serde_json::to_value(
            running.update(serde_json::from_str(line)?).await?,
        )?),
        "stateUsage" => Ok(serde_json::to_value(running.usage()?)?),
        _ => bail!("unknown task {task:?}"),
    }
}
