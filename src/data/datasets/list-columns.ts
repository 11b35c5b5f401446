// What the columns of a list of images mean, by the names that people give them.

import type { Row } from './cells.ts';
import { datasetError, quoted } from './dataset-error.ts';
import { firstNames } from './left-out.ts';

/** Indices of columns. */
export interface ListColumns {
  readonly image: number;
  readonly label: number;
  readonly split?: number;
}

const IMAGE = words(
  'filename filenames file files filepath filepaths fname path paths image images imagename imageid ' +
    'imagepath imagefile imagefilename img imgs imgname imgid imgpath photo photos photoname photoid ' +
    'picture pictures id',
);
const LABEL = words(
  'label labels labelname class classes classname classlabel category categories categoryname species ' +
    'speciesname breed target tag variety scientificname y classid classidx categoryid labelid classindex',
);
/** The same in other languages; English headings go before, as `art` and the like have two meanings. */
const ELSEWHERE = {
  label: words(
    'klasse klassen kategorie etikett art vogelart pflanzenart tierart gattung bezeichnung beschriftung ' +
      'classe espece categorie etiquette clase especie categoria etiqueta specie etichetta soort',
  ),
  image: words(
    'datei dateiname dateipfad pfad bild bilder bildname foto fotos fotoname fichier nomfichier ' +
      'nomdufichier chemin imagen archivo nombrearchivo ruta arquivo imagem immagine nomefile bestand ' +
      'bestandsnaam afbeelding',
  ),
};
const SPLIT = words(
  'split splits set subset partition dataset phase usage fold ' +
    'aufteilung teilmenge conjunto particion ripartizione',
);

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

/**
 * A table with a column for each class, of which one has a 1: each row with the name of that added.
 */
export function readOneHot({ cells: header }: Row, rows: readonly Row[]) {
  const [image, ...more] = columnsNamed(IMAGE, header);
  const classes = header.flatMap((_, i) => {
    return rows.every(({ cells }) => cells[i] === '0' || cells[i] === '1') ? [i] : [];
  });
  const marked = ({ cells }: Row) => classes.filter((i) => cells[i] === '1');
  const others = header.length - classes.length - more.length - 1;
  const certain = rows.length > 0 && image !== undefined && classes.length > 1 && others === 0;
  if (!certain) return undefined;
  const wrong = rows.find((row) => marked(row).length !== 1);
  if (wrong !== undefined) {
    const got = firstNames(marked(wrong).map((i) => header[i])) || 'none';
    throw datasetError(wrong.where, 'one class with a 1', got, {
      next: 'Images of several classes or none cannot be learnt: leave one, or remove the line.',
    });
  }
  return {
    header: [...header, 'the column with a 1'],
    rows: rows.map((row) => ({ ...row, cells: [...row.cells, header[marked(row)[0]]] })),
    columns: { image, label: header.length },
  };
}

/** The columns of a header; undefined where it names no image or no label. */
export function readHeader({ cells, where }: Row, rows: readonly Row[]): ListColumns | undefined {
  const images = columnsNamed(IMAGE, cells, ELSEWHERE.image);
  const labels = columnsNamed(LABEL, cells, ELSEWHERE.label);
  const [split] = columnsNamed(SPLIT, cells);
  if (images.length === 0 || labels.length === 0) return undefined;
  const image = images.find((i) => rows.some(({ cells: row }) => /\.\w{2,5}$/.test(row[i] ?? '')));
  return { image: image ?? images[0], label: labelColumn(labels, cells, rows, where), split };
}

/** Columns with one of the names; without any, those with one of the `others`. */
function columnsNamed(
  known: ReadonlySet<string>,
  header: readonly string[],
  others?: ReadonlySet<string>,
): number[] {
  const plain = header.map((cell) =>
    cell
      .normalize('NFD')
      .toLowerCase()
      .replaceAll(/[^a-z]/g, ''),
  );
  const found = plain.flatMap((name, i) => (known.has(name) ? [i] : []));
  return found.length > 0 || others === undefined ? found : columnsNamed(others, header);
}

/**
 * What to ask about a table whose cells name images and whose header does not say which column has their
 * labels. Undefined where no column names images in every line.
 */
export function askForLabels(
  { cells, where }: Row,
  rows: readonly Row[],
  isImage: (row: Row, column: number) => boolean,
) {
  const image = cells.findIndex((_, i) => rows.length > 0 && rows.every((row) => isImage(row, i)));
  if (image < 0 || cells.length < 2) return undefined;
  const others = cells.filter((_, i) => i !== image);
  return datasetError(
    where,
    'headings that say which column has the images and which the labels',
    `${quoted(cells[image])}, whose cells are images, beside ${firstNames(others, 8)}`,
    { next: "Call the column of images 'filename' and that of their labels 'label'." },
  );
}

/** Of columns that say the same, as numbers and as names, the one with names. */
function labelColumn(
  labels: readonly number[],
  header: readonly string[],
  rows: readonly Row[],
  where: string,
): number {
  const best =
    labels.find((i) => rows.some(({ cells }) => !/^\d*$/.test(cells[i] ?? ''))) ?? labels[0];
  const other = labels.find((i) => i !== best && !sayTheSame(rows, best, i));
  if (other === undefined) return best;
  const got = firstNames(labels.map((i) => header[i]));
  throw datasetError(where, 'one column of labels', `${labels.length} that differ: ${got}`, {
    next: 'Name the one to learn label, and rename or remove the others.',
  });
}

function sayTheSame(rows: readonly Row[], a: number, b: number): boolean {
  const pairs = new Set(rows.map(({ cells }) => JSON.stringify([cells[a], cells[b]])));
  const values = (i: number) => new Set(rows.map(({ cells }) => cells[i])).size;
  return pairs.size === values(a) && pairs.size === values(b);
}
