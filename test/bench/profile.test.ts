import assert from 'node:assert/strict';
import { type CpuProfile, selfTimesBetween } from '../../bench/profile/cpu-profile.ts';
import { groupSelfTimes } from '../../bench/profile/groups.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 9 });

/** root > getOnlineFeatures > encodeAnswer > copyBytes; root > onread (Node); root > idle, gc */
const profile: CpuProfile = {
  startTime: 1_000,
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 5, 6, 7] },
    { id: 2, callFrame: frame('getOnlineFeatures', 'file:///app/dist/src/serving/online-features.js'), children: [3] },
    { id: 3, callFrame: frame('encodeAnswer', 'file:///app/dist/src/serving/answer.js'), children: [4] },
    { id: 4, callFrame: frame('copyBytes', 'file:///app/dist/src/encoding/wire.js') },
    { id: 5, callFrame: frame('onread', 'node:net') },
    { id: 6, callFrame: frame('(idle)') },
    { id: 7, callFrame: frame('(garbage collector)') },
  ],
  samples: [4, 3, 5, 6, 7, 2],
  timeDeltas: [100, 100, 100, 100, 100, 100],
};

describe('a CPU profile', () => {
  it('is added up by the part of the way that a function, or whoever called it, belongs to', () => {
    const { groups } = groupSelfTimes(selfTimesBetween(profile, 0, 10_000));
    const share = Object.fromEntries(groups.map((each) => [each.group, each.share]));
    assert.deepEqual(share, { answer: 0.4, node: 0.2, idle: 0.2, gc: 0.2, serving: 0 });
  });

  it('counts only what was sampled in the window', () => {
    const times = selfTimesBetween(profile, 1_150, 1_350);
    assert.deepEqual(
      times.map(({ stack, micros }) => [stack[0]?.functionName, micros]),
      [
        ['encodeAnswer', 100],
        ['onread', 50],
      ],
    );
  });

  it('names functions by their place in the program, without the folder that it is installed in', () => {
    const { functions } = groupSelfTimes(selfTimesBetween(profile, 0, 10_000));
    const names = functions.map(({ name }) => name);
    assert.ok(names.includes('copyBytes src/encoding/wire.js:10'));
    assert.ok(names.includes('onread node:net:10'));
    assert.ok(!names.includes('(idle)'));
  });
});
