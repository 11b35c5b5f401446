// What a task says of the fields of its batches.

import type { FieldSpace } from '../core/fields.ts';
import type { Task } from './task.ts';

/** What decides the shapes of fields. */
export function fieldSpace({ context, config }: Pick<Task, 'context' | 'config'>): FieldSpace {
  const { classes, parts } = context;
  return { classes, parts, size: config.size };
}
