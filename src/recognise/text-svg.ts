// Lines of text in SVG pictures, cut or wrapped by an estimate of their width: fonts differ from
// machine to machine, and nothing here can measure them.

/** An SVG document and the size it is meant to be drawn at. */
export interface SvgStrip {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** Colours of text: what matters, and what does not. */
export const INK = '#16181d';
export const QUIET = '#646b78';
const FONT = `font-family="Inter, 'Liberation Sans', 'DejaVu Sans', Helvetica, Arial, sans-serif"`;
/** How much wider bold letters are. */
const BOLD = 1.07;

/** Text for element content and attributes. Control characters, which XML forbids, become spaces. */
export function escapeXml(text: string): string {
  const names: Record<string, string> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    "'": '#39',
  };
  return Array.from(text, (c) => (c < ' ' || c === '\u007f' ? ' ' : c))
    .join('')
    .replace(/[&<>"']/g, (c) => `&${names[c]};`);
}

/** Where and how a line of text stands. */
export interface TextStyle {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly fill: string;
  /** Pixels the text may take; longer text has an ellipsis. */
  readonly room: number;
  readonly bold?: boolean;
  readonly end?: boolean;
  /** Where the ellipsis stands; names that begin alike are told apart by their ends. */
  readonly cut?: 'end' | 'middle';
}

/** One line of text; what does not fit into `room` is cut. */
export function svgText(content: string, style: TextStyle): string {
  const { x, y, size, fill, room, bold, end, cut = 'end' } = style;
  const fitted = escapeXml(fitText(content, size * (bold ? BOLD : 1), room, cut));
  const weight = bold ? ' font-weight="700"' : '';
  const anchor = end ? ' text-anchor="end"' : '';
  const look = `${FONT} font-size="${size}"${weight}${anchor} fill="${fill}"`;
  return `<text x="${x}" y="${y}" ${look}>${fitted}</text>`;
}

/** Text in at most `most` lines that fit into `room`; the last has what is left, to be cut. */
export function wrapText(
  content: string,
  { size, room, bold }: Pick<TextStyle, 'size' | 'room' | 'bold'>,
  most: number,
): string[] {
  const fits = (line: string) => textWidth(line, size * (bold ? BOLD : 1)) <= room;
  const lines = [''];
  for (const word of content.split(' ')) {
    const longer = lines[lines.length - 1] === '' ? word : `${lines[lines.length - 1]} ${word}`;
    if (fits(longer) || lines.length === most || lines[0] === '') lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Cuts text that would not fit. */
function fitText(content: string, size: number, room: number, cut: 'end' | 'middle'): string {
  if (textWidth(content, size) <= room) return content;
  const characters = Array.from(content);
  for (let kept = characters.length - 1; kept > 0; kept--) {
    const behind = cut === 'middle' ? Math.floor(kept * 0.4) : 0;
    const front = characters
      .slice(0, kept - behind)
      .join('')
      .trimEnd();
    const text = `${front}…${characters
      .slice(characters.length - behind)
      .join('')
      .trimStart()}`;
    if (textWidth(text, size) <= room) return text;
  }
  return '…';
}

/** Width in pixels of text in Helvetica-like fonts, within about 5 %; other scripts are taken for wide. */
export function textWidth(content: string, size: number): number {
  let ems = 0;
  for (const c of content) {
    if (c > '\u2e7f') ems += 1;
    else if (c >= '\u0300' && /\p{Mn}/u.test(c)) continue;
    else if (c > '\u036f' && c < '\u2000') ems += c < '\u0530' ? 0.62 : 0.7;
    else if ("iljtfr.,:;|!'()[] I".includes(c)) ems += 0.3;
    else if ('mwMW@%'.includes(c)) ems += 0.87;
    else ems += c >= 'A' && c <= 'Z' ? 0.69 : 0.56;
  }
  return ems * size;
}

/** A white strip with these elements on it. */
export function svgStrip(parts: readonly string[], width: number, height: number): SvgStrip {
  const size = `width="${width}" height="${height}"`;
  const open = `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${width} ${height}">`;
  const svg = `${open}<rect ${size} fill="#ffffff"/>${parts.join('')}</svg>`;
  return { svg, width, height };
}
