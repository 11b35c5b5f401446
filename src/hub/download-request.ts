// What a download is asked for.

import type { ProgressEvent } from '../core/progress.ts';
import type { HttpOptions } from './http.ts';

/** A file and where it is to stand. */
export interface DownloadRequest {
  readonly url: string;
  /** Path of the file; a part and a lock stand beside it while it is fetched. */
  readonly target: string;
  /** How messages call it, without a colon: `timm/resnet18.tv_in1k/model.safetensors`. */
  readonly label: string;
  /** What its SHA-256 begins with, hex digits in lower case; all 64 where they are known. */
  readonly sha256?: string;
  /** Its size, where it is known. */
  readonly bytes?: number;
  /** Bytes that no such file exceeds. */
  readonly limit: number;
  /** Proves to the address's own host that one may read it. */
  readonly token?: string;
}

export interface DownloadOptions extends HttpOptions {
  /** Never asks a server. */
  readonly offline?: boolean;
  readonly progress?: (event: ProgressEvent) => void;
}
