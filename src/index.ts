// The public entry for Node.
export { errorTable, FieldmarkError } from './core/errors.ts';
