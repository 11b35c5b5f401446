// Names of weights: what they mean, and what is said to those that mean nothing.

import { expect, test } from 'vitest';
import { absoluteWeights, parseWeightsName } from '../../src/hub/weights-name.ts';

const digits = 'AB'.repeat(32);

test.each([
  ['none', { kind: 'none' }],
  ['net.pth', { kind: 'file', path: 'net.pth' }],
  ['./hf:odd/name', { kind: 'file', path: './hf:odd/name' }],
  ['hf:timm/resnet50.tv_in1k', { repository: 'timm/resnet50.tv_in1k', revision: 'main' }],
  ['hf:me/net/deep/w.safetensors@v1', { file: 'deep/w.safetensors', revision: 'v1' }],
  ['hf:me/net@refs/pr/1', { file: undefined, revision: 'refs/pr/1' }],
  [
    `https://host.org:81/a/net.pth#sha256=${digits}`,
    {
      url: 'https://host.org:81/a/net.pth',
      sha256: digits.toLowerCase(),
      place: 'host.org_81/a/net.pth',
    },
  ],
  [
    'https://download.pytorch.org/models/alexnet-owt-7be5be79.pth',
    { sha256: '7be5be79', place: 'download.pytorch.org/models/alexnet-owt-7be5be79.pth' },
  ],
  [
    `https://h.org/x/../net.bin?key=a/../b#sha256=${digits}`,
    { url: 'https://h.org/net.bin?key=a/../b', place: 'h.org/2ea9f44f-net.bin' },
  ],
])('%s', (name, parsed) => {
  expect(parseWeightsName(name)).toMatchObject(parsed);
});

test.each([
  ['hf:', /hf:<owner>\/<repository>/],
  ['hf:resnet50', /hf:<owner>/],
  ['hf:a/b/', /hf:<owner>/],
  ['hf:a/..', /hf:<owner>/],
  ['hf:../../etc', /hf:<owner>/],
  ['hf:a/b/../../../x', /hf:<owner>/],
  ['hf:a/b/.listing.json', /hf:<owner>/],
  ['hf:a/b@../..', /hf:<owner>/],
  ['hf:a/b@', /hf:<owner>/],
  [`hf:a/${'b'.repeat(300)}`, /hf:<owner>/],
  ['http://download.pytorch.org/models/alexnet-owt-7be5be79.pth', /begins with https/],
  ['ftp://host/net.pth', /begins with https/],
  [`https://me:word@host/net.pth#sha256=${digits}`, /holds no password/],
  ['https://', /begins with https/],
  ['https://host/net.pth', /the SHA-256 of its file/],
  ['https://host/net.pth#sha256=1234', /the SHA-256 of its file/],
  [`https://host/net.pth#md5=${digits}`, /the SHA-256 of its file/],
  [`https://host/.ssh/keys#sha256=${digits}`, /plain names between its slashes/],
  [`https://host/a//b#sha256=${digits}`, /plain names between its slashes/],
])('%s is refused', (name, message) => {
  expect(() => parseWeightsName(name)).toThrow(expect.objectContaining({ code: 'FM_CONFIG' }));
  expect(() => parseWeightsName(name)).toThrow(message);
  expect(() => parseWeightsName(name)).toThrow(/^weights: expected .*docs\/weights\.md/);
});

test('only paths become absolute', () => {
  expect(absoluteWeights('net.pth')).toBe(`${process.cwd()}/net.pth`);
  for (const name of ['none', '/net.pth', 'hf:a/b@v1', 'https://h/net-01234567.pth']) {
    expect(absoluteWeights(name)).toBe(name);
  }
});
