/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The asynchronous half of creating a node: loads what is loaded on demand, reads the snapshot, and binds the
// transport. What it opens is everything that RunningNode, the synchronous half, is made of.
import type { Logger, ResolvedConfig } from '../config/options.js';
import { Counters } from '../core/counters.js';
import type { Report } from '../core/reports.js';
import { JoinTrouble } from '../discovery/join-trouble.js';
import type { Snapshot } from '../discovery/snapshot.js';
import { systemFiles } from '../discovery/snapshot-files.js';
import { readSnapshot } from '../discovery/snapshot-keeper.js';
import { loadMetrics } from '../observability/load-metrics.js';
import { loggerFor } from '../observability/logger.js';
import type * as Metrics from '../observability/metrics.js';
import { Reporter } from '../observability/reporter.js';
import { Guard } from '../runtime/guard.js';
import { NetTransport } from '../transport/net-transport.js';
import type { Transport } from '../transport/transport.js';
import { Intake } from './intake.js';
import type { NodeSeams } from './seams.js';

/** A node whose sockets are bound. */
export interface OpenNode {
  /** The configuration as the user gave it, with every default filled in. Frozen. */
  readonly given: ResolvedConfig;
  /** The same with a clock whose callbacks pass the guard. */
  readonly config: ResolvedConfig;
  readonly seams: NodeSeams;
  readonly counters: Counters;
  readonly guard: Guard;
  readonly reporter: Reporter;
  readonly logger: Logger;
  /** Why other nodes cannot be joined, as far as reports show it. */
  readonly trouble: JoinTrouble;
  /** Undefined without metrics. */
  readonly metrics: typeof Metrics | undefined;
  /** What an earlier run of this node saved. */
  readonly snapshot: Snapshot | undefined;
  readonly transport: Transport;
  readonly intake: Intake;
  readonly advertised: { readonly addr: string; readonly port: number };
}

/**
 * Opens what a node needs.
 *
 * @throws ConfigError; the system's error when an address cannot be bound. Nothing stays open then
 */
export async function openNode(given: ResolvedConfig, seams: NodeSeams): Promise<OpenNode> {
  const counters = new Counters();
  const trouble = new JoinTrouble();
  const write = (report: Report): void => {
    trouble.observe(report);
    seams.observer?.report?.(report);
    reporter.report(report);
  };
  const guard = new Guard({ counters, report: write }, { hook: seams.internalError });
  const { report } = guard;
  const clock = guard.clock(given.clock);
  const config = { ...given, clock };
  const { bindAddr, bindPort, advertiseAddr, advertisePort } = config;
  const transport = config.transport ?? new NetTransport({ bindAddr, bindPort, clock });
  const logger = await loggerFor(config.logger);
  const reporter = new Reporter({ logger, clock });
  const intake = new Intake(guard, {
    descriptorsShort: (detail) => {
      counters.drop('too-many-streams');
      report({ code: 'descriptors-short', detail });
    },
  });
  try {
    const metrics =
      config.metrics === false ? undefined : await loadMetrics(config.metrics, report);
    const files = seams.files ?? systemFiles;
    const snapshot = config.snapshot && (await readSnapshot({ config, report, files }));
    await transport.start(intake.handlers);
    const advertised = transport.finalAdvertiseAddr(advertiseAddr, advertisePort);
    const parts = { given, config, seams, counters, guard, reporter, logger, trouble, metrics };
    return { ...parts, snapshot, transport, intake, advertised };
  } catch (error) {
    await close({ transport, reporter });
    throw error;
  }
}

/** Closes a node that was opened and never ran. */
export async function close({
  transport,
  reporter,
}: Pick<OpenNode, 'transport' | 'reporter'>): Promise<void> {
  await transport.shutdown();
  reporter.close();
}
