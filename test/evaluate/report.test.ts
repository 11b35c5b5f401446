import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { html, preformatted, shortened } from '../../src/evaluate/markup.ts';
import { type ReportInput, renderReport } from '../../src/evaluate/report.ts';
import {
  type TrainingPhase,
  type TrainingPoint,
  trainingCharts,
} from '../../src/evaluate/report-curves.ts';
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
      {
        name: 'head',
        refit: false,
        epochs: 1,
        points: [{ epoch: 1, loss: 2, lr: 0.1, valTop1: 0.1 }],
      },
      {
        name: classes[0],
        refit: true,
        epochs: 1,
        points: [{ epoch: 1, loss: 1, lr: 0.1, valTop1: 0.4 }],
      },
    ],
    gallery: [
      {
        id: classes[0],
        truth,
        answers: [{ name: answer, confidence: 0.4 }],
        headings: [classes[0]],
        again: true,
        image: Uint8Array.of(255, 216, 255),
      },
      {
        id: 'remote',
        truth,
        answers: [{ name: truth, confidence: 1 }],
        headings: [],
        again: false,
        image: 'https://example.org/a.jpg',
      },
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
    const harmless = HOSTILE.replaceAll(/[<>"'&]/g, 'x');
    const plain = renderReport(inputOf([harmless, `${harmless}2`]));
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

test('class names are shown without underscores, and looked up with them', () => {
  const page = withoutScript(renderReport(inputOf(['Red_winged_Blackbird', 'Groove_billed_Ani'])));
  const body = page
    .slice(0, page.indexOf('Repeat this run'))
    .replace(/<h1>.*<\/h1>|<p class="quiet">Red_winged_Blackbird<\/p>/g, '');
  const left = [...body.matchAll(/>([^<]*_[^<]*)</g)].map(([, text]) => text);
  // ids are paths; stage, level and commands are as they were written in the input above
  expect(left.filter((text) => !/\.jpg|^Red_winged_Blackbird$|^refit|^Right /.test(text))).toEqual(
    [],
  );
  expect(body).toContain('Groove billed Ani');
  expect(body).toMatch(/<b class="wrong">Groove billed Ani<\/b>, in truth <b>Red winged Blackbird/);
});

test('the words of a card are the page’s own, and its frames are explained', () => {
  const input = inputOf(['Sooty', 'Laysan']);
  const page = renderReport(input);
  for (const words of ['what the network saw', 'box around it', 'where it looked again']) {
    expect(page.split(`>${words}<`)).toHaveLength(2);
  }
  expect(page).toContain('<div class="panels"><span>Sooty</span></div>');
  expect(page).toContain('A click on a picture shows it over the whole width.');
  expect(page).toMatch(
    /<span>Sooty<\/span><span class="meter"><span style="width:100.0%"><\/span><\/span><span class="num">&gt; 99.9 %/,
  );
});

describe('training charts', () => {
  const part = (points: readonly TrainingPoint[], name = 'all', epochs = 10): TrainingPhase => ({
    name,
    refit: false,
    epochs,
    points,
  });

  test('draw only what was recorded', () => {
    expect(trainingCharts([])).toHaveLength(0);
    expect(trainingCharts([part([])])).toHaveLength(0);
    expect(trainingCharts([part([{ epoch: 0 }])])).toHaveLength(0);
    expect(trainingCharts([part([{ epoch: 0, loss: Number.NaN }])])).toHaveLength(0);
    const points = [
      { epoch: 5, loss: 0.3 },
      { epoch: 6, valTop1: 0.5 },
    ];
    expect(trainingCharts([part(points)])).toHaveLength(2);
  });

  test('name the stages below the axis, mark where one begins, and join nothing across', () => {
    const head = part(
      [
        { epoch: 1, valTop1: 0.2 },
        { epoch: 100, valTop1: 0.8 },
      ],
      'head',
      100,
    );
    const all = part(
      [
        { epoch: 1, valTop1: 0.7 },
        { epoch: 2, valTop1: 0.9 },
      ],
      'all',
      2,
    );
    const [chart] = trainingCharts([head, all]).map(String);
    const paths = [...chart.matchAll(/class="line s0" d="([^"]+)"/g)].map(([, d]) => d);
    expect(paths).toHaveLength(2);
    const [border, ...more] = numbersOf(chart, /<line class="stage" x1="([\d.]+)"/g);
    expect(new Set(more)).toEqual(new Set([border]));
    const xs = paths.map((d) => numbersOf(d, /[ML]([\d.]+) /g));
    expect(Math.max(...xs[0])).toBeLessThanOrEqual(border);
    expect(Math.min(...xs[1])).toBeGreaterThan(border);
    // names and numbers stand below everything that is drawn
    const drawn = Math.max(...paths.flatMap((d) => numbersOf(d, / ([\d.]+)/g)));
    const names = [...chart.matchAll(/class="tick band"[^>]* y="([\d.]+)"><title>(\w+)/g)];
    expect(names.map(([, , name]) => name)).toEqual(['head', 'all']);
    for (const [, y] of names) expect(Number(y)).toBeGreaterThan(drawn + 10);
  });

  test('keep the numbers below the axis apart, however many stages', () => {
    for (const n of [1, 2, 3, 7, 12, 40]) {
      const parts = Array.from({ length: n }, (_, i) =>
        part([{ epoch: 1, loss: 1 }], `a stage of a long name ${i}`, (i * 37) % 101 || 1),
      );
      const [chart] = trainingCharts(parts).map(String);
      const at = numbersOf(chart, /class="tick" text-anchor="middle" x="([\d.]+)"/g);
      expect(at.length).toBeGreaterThan(0);
      at.forEach((x, i) => {
        expect(x - (at[i - 1] ?? 0)).toBeGreaterThanOrEqual(26);
        expect(x).toBeLessThanOrEqual(408);
      });
    }
  });

  test('draw the held-out loss beside that of training, each in its colour', () => {
    const both = part([{ epoch: 1, loss: 2, valLoss: 2.5 }]);
    const [chart] = trainingCharts([both]).map(String);
    expect(chart).toMatch(/line s1"[^>]*><\/line><text class="tick"[^>]*>training/);
    expect(chart).toMatch(/line s0"[^>]*><\/line><text class="tick"[^>]*>held-out/);
    const [alone] = trainingCharts([part([{ epoch: 1, loss: 2 }])]).map(String);
    expect(alone).toContain('line s1');
    expect(alone).not.toContain('line s0');
  });

  test('hold finite coordinates whatever the values', () => {
    const value = fc.option(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { nil: undefined });
    const point = fc.record({
      epoch: fc.nat(100),
      loss: value,
      lr: value,
      valTop1: value,
      valLoss: value,
    });
    const one = fc.record({
      name: fc.string(),
      refit: fc.boolean(),
      epochs: fc.integer({ min: 1, max: 100 }),
      points: fc.array(point, { maxLength: 30 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 5 }), (parts) => {
        const text = trainingCharts(parts).join('');
        expect(text).not.toMatch(/NaN|Infinity|undefined/);
        expect(text.length).toBeLessThan(60_000);
      }),
    );
  });

  test('thin out a long line', () => {
    const points = Array.from({ length: 100_000 }, (_, i) => ({
      epoch: i / 10_000,
      loss: 1 / (i + 1),
    }));
    expect(trainingCharts([part(points)]).join('').length).toBeLessThan(12_000);
  });
});

function numbersOf(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map(([, n]) => Number(n));
}

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
