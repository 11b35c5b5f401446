// Tables in text: lines of cells with a comma, semicolon, tab or bar between them (RFC 4180 and
// what spreadsheets make of it).

import { readAnnotations } from './annotation-text.ts';
import { datasetError, quoted } from './dataset-error.ts';

/** One line of a table, trimmed cell by cell. */
export interface Row {
  readonly cells: readonly string[];
  /** `path:number` of its first line, for messages. */
  readonly where: string;
}

const SEPARATORS = [',', ';', '\t', '|'];

/**
 * The rows of a table without blank ones. What separates cells is the sign that the first line has
 * most of; cells in quotes may hold it, line ends too. Throws FM_DATASET where a quote is not
 * closed.
 */
export async function readCells(path: string): Promise<Row[]> {
  return parseCells(await readAnnotations(path), path);
}

/** The rows of a table's text. */
export function parseCells(text: string, path: string): Row[] {
  const separator = separatorOf(text);
  const rows: Row[] = [];
  let cells: string[] = [];
  let cell = '';
  let inQuotes = false;
  let [line, begin] = [1, 1];
  const endRow = () => {
    cells.push(cell.trim());
    if (cells.some((one) => one !== '')) rows.push({ cells, where: `${path}:${begin}` });
    cells = [];
    cell = '';
    begin = line;
  };
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (sign === '\n') line++;
    if (inQuotes && sign === '"' && text[i + 1] === '"') {
      cell += '"';
      i++;
    } else if (sign === '"' && (inQuotes || cell.trim() === '')) {
      inQuotes = !inQuotes;
      if (inQuotes) cell = '';
    } else if (inQuotes) cell += sign;
    else if (sign === separator) {
      cells.push(cell.trim());
      cell = '';
    } else if (sign === '\n') endRow();
    else cell += sign;
  }
  if (inQuotes) throw datasetError(`${path}:${begin}`, 'a closing quote', quoted(cell));
  endRow();
  return rows;
}

function separatorOf(text: string): string {
  const first = text
    .trimStart()
    .split('\n', 1)[0]
    .replaceAll(/"[^"]*"/g, '');
  const count = (sign: string) => first.split(sign).length;
  return SEPARATORS.reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}
