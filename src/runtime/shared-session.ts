// A session that may be asked from several places at once, which the engine's own may not.

import { fail } from '../core/errors.ts';
import type { Session } from './session.ts';

/**
 * Runs take turns, in the order in which they were asked for. `close` waits for them, and may be called
 * again; a run that is asked for later is FM_USAGE, which names `what` was closed.
 */
export function sharedSession(session: Session, what: string): Session {
  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;
  const inTurn = async <T>(run: () => Promise<T>): Promise<T> => {
    if (closed !== undefined) throw closedError(what);
    const mine = last.then(run);
    last = mine.catch(() => {}); // its own caller is told
    return await mine;
  };
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    run: (feeds) => inTurn(() => session.run(feeds)),
    runOnDevice: (feeds) => inTurn(() => session.runOnDevice(feeds)),
    close() {
      closed ??= last.then(() => session.close());
      return closed;
    },
  };
}

/** What whoever uses something after its `close` is told. */
export function closedError(what: string): Error {
  return fail('FM_USAGE', what, {
    expected: 'it to be open',
    got: 'a call after close()',
    next: 'Load it again, or close it once nothing is asked of it any more.',
  });
}
