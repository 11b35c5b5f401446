// Runs the command line in a process of its own, as a person does.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output, where it is one line of JSON and nothing else; else undefined. */
  readonly json: unknown;
}

export interface Running {
  readonly process: ChildProcess;
  /** What standard error holds so far. */
  stderr(): string;
  readonly ended: Promise<Outcome>;
}

export interface StartOptions {
  /** In a process group of its own, which `process.kill(-pid)` reaches as Ctrl-C does. */
  readonly group?: boolean;
  /** Laid over the environment of this process; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Another program that runs it, such as a tracer, with its arguments. */
  readonly under?: readonly string[];
}

/** Starts `fieldmark <args>`. */
export function startCommand(args: readonly string[], options: StartOptions = {}): Running {
  return startNode(['src/cli/main.ts', ...args], options);
}

/** Starts a module given as text, which imports from the project's root. */
export function startScript(text: string, options: StartOptions = {}): Running {
  return startNode(['--input-type=module', '-e', text], options);
}

function startNode(
  args: readonly string[],
  { group, under = [], ...given }: StartOptions,
): Running {
  const [program, ...argv] = [...under, process.execPath, '--import', 'tsx', ...args];
  const env = { ...process.env, NO_COLOR: '1', ...given.env };
  const child = spawn(program, argv, {
    cwd: root,
    env,
    detached: group,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    // 'exit', not 'close': a process that was killed may leave a child that holds the pipes
    child.on('exit', (status, signal) =>
      setTimeout(() => resolve({ status, signal, stdout, stderr, json: onlyJson(stdout) }), 20),
    );
  });
  return { process: child, stderr: () => stderr, ended };
}

/** Runs `fieldmark <args>` to its end. */
export function command(...args: string[]): Promise<Outcome> {
  return startCommand(args).ended;
}

function onlyJson(stdout: string): unknown {
  try {
    const value: unknown = JSON.parse(stdout);
    return stdout === `${JSON.stringify(value)}\n` ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A process and when it started, so that a later one with its number is not taken for it. */
export interface Identity {
  readonly pid: number;
  readonly started: string;
  readonly command: string;
}

/** A file of /proc/<pid>; empty when there is no such process. */
function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** State, parent and start of a process; undefined when there is no such process. */
function statOf(pid: number): { state: string; parent: number; started: string } | undefined {
  const text = procFile(pid, 'stat');
  if (text === '') return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], parent: Number(fields[1]), started: fields[19] };
}

/** The processes that a process has started and that are still there. */
export function childrenOf(parent: number): Identity[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).flatMap((pid) => {
    const stat = statOf(pid);
    if (stat?.parent !== parent) return [];
    return [{ pid, started: stat.started, command: procFile(pid, 'cmdline') }];
  });
}

/** True while the process runs; a zombie does not. */
export function isRunning({ pid, started }: Identity): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.started === started && stat.state !== 'Z';
}
