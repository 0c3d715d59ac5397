/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Colors, where they are supported.
import { styleText } from 'node:util';

export type Style =
  'plain' | 'bold' | 'dim' | 'gray' | 'green' | 'cyan' | 'yellow' | 'red' | 'blue';

/** Puts a text into a style. */
export type Paint = (style: Style, text: string) => string;

/** Styles text on a terminal; leaves it unchanged elsewhere, and if NO_COLOR is set. */
export function createPaint(isTerminal: boolean): Paint {
  const wanted = isTerminal && (process.env.NO_COLOR ?? '') === '';
  return (style, text) => (wanted && style !== 'plain' ? styleText(style, text) : text);
}
