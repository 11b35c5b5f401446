// Names of tensors with steps in them that come from modules around others, for compilers and for parallel
// training: `_orig_mod.layer1.module.0.conv1.weight`.

const WRAPPERS = /(^|\.)(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|module)\.(?=.)/g;

/** A name without such steps. */
export function withoutWrappers(name: string): string {
  const stripped = name.replace(WRAPPERS, '$1');
  return stripped === name ? name : withoutWrappers(stripped);
}

/** Tensors by such names, unless two would be called alike: then by those that they have. */
export function unwrapped<T>(tensors: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const renamed = new Map([...tensors].map(([name, tensor]) => [withoutWrappers(name), tensor]));
  return renamed.size === tensors.size ? renamed : tensors;
}
