// The frame of a report: one HTML page that holds everything and fetches nothing.
import { type Content, html, Markup, preformatted } from './markup.ts';
import { REPORT_SCRIPT, REPORT_STYLE } from './report-style.ts';

/** What the page may do: show inline pictures, style and the sorting script; nothing else. */
const POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

export interface PageInput {
  readonly title: string;
  /** A line under the title. */
  readonly subtitle?: string;
  /** What the numbers say, in a sentence or two. */
  readonly lead: string;
  readonly body: Content;
  readonly footer: Content;
}

/** The page as text. All text of the input is escaped. */
export function renderPage({ title, subtitle, lead, body, footer }: PageInput): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title}</title>
<style>${new Markup(REPORT_STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
${subtitle !== undefined && html`<p class="quiet">${subtitle}</p>`}
<p class="lead">${lead}</p>
</header>
${body}
<footer>${footer}</footer>
</main>
<script>${new Markup(REPORT_SCRIPT)}</script>
</body>
</html>
`.text;
}

/** A card with a heading. */
export function section(title: string, ...content: Content[]): Markup {
  return html`<section><h2>${title}</h2>${content}</section>`;
}

/** A list of names and what they mean. */
export function definitions(entries: readonly (readonly [string, string])[]): Markup {
  const items = entries.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`);
  return html`<dl>${items}</dl>`;
}

/** A command line to be copied. */
export function commandBlock(command: string): Markup {
  return html`<pre class="command">${preformatted(command)}</pre>`;
}
