import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../support/project-root.ts';

interface Service {
  readonly image?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly mem_limit?: string;
}

/** That its services run is shown by `npm run test:container`. */
describe('docker/compose.yaml', () => {
  const text = readFileSync(join(projectRoot, 'docker/compose.yaml'), 'utf8');
  const { services }: { services: Readonly<Record<string, Service>> } = parse(text, { merge: true });

  it('gives the heap at most six tenths of the memory that a service may have', () => {
    const limited = Object.entries(services).filter(([, service]) => service.mem_limit !== undefined);
    assert.deepEqual(
      limited.map(([name]) => name),
      ['serve'],
    );
    for (const [, { mem_limit: limit = '', environment = {} }] of limited) {
      const heap = Number(/--max-old-space-size=(\d+)/.exec(environment.NODE_OPTIONS ?? '')?.[1]);
      assert.ok(heap <= Number(/^(\d+)m$/.exec(limit)?.[1]) * 0.6, `${heap} of ${limit}`);
    }
  });

  it('gives each container of Sideboard the address that its configuration asks for', () => {
    const own = Object.values(services).filter(({ image }) => image === 'sideboard');
    assert.ok(own.length >= 5);
    for (const { environment } of own) assert.equal(environment?.REDIS_ADDRESS, 'redis:6379');
  });
});
