// Asking servers for files: redirects that stay encrypted, patience, and problems in plain words.

import { setTimeout as sleep } from 'node:timers/promises';

/** What all requests share. */
export interface HttpOptions {
  /** Aborting it ends everything with its reason; what was fetched so far stays. */
  readonly signal?: AbortSignal;
  /** Told when a request is tried again, and why. */
  readonly note?: (text: string) => void;
  /** Stands in for the platform's `fetch`. */
  readonly fetch?: typeof fetch;
  /** Milliseconds before the first repetition; each further pause is twice as long. Default 1000. */
  readonly pause?: number;
  /** Milliseconds without a byte after which a connection is given up. Default 60 000. */
  readonly silence?: number;
}

/** Why a server did not give what it was asked for. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  /** Of the answer; undefined without one. */
  readonly status: number | undefined;
  /** Whether asking again may help. */
  readonly passing: boolean;
  /** Seconds that the server wants to be left alone. */
  readonly after: number | undefined;
  /** There was no way to any server: asking again at once is in vain, unless bytes came before. */
  readonly absent: boolean;

  constructor(
    message: string,
    about: { status?: number; passing?: boolean; after?: number; absent?: boolean } = {},
  ) {
    super(message);
    this.absent = about.absent ?? false;
    this.status = about.status;
    this.passing = about.passing ?? false;
    this.after = about.after;
  }
}

const REDIRECTS = 8;

/**
 * GET that follows redirects itself, because they must stay on https, and `token` must not leave
 * the host it is for. Returns an answer with a good status; anything else is an `HttpProblem`.
 */
export async function get(
  address: string,
  headers: Readonly<Record<string, string>>,
  { token, signal, fetch: send = fetch }: HttpOptions & { readonly token?: string },
): Promise<Response> {
  const first = new URL(address);
  let at = first;
  for (let hops = 0; hops <= REDIRECTS; hops++) {
    if (at.protocol !== 'https:') {
      throw new HttpProblem(`a redirect to '${at.protocol}//${at.host}', which is not encrypted`);
    }
    const allowed = token !== undefined && at.origin === first.origin;
    const own = allowed ? { ...headers, authorization: `Bearer ${token}` } : headers;
    const response = await send(at.href, { redirect: 'manual', headers: own, signal });
    const location = response.headers.get('location');
    if (location === null || response.status < 300 || response.status > 399) {
      if (response.ok) return response;
      await response.body?.cancel().catch(() => {});
      throw statusProblem(response);
    }
    await response.body?.cancel().catch(() => {});
    if (!URL.canParse(location, at.href)) throw new HttpProblem('a redirect to no address');
    at = new URL(location, at);
  }
  throw new HttpProblem(`more than ${REDIRECTS} redirects`);
}

/** Gives a connection up that has gone silent: `heard` is to be called with every sign of life. */
export class Watch {
  readonly signal: AbortSignal;
  readonly #silent = new AbortController();
  readonly #silence: number;
  #timer: NodeJS.Timeout;

  constructor({ signal, silence = 60_000 }: HttpOptions) {
    this.#silence = silence;
    this.signal = AbortSignal.any([this.#silent.signal, ...(signal === undefined ? [] : [signal])]);
    this.#timer = this.#start();
  }

  #start(): NodeJS.Timeout {
    const problem = new HttpProblem('a server that has gone silent', { passing: true });
    return setTimeout(() => this.#silent.abort(problem), this.#silence);
  }

  heard(): void {
    this.stop();
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

const meanings: Readonly<Record<number, string>> = {
  401: 'not without permission',
  403: 'not with this permission',
  404: 'not there',
  410: 'no longer there',
  429: 'too many requests',
};

function statusProblem({ status, headers }: Response): HttpProblem {
  const meaning = meanings[status];
  const passing = status === 408 || status === 425 || status === 429 || status >= 500;
  const after = secondsOf(headers.get('retry-after'));
  const text = meaning === undefined ? `HTTP ${status}` : `HTTP ${status} (${meaning})`;
  return new HttpProblem(text, { status, passing, after });
}

/** Retry-After: seconds, or a date. */
function secondsOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** Repetitions in a row without getting any further. */
const RETRIES = 4;
/** The longest that a server may make us wait, in seconds. */
const LONGEST_PAUSE = 120;

/**
 * Repeats work that fails for a passing reason, after growing pauses. `reached` says how far the
 * work has come: while it grows, nothing counts as repeated in vain.
 */
export async function withPatience<T>(
  work: () => Promise<T>,
  { signal, note, pause = 1000 }: HttpOptions,
  reached: () => number = () => 0,
): Promise<T> {
  let [failures, best] = [0, reached()];
  for (;;) {
    try {
      return await work();
    } catch (cause) {
      signal?.throwIfAborted();
      const problem = problemOf(cause);
      if (reached() > best) failures = 0;
      best = Math.max(best, reached());
      const wait = Math.max(pause * 2 ** failures, 1000 * (problem.after ?? 0));
      if (problem.absent && reached() === 0) throw problem;
      if (!problem.passing || failures === RETRIES || wait > 1000 * LONGEST_PAUSE) throw problem;
      failures++;
      note?.(`${problem.message}; trying again in ${Math.ceil(wait / 1000)} s`);
      await sleep(wait, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/** What the platform's `fetch` throws when there is no network or it breaks; others are rethrown. */
function problemOf(cause: unknown): HttpProblem {
  if (cause instanceof HttpProblem) return cause;
  const inner = cause instanceof TypeError ? cause.cause : undefined;
  if (!(inner instanceof Error)) throw cause;
  const { code, message } = inner as NodeJS.ErrnoException;
  const text = noNetwork[code ?? ''] ?? (message || String(code));
  return new HttpProblem(text, { passing: true, absent: ABSENT.includes(code ?? '') });
}

/** Names that were not found, and places that no way leads to. */
const ABSENT: readonly string[] = ['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH'];

const noNetwork: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no network, or no such host',
  EAI_AGAIN: 'no network',
  ENETUNREACH: 'no network',
  EHOSTUNREACH: 'no network',
  ECONNREFUSED: 'a server that does not answer',
  ETIMEDOUT: 'a server that does not answer',
  ECONNRESET: 'a broken connection',
  UND_ERR_SOCKET: 'a broken connection',
  UND_ERR_CONNECT_TIMEOUT: 'a server that does not answer',
};
