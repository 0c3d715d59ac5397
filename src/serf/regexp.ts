/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A matcher of RE2's regular expressions that takes linear time: it goes through the text once, with the set of all
// steps that the expression can be at (Thompson, CACM 1968). Both the program and the work have a bound, whatever
// expression a peer sends.
import { parse } from './regexp-syntax.js';
import { InvalidExpression, type Assertion, type Syntax } from './regexp-tree.js';
import type { CharTest } from './regexp-classes.js';

/** One step of a program. `next` and `other` are indexes of steps. */
type Step =
  | { readonly kind: 'char'; readonly test: CharTest; next: number }
  | { readonly kind: 'split'; next: number; other: number }
  | { readonly kind: 'assert'; readonly holds: Assertion; next: number }
  | { readonly kind: 'match' };

const MAX_LENGTH = 1_024;
const MAX_STEPS = 1_000;

/** Work that matching may do; what is used is subtracted. */
export interface Budget {
  steps: number;
}

/**
 * Whether an expression matches a part of the text, as Go's `regexp.MatchString`.
 *
 * @param budget - steps that may be tried; 1 for each step and character
 * @throws InvalidExpression when the expression is none, is too large, or the budget is used up
 */
export function matches(expression: string, text: string, budget: Budget): boolean {
  if (expression.length > MAX_LENGTH) throw new InvalidExpression('the expression is too long');
  return run(new Emitter().program(parse(expression)), Array.from(text), budget);
}

class Emitter {
  readonly #steps: Step[] = [];
  #parts = 0;

  program(syntax: Syntax): readonly Step[] {
    this.#emit(syntax);
    this.#add({ kind: 'match' });
    return this.#steps;
  }

  #emit(syntax: Syntax): void {
    // Also for parts without a step: nested repetitions of nothing would take for ever.
    if (++this.#parts > 2 * MAX_STEPS) throw new InvalidExpression('the expression is too large');
    switch (syntax.kind) {
      case 'empty':
        return;
      case 'char':
        this.#add({ kind: 'char', test: syntax.test, next: this.#end + 1 });
        return;
      case 'assert':
        this.#add({ kind: 'assert', holds: syntax.holds, next: this.#end + 1 });
        return;
      case 'all':
        for (const part of syntax.parts) this.#emit(part);
        return;
      case 'any':
        return this.#emitAny(syntax.parts);
      case 'repeat':
        return this.#emitRepeat(syntax);
    }
  }

  #emitAny(parts: readonly Syntax[]): void {
    const ends: { next: number }[] = [];
    for (const [i, part] of parts.entries()) {
      const isLast = i === parts.length - 1;
      const split = isLast ? undefined : this.#addSplit();
      this.#emit(part);
      if (!isLast) ends.push(this.#addSplit());
      if (split !== undefined) split.other = this.#end;
    }
    for (const end of ends) end.next = this.#end;
  }

  #emitRepeat({ part, min, max }: Extract<Syntax, { kind: 'repeat' }>): void {
    for (let i = 0; i < min; i++) this.#emit(part);
    if (max === Infinity) {
      const start = this.#end;
      const split = this.#addSplit();
      this.#emit(part);
      this.#addSplit().next = start;
      split.other = this.#end;
      return;
    }
    const splits: { other: number }[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.#addSplit());
      this.#emit(part);
    }
    for (const split of splits) split.other = this.#end;
  }

  get #end(): number {
    return this.#steps.length;
  }

  /** A split whose both ways lead to the next step, until they are changed; -1 is no second way. */
  #addSplit(): { next: number; other: number } {
    const split = { kind: 'split' as const, next: this.#end + 1, other: -1 };
    this.#add(split);
    return split;
  }

  #add(step: Step): void {
    this.#steps.push(step);
    if (this.#end > MAX_STEPS) throw new InvalidExpression('the expression is too large');
  }
}

function run(steps: readonly Step[], text: readonly string[], budget: Budget): boolean {
  let current: number[] = [];
  for (let at = 0; at <= text.length; at++) {
    const char = text[at];
    const reached = new Set<number>();
    // The expression is not anchored: it may begin at every position.
    const pending = [...current, 0];
    const waiting: Extract<Step, { kind: 'char' }>[] = [];
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      const step = steps[index];
      if (step === undefined || reached.has(index)) continue;
      reached.add(index);
      if (--budget.steps < 0) throw new InvalidExpression('matching takes too many steps');
      if (step.kind === 'match') return true;
      if (step.kind === 'char') waiting.push(step);
      else if (step.kind === 'split') pending.push(step.next, step.other);
      else if (step.holds(text[at - 1], char)) pending.push(step.next);
    }
    if (char === undefined) return false;
    current = waiting.filter(({ test }) => test(char)).map(({ next }) => next);
  }
  return false;
}
