/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Regular expressions in the syntax of RE2, as Serf's tag filters have them. A peer chooses the expression, so JavaScript's
// own engine cannot be used: it takes exponential time for some. This parses an expression for the linear-time matcher
// of regexp.ts. What a test for a match does not need is accepted and ignored: groups capture
// nothing, and lazy repetitions are like greedy ones.
import {
  charClass,
  escapedClass,
  foldedIncludes,
  posixClass,
  unicodeClass,
  type CharTest,
} from './regexp-classes.js';
import {
  atBoundary,
  atEnd,
  atLineEnd,
  atLineStart,
  atStart,
  notAtBoundary,
  invalid,
  type Syntax,
} from './regexp-tree.js';

const MAX_REPEAT = 1_000;
const MAX_DEPTH = 50;

interface Flags {
  i: boolean;
  m: boolean;
  s: boolean;
}

const controls: Readonly<Record<string, string>> = {
  ...{ a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};

/**
 * Parses an expression.
 *
 * @throws InvalidExpression
 */
export function parse(expression: string): Syntax {
  return new Parser(Array.from(expression)).parse();
}

class Parser {
  readonly #chars: readonly string[];
  #pos = 0;
  #depth = 0;
  #flags: Flags = { i: false, m: false, s: false };

  constructor(chars: readonly string[]) {
    this.#chars = chars;
  }

  parse(): Syntax {
    const node = this.#alternatives();
    if (this.#pos < this.#chars.length) throw invalid('an unmatched )');
    return node;
  }

  #alternatives(): Syntax {
    if (++this.#depth > MAX_DEPTH) throw invalid('too many nested groups');
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    this.#depth--;
    return parts.length === 1 ? (parts[0] as Syntax) : { kind: 'any', parts };
  }

  #sequence(): Syntax {
    const parts: Syntax[] = [];
    for (
      let next = this.#peek;
      next !== undefined && next !== '|' && next !== ')';
      next = this.#peek
    ) {
      parts.push(this.#repeated());
    }
    return { kind: 'all', parts };
  }

  #repeated(): Syntax {
    let node = this.#atom();
    for (let times = 0; ; times++) {
      const range = this.#repetition();
      if (range === undefined) return node;
      // As in RE2: 'a**' is an error, and 'a{2}{2}' too.
      if (times > 0) throw invalid('a repetition of a repetition');
      this.#take('?');
      node = { kind: 'repeat', part: node, ...range };
    }
  }

  #repetition(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Infinity };
    if (this.#take('+')) return { min: 1, max: Infinity };
    if (this.#take('?')) return { min: 0, max: 1 };
    const rest = this.#chars.slice(this.#pos, this.#pos + 12).join('');
    const found = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(rest);
    if (found === null || (found[2] === '' && found[3] !== '')) return undefined;
    this.#pos += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === '' ? min : found[3] === '' ? Infinity : Number(found[3]);
    const isInRange = min <= MAX_REPEAT && (max === Infinity || (max >= min && max <= MAX_REPEAT));
    if (!isInRange) throw invalid('a repetition');
    return { min, max };
  }

  #atom(): Syntax {
    const char = this.#next();
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#char(charClass(this.#classItems()));
      case '.': {
        const { s } = this.#flags;
        return { kind: 'char', test: (each) => s || each !== '\n' };
      }
      case '^':
        return { kind: 'assert', holds: this.#flags.m ? atLineStart : atStart };
      case '$':
        return { kind: 'assert', holds: this.#flags.m ? atLineEnd : atEnd };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw invalid(`${char} with nothing to repeat`);
    }
    return this.#literal(char);
  }

  #group(): Syntax {
    const outer = this.#flags;
    if (this.#take('?')) {
      if (this.#take('P') || this.#peek === '<') this.#name();
      else if (this.#setFlags()) return { kind: 'empty' };
    }
    const inner = this.#alternatives();
    if (!this.#take(')')) throw invalid('a missing )');
    this.#flags = outer;
    return inner;
  }

  #name(): void {
    const rest = this.#chars.slice(this.#pos).join('');
    const found = /^<\w+>/.exec(rest);
    if (found === null) throw invalid('the name of a group');
    this.#pos += found[0].length;
  }

  /** Flags of a group; true when there is no group, as in (?i). */
  #setFlags(): boolean {
    const flags = { ...this.#flags };
    let isOn = true;
    for (;;) {
      const char = this.#next();
      if (char === ':' || char === ')') {
        this.#flags = flags;
        return char === ')';
      }
      if (char === '-' && isOn) isOn = false;
      else if (char === 'i' || char === 'm' || char === 's') flags[char] = isOn;
      // U exchanges lazy and greedy, which makes no difference here.
      else if (char !== 'U') throw invalid('the flags of a group');
    }
  }

  #escape(): Syntax {
    const char = this.#next();
    switch (char) {
      case 'A':
        return { kind: 'assert', holds: atStart };
      case 'z':
        return { kind: 'assert', holds: atEnd };
      case 'b':
        return { kind: 'assert', holds: atBoundary };
      case 'B':
        return { kind: 'assert', holds: notAtBoundary };
      case 'Q':
        return this.#quotedText();
    }
    const test = this.#classEscape(char);
    return test === undefined ? this.#literal(this.#charEscape(char)) : this.#char(test);
  }

  #quotedText(): Syntax {
    const parts: Syntax[] = [];
    while (this.#pos < this.#chars.length) {
      const char = this.#next();
      if (char === '\\' && this.#take('E')) break;
      parts.push(this.#literal(char));
    }
    return { kind: 'all', parts };
  }

  /** \d and its like, and \p{…}. */
  #classEscape(char: string): CharTest | undefined {
    if (char !== 'p' && char !== 'P') return escapedClass(char);
    let name = this.#next();
    if (name === '{') {
      name = '';
      for (let next = this.#next(); next !== '}'; next = this.#next()) name += next;
    }
    const test = unicodeClass(name, char === 'P');
    if (test === undefined) throw invalid('a Unicode class');
    return test;
  }

  #charEscape(char: string): string {
    const control = controls[char];
    if (control !== undefined) return control;
    if (char === 'x') return this.#hex();
    const octal = /^[0-7]{1,3}/.exec(char + this.#chars.slice(this.#pos, this.#pos + 2).join(''));
    // As in RE2: \1 to \7 alone would be references.
    if (octal !== null && (char === '0' || octal[0].length > 1)) {
      this.#pos += octal[0].length - 1;
      return String.fromCodePoint(parseInt(octal[0], 8));
    }
    if (/^[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]$/.test(char)) return char;
    throw invalid('an escape');
  }

  #hex(): string {
    const rest = this.#chars.slice(this.#pos, this.#pos + 10).join('');
    const found = /^(?:\{([\da-f]{1,6})\}|([\da-f]{2}))/i.exec(rest);
    const code = parseInt(found?.[1] ?? found?.[2] ?? '', 16);
    if (found === null || code > 0x10ffff) throw invalid('an escape');
    this.#pos += found[0].length;
    return String.fromCodePoint(code);
  }

  #classItems(): { isNegated: boolean; tests: CharTest[] } {
    const isNegated = this.#take('^');
    const tests: CharTest[] = [];
    const { i } = this.#flags;
    for (let isFirst = true; isFirst || this.#peek !== ']'; isFirst = false) {
      const set = this.#classSet();
      if (set !== undefined) {
        tests.push(set);
        continue;
      }
      const from = this.#classChar();
      let to = from;
      if (this.#peek === '-' && this.#chars[this.#pos + 1] !== ']') {
        this.#pos++;
        to = this.#classChar();
      }
      const [low, high] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
      if (low > high) throw invalid('a range');
      tests.push((char) => foldedIncludes(char, i, (code) => code >= low && code <= high));
    }
    this.#pos++;
    return { isNegated, tests };
  }

  /** [:name:], or an escape for several characters, inside of a class. */
  #classSet(): CharTest | undefined {
    const rest = this.#chars.slice(this.#pos, this.#pos + 12).join('');
    const posix = /^\[:(\^?)(\w+):\]/.exec(rest);
    if (posix !== null) {
      this.#pos += posix[0].length;
      const test = posixClass(posix[2] ?? '', posix[1] === '^');
      if (test === undefined) throw invalid('a class');
      return test;
    }
    if (this.#peek !== '\\') return undefined;
    this.#pos++;
    const char = this.#next();
    const test = this.#classEscape(char);
    if (test === undefined) this.#pos -= 2;
    return test;
  }

  #classChar(): string {
    const char = this.#next();
    return char === '\\' ? this.#charEscape(this.#next()) : char;
  }

  #literal(char: string): Syntax {
    const { i } = this.#flags;
    const code = char.codePointAt(0);
    return { kind: 'char', test: (each) => foldedIncludes(each, i, (other) => other === code) };
  }

  #char(test: CharTest): Syntax {
    return { kind: 'char', test };
  }

  get #peek(): string | undefined {
    return this.#chars[this.#pos];
  }

  #next(): string {
    const char = this.#chars[this.#pos++];
    if (char === undefined) throw invalid('an end too early');
    return char;
  }

  #take(char: string): boolean {
    if (this.#peek !== char) return false;
    this.#pos++;
    return true;
  }
}
