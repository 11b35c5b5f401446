// Folder direction: a folder imports only from lower levels (ARCHITECTURE.md, "Folders").
const levels = [
  ['core'],
  ['graph', 'formats'],
  ['runtime', 'nn'],
  ['methods', 'data', 'hub', 'search'],
  ['recognise'],
  ['evaluate'],
  ['train'],
  ['compare', 'jobs', 'serve'],
  ['cli'],
];

/** A folder may import from itself and from lower levels; never from beside it, above, or index.ts. */
const directions = levels.flatMap((folders, level) =>
  folders.map((folder) => {
    const others = levels
      .slice(level)
      .flat()
      .filter((other) => other !== folder);
    const targets = [...others.map((other) => `${other}/`), 'index\\.ts', 'browser\\.ts'];
    return {
      name: `${folder}-imports-downward`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: `^src/(${targets.join('|')})` },
    };
  }),
);

/** Node's modules, by their names. */
const node = `^(${require('node:module')
  .builtinModules.filter((name) => !name.startsWith('_'))
  .join('|')})$`;

const only = (name, module, allowed) => ({
  name,
  severity: 'error',
  from: { path: '^src/', pathNot: allowed },
  to: { path: module },
});

module.exports = {
  forbidden: [
    ...directions,
    only('onnxruntime-in-runtime', 'node_modules/onnxruntime', '^src/runtime/'),
    only('sharp-in-data-image', 'node_modules/sharp', '^src/data/image/'),
    only('bmp-decoder-in-data-image', 'node_modules/@napi-rs', '^src/data/image/'),
    only('commander-in-cli', 'node_modules/commander', '^src/cli/'),
    {
      name: 'browser-safe-core',
      severity: 'error',
      from: { path: '^src/(core|graph|nn|methods)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-entry',
      comment: 'whatever src/browser.ts leads to knows neither Node nor what runs in Node only',
      severity: 'error',
      from: { path: '^src/browser\\.ts$' },
      to: { path: `${node}|node_modules/(sharp|@napi-rs|onnxruntime-node)/`, reachable: true },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
