// Printing: people read lines on standard output and progress on standard error; programs that pass
// --json read standard output, which then holds one JSON object and nothing else.

import pico from 'picocolors';
import type { ProgressEvent } from '../core/progress.ts';

let forPrograms = false;

/** From here on standard output holds JSON alone; what people read goes to standard error. */
export function keepOutputForJson(): void {
  forPrograms = true;
}

export function print(line = ''): void {
  clearLive();
  const stream = forPrograms ? process.stderr : process.stdout;
  stream.write(`${line}\n`);
}

/** The JSON line for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A note beside the work: standard error, dimmed. */
export function note(text: string): void {
  clearLive();
  process.stderr.write(`${pico.dim(text)}\n`);
}

export function percent(fraction: number, digits = 1): string {
  return `${(100 * fraction).toFixed(digits)} %`;
}

/** `1:05`, `2:03:10` */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (v: number) => String(v).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

let live = false;
let shownAt = 0;
let shownTask = '';

function clearLive(): void {
  if (live) process.stderr.write('\r\x1b[2K');
  live = false;
}

/** The live line: overwritten on a terminal, now and then a line of its own elsewhere. */
export function showProgress(event: ProgressEvent): void {
  const now = performance.now();
  const last = event.done >= event.total;
  const terminal = process.stderr.isTTY === true;
  const pause = terminal ? 100 : 10_000;
  if (now - shownAt < pause && !(last && terminal)) return;
  if (!terminal && last && event.task !== shownTask) return; // too short to be worth a line
  shownAt = now;
  shownTask = event.task;
  const text = progressText(event);
  if (!terminal) {
    process.stderr.write(`${text}\n`);
    return;
  }
  process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  live = true;
  if (last) clearLive();
}

function progressText(event: ProgressEvent): string {
  const { task, done, total, unit, facts, perSecond, secondsLeft } = event;
  return [
    `${task}  ${done}/${total}${unit === undefined ? '' : ` ${unit}`}`,
    ...(facts === undefined ? [] : [facts]),
    ...(perSecond ? [`${perSecond.toFixed(perSecond < 10 ? 1 : 0)} ${unit ?? 'images'}/s`] : []),
    ...(secondsLeft ? [`${clock(secondsLeft)} left`] : []),
  ].join('  ');
}

/** A table with aligned columns; the first row is its heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd();
  return [pico.bold(line(rows[0])), ...rows.slice(1).map(line)].join('\n');
}
