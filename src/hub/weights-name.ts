// What `--weights` may be: a file, a repository of the model hub, an address, or none.

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { fail } from '../core/errors.ts';

/** A weights name taken apart. */
export type WeightsName =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly path: string }
  | HubName
  | AddressName;

/** `hf:<owner>/<repo>[/<file>][@<revision>]` */
export interface HubName {
  readonly kind: 'hub';
  /** `owner/repo` */
  readonly repository: string;
  /** Undefined: the repository's usual weights file. */
  readonly file: string | undefined;
  /** A branch, tag or commit. */
  readonly revision: string;
}

/** `https://...#sha256=<digits>`, or an address whose file name ends in the first digits. */
export interface AddressName {
  readonly kind: 'address';
  /** Without the digits. */
  readonly url: string;
  /** What the SHA-256 begins with: 8 to 64 hex digits, lower case. */
  readonly sha256: string;
  /** Path below the cache's folder for addresses. */
  readonly place: string;
}

const OWN = /^[\w-][\w.-]*$/;
const IN_ADDRESS = /^[\w%+=~,@-][\w.%+=~,@-]*$/;
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Takes a name apart. Throws `FM_CONFIG` when it cannot be one. */
export function parseWeightsName(name: string): WeightsName {
  if (name === 'none') return { kind: 'none' };
  if (name.startsWith('hf:')) return parseHubName(name);
  if (SCHEME.test(name)) return parseAddress(name);
  return { kind: 'file', path: name };
}

/** The name as it means the same in another working directory: paths become absolute. */
export function absoluteWeights(name: string): string {
  const parsed = parseWeightsName(name);
  return parsed.kind === 'file' ? resolve(parsed.path) : name;
}

function parseHubName(name: string): HubName {
  const text = name.slice('hf:'.length);
  const at = text.indexOf('@');
  const revision = at < 0 ? 'main' : text.slice(at + 1);
  const [owner, repository, ...file] = (at < 0 ? text : text.slice(0, at)).split('/');
  const named = [owner, repository, ...file, ...revision.split('/')];
  if (repository === undefined || !named.every((part) => isPlain(part))) {
    throw wrong(name, 'hf:<owner>/<repository>[/<file>][@<revision>]', 'hf:timm/resnet50.tv_in1k');
  }
  return {
    kind: 'hub',
    repository: `${owner}/${repository}`,
    file: file.length === 0 ? undefined : file.join('/'),
    revision,
  };
}

/** A name of one file or folder that can stand in a cache as it is. */
function isPlain(part: string): boolean {
  return OWN.test(part) && part.length <= 200;
}

const EXAMPLE = 'https://host/weights.safetensors#sha256=<64 hex digits>';

function parseAddress(name: string): AddressName {
  const url = URL.canParse(name) ? new URL(name) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw wrong(name, 'an address that begins with https:// and holds no password', EXAMPLE);
  }
  const sha256 = digitsOf(url);
  if (sha256 === undefined) {
    throw wrong(name, 'an address with the SHA-256 of its file', EXAMPLE);
  }
  url.hash = '';
  return { kind: 'address', url: url.href, sha256, place: placeOf(url, name) };
}

/** `#sha256=...`, else the eight digits that PyTorch's hub puts at the end of a file's name. */
function digitsOf(url: URL): string | undefined {
  if (url.hash !== '') return /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1].toLowerCase();
  return /-([0-9a-f]{8,64})\.\w+$/.exec(url.pathname)?.[1];
}

/** Host and path; what stands behind a question mark is told apart by its own hash. */
function placeOf(url: URL, name: string): string {
  const parts = [url.host.replace(':', '_'), ...url.pathname.slice(1).split('/')];
  if (!parts.every((part) => IN_ADDRESS.test(part) && part.length <= 200)) {
    throw wrong(name, 'an address with plain names between its slashes', EXAMPLE);
  }
  const last = parts.pop()!;
  const query = createHash('sha256').update(url.search).digest('hex').slice(0, 8);
  return [...parts, url.search === '' ? last : `${query}-${last}`].join('/');
}

function wrong(name: string, expected: string, example: string) {
  return fail('FM_CONFIG', 'weights', {
    expected,
    got: `'${name}'`,
    next: `Write it as in ${example}; docs/weights.md has more.`,
  });
}
