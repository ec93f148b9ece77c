import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createRegistryCopy } from '../../src/registry/registry-copy.ts';
import { RegistryError, type RegistryErrorCode } from '../../src/registry/registry-error.ts';
import { openRegistry, type RegistryHolder, type RegistryOptions } from '../../src/registry/registry-holder.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import type { RegistrySource } from '../../src/registry/registry-source.ts';
import { type SwitchableProxy, startSwitchableProxy } from './switchable-proxy.ts';
import { useTempFolder } from './temp-folder.ts';

/** A server that holds a registry, as the suite needs it. */
export interface RegistryServerUnderTest {
  readonly port: number;
  /** A source that reads from the server at `port`: its own, or that of a proxy in front of it. */
  source(port: number): RegistrySource;
  /** Puts `first` there, `changed`, or something that is not a registry. */
  publish(what: 'first' | 'changed' | 'damaged'): Promise<void>;
  /** Removes it. Not called where the suite is `shielded`, as `damaged` is not asked for then. */
  remove(): Promise<void>;
}

export interface RegistrySourceSuite {
  readonly server: () => RegistryServerUnderTest;
  readonly project: string;
  /** What `first` and `changed` hold, as read from a file. */
  readonly expected: () => Readonly<Record<'first' | 'changed', RegistrySnapshot>>;
  /** Whether the source can tell without reading it all that nothing has changed. Default true. */
  readonly conditional?: boolean;
  /** Whether a server stands in between that goes on with its own last good registry when the one it reads is gone. */
  readonly shielded?: boolean;
}

export function hasRegistryCode(code: RegistryErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RegistryError, String(error));
    assert.equal(error.code, code, error.describe());
    assert.match(error.describe(), message);
    return true;
  };
}

/** What callers can see of a snapshot. */
export function contentOf({ project, views, services, entities, permissions }: RegistrySnapshot): object {
  const sorted = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  const rules = new Map(permissions.map((each) => [each.name, each]));
  return {
    project,
    views: sorted(views),
    services: sorted(services),
    entities: sorted(entities),
    permissions: sorted(rules),
  };
}

/** What every source of registries has to do, whatever it reads from. */
export function testRegistrySource(suite: RegistrySourceSuite): void {
  const folder = useTempFolder();
  const holders: RegistryHolder[] = [];
  let proxy: SwitchableProxy;
  let warnings: string[];

  beforeEach(async () => {
    warnings = [];
    proxy = await startSwitchableProxy(suite.server().port);
    await suite.server().publish('first');
  });

  afterEach(async () => {
    await Promise.all(holders.splice(0).map((holder) => holder.close()));
    await proxy.close();
  });

  async function open(options: Partial<RegistryOptions> = {}): Promise<RegistryHolder> {
    const source = suite.server().source(proxy.port);
    const holder = await openRegistry({
      source,
      project: suite.project,
      cacheTtlSeconds: 0,
      warn: (message) => warnings.push(message),
      ...options,
    });
    holders.push(holder);
    return holder;
  }

  function copy() {
    const path = join(folder(), 'copy');
    const source = suite.server().source(proxy.port).describe();
    return createRegistryCopy({ path, project: suite.project, source, maxBytes: 2 ** 20 });
  }

  it('serves what a registry file serves', async () => {
    const holder = await open();
    assert.deepEqual(contentOf(holder.current()), contentOf(suite.expected().first));
    assert.equal(holder.status().origin, 'source');
    assert.deepEqual(warnings, []);
  });

  it('notices a change, and that there is none', async () => {
    const holder = await open();
    assert.equal(await holder.refresh(), 'unchanged');
    await suite.server().publish('changed');
    assert.equal(await holder.refresh(), 'swapped');
    assert.deepEqual(contentOf(holder.current()), contentOf(suite.expected().changed));
    assert.equal(await holder.refresh(), 'unchanged');
  });

  if (suite.conditional !== false) {
    it('says so when the registry is the one that the caller has', async () => {
      const source = suite.server().source(proxy.port);
      try {
        const first = await source.load();
        assert.ok(first !== 'unchanged' && first.token !== undefined);
        assert.equal(await source.load({ previous: first.token }), 'unchanged');
        await suite.server().publish('changed');
        const second = await source.load({ previous: first.token });
        assert.ok(second !== 'unchanged');
        assert.notEqual(second.token, first.token);
      } finally {
        await source.close();
      }
    });
  }

  it('keeps the last good one while it is damaged, missing, cut off or silent, and recovers', async () => {
    const holder = await open({ loadTimeoutMs: 1_000 });
    if (suite.shielded !== true) {
      await suite.server().publish('damaged');
      await assert.rejects(holder.refresh(), hasRegistryCode('REGISTRY_CORRUPT'));
      await suite.server().remove();
      await assert.rejects(holder.refresh(), hasRegistryCode('REGISTRY_NOT_FOUND'));
    }
    proxy.switchTo('cut');
    await assert.rejects(holder.refresh(), RegistryError);
    proxy.switchTo('silent');
    await assert.rejects(holder.refresh(), hasRegistryCode('REGISTRY_TIMEOUT', /took over 1000 ms/));
    assert.deepEqual(contentOf(holder.current()), contentOf(suite.expected().first));
    assert.equal(holder.status().failures, suite.shielded === true ? 2 : 4);
    proxy.switchTo('pass');
    await suite.server().publish('changed');
    assert.equal(await holder.refresh(), 'swapped');
    assert.deepEqual(contentOf(holder.current()), contentOf(suite.expected().changed));
  });

  it('gives a coded error at start while the server is gone, and one while it is silent', async () => {
    proxy.switchTo('cut');
    await assert.rejects(open(), hasRegistryCode('REGISTRY_UNREADABLE'));
    proxy.switchTo('silent');
    const started = performance.now();
    await assert.rejects(open({ loadTimeoutMs: 300 }), hasRegistryCode('REGISTRY_TIMEOUT'));
    assert.ok(performance.now() - started < 10_000);
  });

  it('starts from the copy while the server is gone, and from the server once it is back', async () => {
    const writing = await open({ copy: copy() });
    await writing.close();
    proxy.switchTo('cut');
    const holder = await open({ copy: copy() });
    assert.deepEqual(contentOf(holder.current()), contentOf(suite.expected().first));
    const { origin, failures, lastError } = holder.status();
    assert.deepEqual([origin, failures], ['snapshot', 1]);
    assert.ok(lastError instanceof RegistryError);
    assert.match(warnings.join('\n'), /Serving its copy .*, \d+ s old/);
    proxy.switchTo('pass');
    assert.equal(await holder.refresh(), 'unchanged');
    assert.equal(holder.status().origin, 'source');
  });
}
