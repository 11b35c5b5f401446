// HTML that cannot forget to escape: text put into an html`...` template is escaped, markup is not.
import { escapeXml } from '../recognise/text-svg.ts';

/** A piece of finished HTML or SVG. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What a template may hold: text and numbers (escaped), markup, lists of these, or nothing. */
export type Content = string | number | Markup | null | undefined | false | readonly Content[];

/** Joins a template to markup. Strings are escaped for element content and quoted attributes. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, i) => part + render(values[i])).join(''));
}

function render(value: Content): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(render).join('');
  return escapeXml(`${value}`);
}

/** Text whose line breaks matter, for `<pre>`. */
export function preformatted(text: string): Markup {
  return new Markup(text.split(/\r?\n/).map(escapeXml).join('\n'));
}

/** `87.2 %`: accuracies and shares, with a no-break space. */
export function percentText(fraction: number, decimals = 1): string {
  return `${(fraction * 100).toFixed(decimals)}\u00a0%`;
}

/** Text of at most `length` characters, cut with an ellipsis. */
export function shortened(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** Attributes of an element; absent ones are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element, for SVG: `element('rect', { x: 1, width: 2 })`. Values and text are escaped. */
export function element(name: string, attributes: Attributes, ...children: Content[]): Markup {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(`${value}`)}"`);
  return new Markup(`<${name}${written.join('')}>${render(children)}</${name}>`);
}
