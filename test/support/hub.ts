// The model hub, played by a server of ours: what it says about a repository, and its files.

import { createHash } from 'node:crypto';
import { type FileServer, file, json, redirect } from './file-server.ts';

export const HUB = 'https://huggingface.co';
/** The commit that repositories are at. */
export const commit: string = 'c0ffee'.padEnd(40, '0');

/** SHA-256 in hex. */
export const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What a model hub holds under a name. */
export interface Repository {
  readonly name?: string;
  readonly revision?: string;
  readonly at?: string;
  readonly files: Record<string, Uint8Array>;
  readonly licence?: string;
  /** What the hub says about sizes and hashes; what is true by default. */
  readonly listed?: Record<string, object>;
}

/** Puts a repository on the hub; its files stand on another host, as they do. */
export function publish(server: FileServer, repository: Repository): void {
  const { name = 'timm/net.x', revision = 'main', at = commit, files, listed = {} } = repository;
  const siblings = Object.entries(files).map(([rfilename, bytes]) => {
    const lfs = /\.(safetensors|bin)$/.test(rfilename)
      ? { lfs: { sha256: sha(bytes), size: bytes.length } }
      : {};
    return { rfilename, size: bytes.length, ...lfs, ...listed[rfilename] };
  });
  const cardData = repository.licence === undefined ? null : { license: repository.licence };
  const answer = json({ id: name, sha: at, siblings, cardData, tags: ['timm'] });
  server.at(`${HUB}/api/models/${name}/revision/${revision}?blobs=true`, answer);
  for (const [path, bytes] of Object.entries(files)) {
    server.at(`${HUB}/${name}/resolve/${at}/${path}`, redirect(`https://cdn.test/${at}/${path}`));
    server.at(`https://cdn.test/${at}/${path}`, file(bytes));
  }
}

/** A value as the bytes of a JSON file. */
export const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
