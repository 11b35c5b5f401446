// Downloads against a real server that misbehaves: the file is whole and right, or there is one
// clear error and nothing under its name.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ProgressEvent } from '../../src/core/progress.ts';
import { download } from '../../src/hub/download.ts';
import type { DownloadOptions, DownloadRequest } from '../../src/hub/download-request.ts';
import { get, withPatience } from '../../src/hub/http.ts';
import {
  type Answer,
  endless,
  type FileServer,
  file,
  fileServer,
  redirect,
  status,
} from '../support/file-server.ts';
import { temporaryFolder } from '../support/files.ts';

const URL_OF_FILE = 'https://files.test/models/net.bin';
const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251);
const other = content.map((v) => v ^ 1);
const sha256 = createHash('sha256').update(content).digest('hex');

interface World {
  readonly server: FileServer;
  readonly folder: string;
  readonly target: string;
  readonly notes: string[];
  get(changes?: Partial<DownloadRequest>, options?: DownloadOptions): Promise<string>;
}

/** A server with these answers, and a cache. */
async function world(...answers: Answer[]): Promise<World> {
  const server = await fileServer();
  server.at(URL_OF_FILE, ...answers);
  const folder = await temporaryFolder();
  const target = join(folder, 'deep', 'net.bin');
  const notes: string[] = [];
  const get: World['get'] = (changes = {}, options = {}) =>
    download(
      { url: URL_OF_FILE, target, label: 'files.test/net.bin', sha256, limit: 1e6, ...changes },
      { fetch: server.fetch, pause: 1, note: (text) => void notes.push(text), ...options },
    );
  return { server, folder, target, notes, get };
}

/** The file is there, whole, and alone. */
async function mustBeWhole({ target, folder }: World): Promise<void> {
  expect(Buffer.from(content).equals(await readFile(target))).toBe(true);
  expect(await readdir(join(folder, 'deep'))).toEqual(['net.bin']);
}

/** The error of a download that must fail, with nothing under the file's name. */
async function failure(w: World, changes?: Partial<DownloadRequest>, options?: DownloadOptions) {
  const error = await w.get(changes, options).then(
    () => undefined,
    (cause: unknown) => cause as Error & { code: string },
  );
  expect(error).toMatchObject({ name: 'FieldmarkError', code: 'FM_DOWNLOAD' });
  expect(error!.message).toMatch(/^files\.test\/net\.bin: expected .+, got .+\. .+\.$/);
  expect(existsSync(w.target)).toBe(false);
  return error!.message;
}

const ranges = ({ asked }: FileServer) => asked.map(({ headers }) => headers.range);

describe('an orderly server', () => {
  test('the file arrives, with progress, and is not asked for again', async () => {
    const w = await world(file(content));
    const events: ProgressEvent[] = [];
    const progress = (event: ProgressEvent) => void events.push(event);
    expect(await w.get({ bytes: content.length }, { progress })).toBe(sha256);
    await mustBeWhole(w);
    expect(events.at(-1)).toMatchObject({
      task: 'fetching files.test/net.bin',
      done: 0.3,
      total: 0.3,
      unit: 'MB',
      perSecond: expect.any(Number),
      secondsLeft: 0,
    });
    expect(await w.get()).toBe(sha256);
    expect(await w.get({}, { offline: true })).toBe(sha256);
    expect(w.server.asked).toHaveLength(1);
  });

  test('the first digits of the hash are enough, and none for what is only described', async () => {
    const w = await world(file(content));
    expect(await w.get({ sha256: sha256.slice(0, 8) })).toBe(sha256);
    await mustBeWhole(w);
    expect(await w.get({ sha256: undefined })).toBe(sha256);
  });

  test('a redirect is followed, and the token stays with its host', async () => {
    const w = await world(redirect('/moved/net.bin'));
    w.server.at('https://files.test/moved/net.bin', redirect('https://cdn.test/net.bin'));
    w.server.at('https://cdn.test/net.bin', file(content));
    await w.get({ token: 'secret' });
    await mustBeWhole(w);
    const tokens = w.server.asked.map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(['Bearer secret', 'Bearer secret', undefined]);
  });

  test('a file without Content-Length', async () => {
    const w = await world(file(content, { length: false }));
    await w.get();
    await mustBeWhole(w);
  });
});

describe('trouble that passes', () => {
  test.each([
    ['500 twice', status(500), status(503)],
    ['429 twice', status(429), status(429, { 'retry-after': '0' })],
    ['a broken connection twice', file(content, { cut: 0 }), file(content, { cut: 0 })],
  ])('%s, then the file', async (_, ...answers) => {
    const w = await world(...answers, file(content));
    await w.get();
    await mustBeWhole(w);
    expect(w.notes.filter((note) => /trying again in 1 s/.test(note))).toHaveLength(2);
  });

  test('Retry-After is honoured', async () => {
    const w = await world(status(429, { 'retry-after': '1' }), file(content));
    const begun = performance.now();
    await w.get();
    expect(performance.now() - begun).toBeGreaterThan(990);
    await mustBeWhole(w);
  });

  test('half a file: the rest is asked for, and only if the file is the same', async () => {
    const w = await world(
      file(content, { cut: 100_000 }),
      file(content, { cut: 50_000 }),
      file(content),
    );
    await w.get();
    await mustBeWhole(w);
    expect(ranges(w.server)).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
    expect(w.server.asked[1].headers['if-range']).toBe('"300000-0"');
  });

  test('cut more often than there are retries, as long as it gets further', async () => {
    const cuts = Array.from({ length: 8 }, () => file(content, { cut: 30_000 }));
    const w = await world(...cuts, file(content));
    await w.get();
    await mustBeWhole(w);
  });

  test('a server that ignores ranges sends everything again', async () => {
    const whole = { ranges: false };
    const w = await world(file(content, { ...whole, cut: 100_000 }), file(content, whole));
    await w.get();
    await mustBeWhole(w);
    expect(ranges(w.server)).toEqual([undefined, 'bytes=100000-']);
  });

  test('dates serve where there is no strong ETag', async () => {
    const modified = 'Mon, 23 Nov 2026 10:00:00 GMT';
    const weak = { etag: 'W/"weak"', modified };
    const w = await world(file(content, { ...weak, cut: 100_000 }), file(content, weak));
    await w.get({ sha256: undefined });
    await mustBeWhole(w);
    expect(w.server.asked[1].headers['if-range']).toBe(modified);
  });

  test('without hash, ETag and date nothing is continued', async () => {
    const w = await world(file(content, { etag: '', cut: 100_000 }), file(content, { etag: '' }));
    await w.get({ sha256: undefined });
    await mustBeWhole(w);
    expect(ranges(w.server)).toEqual([undefined, undefined]);
  });

  test('a file that changes between two parts is fetched anew', async () => {
    const w = await world(file(other, { etag: '"old"', cut: 100_000 }), file(content));
    await w.get();
    await mustBeWhole(w);
  });

  test('also when the server goes on with the other file', async () => {
    const careless: Answer = (request, response) => {
      delete request.headers['if-range'];
      file(content, { etag: '"new"' })(request, response);
    };
    const w = await world(file(other, { etag: '"old"', cut: 100_000 }), careless);
    await w.get({ sha256: undefined });
    await mustBeWhole(w);
    expect(ranges(w.server)).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('a server that goes silent is given up and asked again', async () => {
    const w = await world(file(content, { cut: 1000, hang: true }), file(content));
    await w.get({}, { silence: 200 });
    await mustBeWhole(w);
    expect(w.notes.join()).toContain('gone silent');
  });

  test('a damaged file is fetched once more, from its first byte', async () => {
    const w = await world(file(other), file(content));
    await w.get();
    await mustBeWhole(w);
    expect(w.notes.join()).toContain('arrived damaged');
  });

  test('a part that is complete, and one that is too long', async () => {
    for (const length of [content.length, content.length + 5]) {
      const w = await world(file(content, { cut: 100_000 }), status(404), file(content));
      await failure(w);
      const part = new Uint8Array(length);
      part.set(content.subarray(0, length));
      await writeFile(`${w.target}.part`, part);
      await w.get();
      await mustBeWhole(w);
      expect(w.server.asked).toHaveLength(length > content.length ? 3 : 2);
    }
  });

  test('a part of another address, or of nobody knows what, is not continued', async () => {
    const w = await world(file(content, { cut: 100_000 }), status(404), file(content));
    await failure(w);
    await writeFile(`${w.target}.part.json`, '{"url": "https://els');
    await w.get();
    await mustBeWhole(w);
    expect(ranges(w.server)).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('what stands in the cache and is not the file is replaced', async () => {
    const w = await world(file(content));
    await w.get();
    await writeFile(w.target, 'damaged');
    await w.get();
    await mustBeWhole(w);
    expect(w.notes.join()).toContain('another file, with SHA-256');
  });

  test('aborted in the middle, it goes on the next time', async () => {
    const w = await world(file(content, { cut: 100_000, hang: true }), file(content));
    const stop = new AbortController();
    const reason = new Error('Ctrl-C');
    const progress = () => stop.abort(reason);
    await expect(w.get({}, { progress, signal: stop.signal })).rejects.toBe(reason);
    expect((await readdir(join(w.folder, 'deep'))).sort()).toEqual([
      'net.bin.part',
      'net.bin.part.json',
    ]);
    await w.get();
    await mustBeWhole(w);
    expect(ranges(w.server)[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });
});

describe('trouble that stays', () => {
  test.each([
    [404, /got HTTP 404 \(not there\)\. Check the name\./],
    [401, /got HTTP 401 .*HF_TOKEN/],
    [403, /got HTTP 403 .*HF_TOKEN/],
  ])('%i is said at once', async (code, message) => {
    const w = await world(status(code));
    expect(await failure(w)).toMatch(message);
    expect(w.server.asked).toHaveLength(1);
    expect(await readdir(join(w.folder, 'deep'))).toEqual([]);
  });

  test.each([
    ['500', status(500), /from the server HTTP 500/],
    ['429', status(429), /from the server HTTP 429 \(too many requests\)/],
    ['half a file that never gets further', file(content, { ranges: false, cut: 9 }), /broken/],
  ])('%s for ever: what to fetch by hand and where to put it', async (_, answer, message) => {
    const w = await world(answer);
    const told = await failure(w);
    expect(told).toMatch(message);
    expect(told).toContain(`Fetch ${URL_OF_FILE} and save it as ${w.target}.`);
    expect(w.server.asked.length).toBeGreaterThanOrEqual(5);
  });

  test('a server that wants an hour is not waited for', async () => {
    const w = await world(status(429, { 'retry-after': '3600' }));
    expect(await failure(w)).toContain('HTTP 429');
    expect(w.server.asked).toHaveLength(1);
  });

  test('damaged twice', async () => {
    const w = await world(file(other));
    expect(await failure(w)).toMatch(/expected a file with SHA-256 .*, got [0-9a-f]{64}, twice/);
    expect(w.server.asked).toHaveLength(2);
    expect(await readdir(join(w.folder, 'deep'))).toEqual([]);
  });

  test('an endless body, with and without a known size', async () => {
    for (const bytes of [undefined, content.length]) {
      const w = await world(endless());
      expect(await failure(w, { bytes })).toContain(`more than ${bytes ?? 1e6} bytes`);
      expect(await readdir(join(w.folder, 'deep'))).toEqual([]);
    }
  });

  test('an absurd size is refused before a byte is written', async () => {
    const w = await world((_, response) => {
      response.writeHead(200, { 'content-length': String(2 ** 40) }).flushHeaders();
    });
    expect(await failure(w)).toContain('more than 1000000 bytes');
  });

  test('another size than the repository says', async () => {
    const w = await world(file(content));
    expect(await failure(w, { bytes: 7 })).toContain('a file of 300000 bytes in place of 7');
  });

  test('redirects that are not encrypted, go nowhere, or round in circles', async () => {
    const plain = await world(redirect('http://files.test/net.bin'));
    expect(await failure(plain)).toContain(
      "a redirect to 'http://files.test', which is not encrypted",
    );
    const local = await world(redirect('file:///etc/passwd'));
    expect(await failure(local)).toContain('not encrypted');
    expect(await failure(await world(redirect('https://')))).toContain('a redirect to no address');
    expect(await failure(await world(redirect(URL_OF_FILE)))).toContain('more than 8 redirects');
  });

  test('no server at all', async () => {
    const w = await world();
    const dead: typeof fetch = (_, init) => fetch('http://127.0.0.1:1/', init);
    const told = await failure(w, {}, { fetch: dead });
    expect(told).toMatch(/expected the file in the cache, got no file, and from the server /);
    expect(told).toContain(`save it as ${w.target}`);
  });
});

describe('offline', () => {
  test('a file that is not there: its address and its place', async () => {
    const w = await world(file(content));
    expect(await failure(w, {}, { offline: true })).toBe(
      `files.test/net.bin: expected the file in the cache, got no file, and --offline. ` +
        `Fetch ${URL_OF_FILE} and save it as ${w.target}.`,
    );
    expect(await readdir(w.folder), 'nothing is made').toEqual([]);
  });

  test('a file that was put there by hand is verified', async () => {
    const w = await world(status(404));
    await failure(w);
    await writeFile(w.target, content);
    expect(await w.get({}, { offline: true })).toBe(sha256);
    await writeFile(w.target, other);
    await expect(w.get({}, { offline: true })).rejects.toMatchObject({
      code: 'FM_DOWNLOAD',
      message: expect.stringMatching(/got another file, with SHA-256 [0-9a-f]{64}, and --offline/),
    });
  });
});

describe('no network', () => {
  const absent = (code: string) => async () => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
  };

  test.each(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH'])('%s is told at once', async (code) => {
    const notes: string[] = [];
    const work = () => get('https://host.test/net.bin', {}, { fetch: absent(code) });
    const asked = withPatience(work, { note: (text) => notes.push(text) });
    await expect(asked).rejects.toThrow(/no network/);
    expect(notes).toEqual([]);
  });

  test('one that breaks off is waited for', async () => {
    let asked = 0;
    const work = async () => {
      asked++;
      return await get('https://host.test/net.bin', {}, { fetch: absent('ENOTFOUND') });
    };
    await expect(withPatience(work, { pause: 1 }, () => 10)).rejects.toThrow(/no network/);
    expect(asked).toBe(5);
  });
});
