// This Source Code Form is subject to the terms of the Mozilla Public
// License, v. 2.0. If a copy of the MPL was not distributed with this
// file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The updates whose spread is timed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use tokio::sync::Notify;

/// An update that not all nodes know yet.
struct Pending {
    at: Instant,
    missing: usize,
}

#[derive(Default)]
struct Inner {
    pending: HashMap<String, Pending>,
    ms: Vec<f64>,
}

/// Which updates are known where. The values of all updates differ.
#[derive(Default)]
pub struct Updates {
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Updates {
    /// An update is being made now, which `others` nodes must see.
    pub fn begin(&self, value: &str, others: usize) {
        let pending = Pending {
            at: Instant::now(),
            missing: others,
        };
        let mut inner = self.inner.lock().unwrap();
        inner.pending.insert(value.to_owned(), pending);
    }

    /// A node has seen a value.
    pub fn seen(&self, value: &str) {
        let mut inner = self.inner.lock().unwrap();
        let Some(pending) = inner.pending.get_mut(value) else {
            return;
        };
        pending.missing -= 1;
        if pending.missing > 0 {
            return;
        }
        let ms = pending.at.elapsed().as_secs_f64() * 1e3;
        inner.pending.remove(value);
        inner.ms.push(ms);
        if inner.pending.is_empty() {
            self.changed.notify_one();
        }
    }

    /// How many updates are not known everywhere yet.
    pub fn missing(&self) -> usize {
        self.inner.lock().unwrap().pending.len()
    }

    /// Waits until every update is known everywhere.
    pub async fn all_seen(&self) {
        while self.missing() > 0 {
            self.changed.notified().await;
        }
    }

    /// The times until the updates were known everywhere, in milliseconds; forgets all updates.
    pub fn take(&self) -> Vec<f64> {
        std::mem::take(&mut *self.inner.lock().unwrap()).ms
    }
}
