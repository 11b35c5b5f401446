// A `fetch` for a server of ours that plays the servers of the world.

/** `https://host/path` is asked for as `/host/path` at the port. */
export function fetchFrom(port: number): typeof fetch {
  return (input, init) => {
    const { protocol, host, pathname, search } = new URL(String(input));
    if (protocol !== 'https:') throw new Error(`not encrypted: ${String(input)}`);
    return fetch(`http://127.0.0.1:${port}/${host}${pathname}${search}`, init);
  };
}
