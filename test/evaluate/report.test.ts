import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { html, preformatted, shortened } from '../../src/evaluate/markup.ts';
import { type ReportInput, renderReport } from '../../src/evaluate/report.ts';
import { trainingCharts } from '../../src/evaluate/report-curves.ts';
import { summarise } from '../../src/evaluate/summary.ts';

const HOSTILE = `"><img src=x onerror=alert(1)></script><script>alert('&')</script>`;
const VOID = new Set(['meta', 'input', 'img', 'br', '!doctype']);

/** An evaluation over k classes, three images each, some wrong. */
function evaluationOf(classes: readonly string[]) {
  const k = classes.length;
  const labels = Array.from({ length: 3 * k }, (_, i) => i % k);
  const stream = randomStream(3, 'report', k);
  const logits = Float32Array.from(
    { length: labels.length * k },
    (_, j) => stream.normal() + (j % k === labels[Math.floor(j / k)] ? 2 : 0),
  );
  const hierarchy = [
    { name: classes[0], names: ['a', 'b'], ofClass: classes.map((_, i) => i % 2) },
  ];
  const ids = labels.map((label, i) => `${classes[label]}/${i}.jpg`);
  return summarise({ logits, labels, classes, hierarchy, temperature: 1.3, split: 'val', ids });
}

function inputOf(classes: readonly string[]): ReportInput {
  const [truth, answer] = [classes[0], classes.at(-1)!];
  return {
    title: classes[0],
    subtitle: classes[0],
    evaluation: evaluationOf(classes),
    training: [
      { step: 1, loss: 2, lr: 0.1, stage: 'head', valTop1: 0.1 },
      { step: 2, loss: 1, lr: 0.1, stage: classes[0], valTop1: 0.4 },
    ],
    gallery: [
      { id: classes[0], truth, answer, confidence: 0.4, image: Uint8Array.of(255, 216, 255) },
      { id: 'remote', truth, answer: truth, confidence: 1, image: 'https://example.org/a.jpg' },
    ],
    config: { data: classes[0], nested: { list: [1, 2] } },
    recipe: { stages: { all: { rate: 0.125 } } },
    command: `fieldmark train --data '${classes[0]}'`,
    environment: { node: 'v20', [classes[0]]: classes[0] },
    licence: classes[0],
    next: [{ command: classes[0], why: classes[0] }],
  };
}

function withoutScript(page: string): string {
  return page.replace(/<(script|style)>[\s\S]*?<\/\1>/g, '<$1></$1>');
}

/** Tags in the order of the page, `</b>` as `/b`; fails unless they nest. */
function tagsOf(page: string): string[] {
  const body = withoutScript(page);
  const tags: string[] = [];
  const open: string[] = [];
  for (const [, slash, name, rest] of body.matchAll(
    /<(\/?)([a-zA-Z!][\w]*)((?:"[^"]*"|[^">])*)>/g,
  )) {
    tags.push(slash + name);
    if (VOID.has(name) || rest.endsWith('/')) continue;
    if (slash === '') open.push(name);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
  return tags;
}

describe('report', () => {
  test.each([1, 2, 5, 20, 21, 40, 41, 200])('is well formed for %d classes', (k) => {
    const page = renderReport(inputOf(Array.from({ length: k }, (_, i) => `Species ${i + 1}`)));
    const tags = tagsOf(page);
    expect(tags.filter((tag) => tag === 'section').length).toBeGreaterThanOrEqual(7);
    expect(withoutScript(page)).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(page.includes('class="hit"')).toBe(k <= 40);
  });

  test('escapes hostile text everywhere', () => {
    const page = renderReport(inputOf([HOSTILE, `${HOSTILE}2`]));
    const plain = renderReport(inputOf(['Plain', 'Plain2']));
    expect(tagsOf(page)).toEqual(tagsOf(plain));
    expect(page).not.toContain('<img src=x');
    expect(page.match(/<script>/g)).toHaveLength(1);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
  });

  test('fetches nothing: pictures are inline or missing', () => {
    const page = renderReport(inputOf(['a', 'b']));
    expect(page).toContain('src="data:image/jpeg;base64,/9j/"');
    expect(page).toContain('no picture');
    expect(page).not.toMatch(/(?:src|href)="(?!data:)|url\(|@import|https?:/);
    expect(page).toContain('default-src &#39;none&#39;');
  });

  test('repeats exactly, and stands with the evaluation alone', () => {
    const input = inputOf(['a', 'b', 'c']);
    expect(renderReport(input)).toBe(renderReport(input));
    expect(renderReport(input)).toContain('&quot;rate&quot;: 0.125');
    const bare = renderReport({ title: 'Bare', evaluation: input.evaluation });
    tagsOf(bare);
    expect(bare).not.toContain('Repeat this run');
    expect(bare).not.toContain('<h2>Training</h2>');
  });
});

describe('training charts', () => {
  test('draw only what was recorded', () => {
    expect(trainingCharts([])).toHaveLength(0);
    expect(trainingCharts([{ step: 0 }])).toHaveLength(0);
    expect(trainingCharts([{ step: 0, loss: Number.NaN }])).toHaveLength(0);
    expect(
      trainingCharts([
        { step: 5, loss: 0.3 },
        { step: 6, valTop1: 0.5 },
      ]),
    ).toHaveLength(2);
  });

  test('hold finite coordinates whatever the values', () => {
    const value = fc.option(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { nil: undefined });
    const point = fc.record({ step: fc.nat(100_000), loss: value, lr: value, valTop1: value });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 30 }), (points) => {
        const text = trainingCharts(points).join('');
        expect(text).not.toMatch(/NaN|Infinity|undefined/);
        expect(text.length).toBeLessThan(40_000);
      }),
    );
  });

  test('thin out a long line', () => {
    const points = Array.from({ length: 100_000 }, (_, step) => ({ step, loss: 1 / (step + 1) }));
    expect(trainingCharts(points).join('').length).toBeLessThan(12_000);
  });
});

describe('markup', () => {
  test('escapes text, keeps markup, drops what is absent', () => {
    const name = '<b>&"\'';
    expect(`${html`<i>${name}</i>${[html`<u>${1}</u>`, null, false, undefined]}`}`).toBe(
      '<i>&lt;b&gt;&amp;&quot;&#39;</i><u>1</u>',
    );
    expect(`${preformatted('a\n<b>')}`).toBe('a\n&lt;b&gt;');
    expect(shortened('Albatross', 5)).toBe('Alba…');
  });
});

test('retrieval is reported where it was asked for', () => {
  const input = inputOf(['a', 'b', 'c']);
  expect(renderReport(input)).not.toContain('Retrieval');
  const retrieval = {
    queries: 9,
    recall: { 1: 0.5, 2: 0.625, 4: 0.75, 8: 1 },
    map: 0.4,
    mapAtR: 0.3,
    levels: {},
  };
  const genus = { ...retrieval, map: 0.875 };
  const page = renderReport({ ...input, evaluation: { ...input.evaluation, retrieval } });
  expect(page).toContain('<h2>Retrieval</h2>');
  expect(page).toMatch(/62\.5\s*% at 2/);
  const withLevels = { ...retrieval, levels: { genus } };
  const evaluation = { ...input.evaluation, retrieval: withLevels };
  expect(renderReport({ ...input, evaluation })).toMatch(/Level genus<\/h3>[\s\S]*87\.5/);
});
