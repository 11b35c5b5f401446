// The method and the network of a run: from the tables, or from modules of one's own.

import { importOwn, isModulePath, mustHave } from '../formats/own-module.ts';
import type { Method } from '../methods/method.ts';
import { findMethod } from '../methods/table.ts';
import type { Backbone } from '../nn/backbones/backbone.ts';
import { findBackbone } from '../nn/backbones/table.ts';

/** Something of a table, or of a module; `sha256` is that of the module's file. */
export interface Chosen<T> {
  readonly value: T;
  readonly sha256?: string;
}

/** A method by its name, or by the path of a module that exports one by default. Throws FM_USAGE. */
export async function openMethod(name: string): Promise<Chosen<Method>> {
  if (!isModulePath(name)) return { value: findMethod(name) };
  const found = await importOwn(name, 'a method');
  const functions = { stages: 'function', recogniser: 'function' };
  const texts = { name: 'string', citation: 'string', about: 'string' };
  mustHave(found, 'a method', { ...texts, options: 'object', needs: 'array', ...functions });
  return { value: found.value as Method, sha256: found.sha256 };
}

/** A backbone likewise. */
export async function openBackbone(name: string): Promise<Chosen<Backbone>> {
  if (!isModulePath(name)) return { value: findBackbone(name) };
  const found = await importOwn(name, 'a backbone');
  const shape = { name: 'string', citation: 'string', headPath: 'string', features: 'function' };
  mustHave(found, 'a backbone', { ...shape, dropout: 'number' });
  return { value: found.value as Backbone, sha256: found.sha256 };
}
