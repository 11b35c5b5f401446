// Where what can be computed or fetched again is kept.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** A folder below the user's cache: $FIELDMARK_CACHE, else $XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(name: string): string {
  const { FIELDMARK_CACHE, XDG_CACHE_HOME } = process.env;
  const root = FIELDMARK_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'fieldmark');
  return join(root, name);
}
