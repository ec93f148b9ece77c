import assert from 'node:assert/strict';
import { planText, type ShownPlan } from '../../src/cli/plan-text.ts';

const plan: ShownPlan = {
  project: 'p',
  registry: 'registry file r.db',
  store: 'redis',
  changes: [
    { action: 'create', kind: 'entity', name: 'e', fields: [] },
    {
      action: 'change',
      kind: 'feature view',
      name: 'v',
      fields: [{ field: 'description', from: 'a\u001b[31m\nb', to: 'x'.repeat(500) }],
    },
    { action: 'delete', kind: 'feature service', name: 's', fields: [] },
  ],
  tables: [{ action: 'leave', name: 't' }],
  notes: [],
};

describe('the text of a plan', () => {
  it('has colours on a terminal that has not declined them, and nowhere else', () => {
    const text = (stdoutIsTerminal: boolean, env: NodeJS.ProcessEnv = {}) => planText(plan, { stdoutIsTerminal, env });
    assert.ok(text(true).includes('\u001b[32m+ entity e\u001b[0m'));
    assert.ok(!text(true, { NO_COLOR: '1' }).includes('\u001b'));
    assert.ok(!text(false).includes('\u001b'));
  });

  it('shows values on one line, without control characters, and cut', () => {
    const text = planText(plan, { stdoutIsTerminal: false, env: {} });
    const line = text.split('\n').find((each) => each.includes('description:')) ?? '';
    assert.match(line, /^ {6}description: a\\u001b\[31m\\nb -> x{199}…$/);
  });

  it('counts, and says so when there is nothing', () => {
    assert.match(
      planText(plan, { stdoutIsTerminal: false, env: {} }),
      /\nPlan: 1 to create, 1 to change, 1 to delete\.$/,
    );
    const empty = { ...plan, changes: [] };
    assert.match(planText(empty, { stdoutIsTerminal: false, env: {} }), /^Nothing to change/);
  });
});
