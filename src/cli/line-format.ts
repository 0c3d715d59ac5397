/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How an agent formats its output: as JSON for programs, or for people at a terminal.
import { colored, showsColors } from '../runtime/colors.js';
import { printable, printableJson } from '../wire/printable.js';
import { UsageError, type Output } from './command.js';
import type { LogLine } from './log-lines.js';
import { table } from './table.js';

/** Formats lines, each with its line break. */
export interface LineFormat {
  /** An event, or the reply to a command. */
  event(line: object): string;
  logLine(line: LogLine): string;
}

/** The fields of a member that are shown. */
interface ShownNode {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly metaText: string;
}

const WORD_WIDTH = 11;
const colors = { error: 'red', warn: 'yellow', info: 'green', debug: 'dim' } as const;
/** Fields for programs; `text` has the same content for people. */
const notShown = ['bytes'];

/**
 * The format of an output.
 *
 * @param format - `pretty` or `json`. Default: pretty for a terminal
 * @throws UsageError for any other format
 */
export function lineFormat(
  format: string | undefined,
  output: Pick<Output, 'isTTY'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): LineFormat {
  const isTerminal = output.isTTY === true;
  const chosen = format ?? (isTerminal ? 'pretty' : 'json');
  if (chosen === 'json') return json;
  if (chosen === 'pretty') return pretty(showsColors(isTerminal, env));
  throw new UsageError('--format must be pretty or json');
}

const json: LineFormat = {
  event: (line) => `${printableJson(line, { exact: 'bytes' })}\n`,
  logLine: (line) => `${printableJson(line)}\n`,
};

function pretty(isColored: boolean): LineFormat {
  const paint: typeof colored = (text, color) => (isColored ? colored(text, color) : text);
  const line = (word: string, text: string): string =>
    `${paint(new Date().toTimeString().slice(0, 8), 'dim')} ${word} ${text}`.trimEnd() + '\n';
  return {
    event(fields) {
      const { event, reply, error, ...others } = fields as Record<string, unknown>;
      if (typeof error === 'string') return line(paint(wide('error'), 'red'), printable(error));
      const rest = Object.entries(others).filter(([name]) => !notShown.includes(name));
      const texts = rest.flatMap(([name, value]) => textOf(name, value));
      const long = rest.flatMap(([name, value]) => (isLong(value) ? [{ name, value }] : []));
      const blocks = long.flatMap(({ name, value }) => {
        const lines = blockOf(value);
        // Several lists need names, and show that they are empty.
        return long.length > 1 ? [`  ${printable(name)}: ${value.length}\n`, ...lines] : lines;
      });
      return line(paint(wide(String(event ?? reply)), 'bold'), texts.join('  ')) + blocks.join('');
    },
    logLine: ({ level, message }) => line(paint(wide(level), colors[level]), printable(message)),
  };
}

function wide(word: string): string {
  return printable(word).padEnd(WORD_WIDTH);
}

/** A field in the line itself; empty for a field that needs lines of its own. */
function textOf(name: string, value: unknown): string[] {
  if (isLong(value)) return [];
  if (isNode(value)) {
    const { address, state, metaText } = value;
    const meta = metaText === '' ? '' : ` [${printable(metaText)}]`;
    return [`${printable(value.name)} at ${printable(address)}, ${state}${meta}`];
  }
  return [`${name} ${typeof value === 'string' ? printable(value) : printableJson(value)}`];
}

/** The lines of an array field: members and records as a table, other elements one per line. */
function blockOf(value: readonly unknown[]): string[] {
  if (value.length === 0) return [];
  if (value.every(isRecord)) return [tableOf(value)];
  const rows = value.map((each) =>
    isNode(each) ? ['', each.name, each.address, each.state, each.metaText] : ['', wordOf(each)],
  );
  return [table(rows)];
}

/** Records with the same fields, which become columns. */
function tableOf(records: readonly Readonly<Record<string, unknown>>[]): string {
  const columns = Object.keys(records[0] ?? {});
  const rows = records.map((record) => ['', ...columns.map((column) => wordOf(record[column]))]);
  return table([['', ...columns.map((column) => column.toUpperCase())], ...rows]);
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : printableJson(value);
}

function isLong(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isNode(value);
}

function isNode(value: unknown): value is ShownNode {
  return typeof value === 'object' && value !== null && 'name' in value && 'address' in value;
}
