// What stands in for objects of a pickle that are not built.

/** An object, a function or a class that was named but never looked up; nothing can be called on it. */
export class Inert {
  /** `torch.optim.lr_scheduler.MultiStepLR` */
  readonly path: string;
  #entries: Map<unknown, unknown> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** What the pickle puts into it by key, where it would be a kind of dictionary. */
  dictionary(): Map<unknown, unknown> {
    this.#entries ??= new Map();
    return this.#entries;
  }

  /** The same, if there is any. */
  get entries(): ReadonlyMap<unknown, unknown> | undefined {
    return this.#entries;
  }
}
