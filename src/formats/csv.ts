// Tables as text that spreadsheets open: commas, quotes where they are needed (RFC 4180), UTF-8.

/** A cell: text, a number, a truth value, or nothing. */
export type Cell = string | number | boolean | null | undefined;

/** Rows as text, the first one their heading. */
export function csv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join(',')}\r\n`).join('');
}

/**
 * A text that a spreadsheet would take for a formula gets an apostrophe in front, which it shows as
 * text: a class may be called `=1+1`, and a file may have been given its name by a stranger. Some
 * languages' spreadsheets take the wide forms of these signs, and part cells at semicolons.
 */
function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = /^[=+\-@\t\r\n＝＋－＠]/.test(cell) ? `'${cell}` : cell;
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
