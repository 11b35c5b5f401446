// A server of files on the loopback device, and a `fetch` that takes every https address to it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { fetchFrom } from './fetch-from.ts';

/** Answers one request; may leave it open, or break the connection. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Asked {
  /** `https://...`, as it was asked for. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FileServer {
  readonly port: number;
  readonly fetch: typeof fetch;
  /** All requests so far. */
  readonly asked: Asked[];
  /** Answers at an https address, one for each request; the last one goes on. */
  at(url: string, ...answers: Answer[]): void;
}

/** Starts a server that lives as long as the test. What it has no answer for is a 404. */
export async function fileServer(): Promise<FileServer> {
  const answers = new Map<string, Answer[]>();
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const url = `https:/${request.url}`;
    asked.push({ url, headers: request.headers });
    const list = answers.get(url) ?? [status(404)];
    const answer = list.length > 1 ? list.shift()! : list[0];
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const at = (url: string, ...list: Answer[]) => void answers.set(url, list);
  return { port, fetch: fetchFrom(port), asked, at };
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_, response) => response.writeHead(code, headers).end('a page about it');
}

export function redirect(location: string): Answer {
  return status(302, { location });
}

interface FileOptions {
  /** Default: the bytes' length and first digits. */
  readonly etag?: string;
  readonly modified?: string;
  /** False: every answer is the whole file. */
  readonly ranges?: boolean;
  /** The connection breaks after so many bytes of the answer; `hang` leaves it open instead. */
  readonly cut?: number;
  readonly hang?: boolean;
  /** False: no Content-Length. */
  readonly length?: boolean;
}

/** A file, as an orderly server sends it. */
export function file(bytes: Uint8Array, options: FileOptions = {}): Answer {
  const {
    etag = `"${bytes.length}-${bytes[0]}"`,
    modified,
    ranges = true,
    length = true,
  } = options;
  return ({ headers }, response) => {
    const wanted = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
    const condition = headers['if-range'];
    const same = condition === undefined || condition === etag || condition === modified;
    const from = ranges && wanted !== undefined && same ? Number(wanted) : 0;
    const partial = ranges && wanted !== undefined && same;
    if (partial && from >= bytes.length) return void response.writeHead(416).end();
    response.writeHead(partial ? 206 : 200, {
      ...(etag === '' ? {} : { etag }),
      ...(modified === undefined ? {} : { 'last-modified': modified }),
      ...(length ? { 'content-length': String(bytes.length - from) } : {}),
      ...(partial ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    send(response, bytes.subarray(from), options);
  };
}

function send(response: ServerResponse, bytes: Uint8Array, { cut, hang }: FileOptions): void {
  if (cut === undefined) return void response.end(bytes);
  response.write(bytes.subarray(0, cut), () => {
    // what was written is on its way before the connection breaks
    if (!hang) setTimeout(() => response.destroy(), 30);
  });
}

/** A body that never ends. */
export function endless(): Answer {
  return (_, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write(new Uint8Array(65536)));
    };
    response.on('drain', more);
    more();
  };
}

export function json(value: unknown): Answer {
  return file(new TextEncoder().encode(JSON.stringify(value)), { etag: '' });
}
