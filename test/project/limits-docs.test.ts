import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sideboardSchema } from '../../src/config/sideboard-schema.ts';
import { limitNames } from '../../src/operations/metrics/limit-metrics.ts';
import { metrics } from '../../src/operations/metrics/metric-catalogue.ts';
import { MAX_COLUMNS, MAX_LIST_PARTS } from '../../src/serving/request.ts';
import { servingErrors } from '../../src/serving/serving-error.ts';
import { storeErrors } from '../../src/stores/store-error.ts';
import { MAX_WATCHES } from '../../src/transports/grpc/health-service.ts';
import { http2Limits } from '../../src/transports/grpc/http2-limits.ts';
import { netHttp2Limits } from '../../src/transports/grpc/net-http2/net-http2-limits.ts';
import { transportErrors } from '../../src/transports/transport-error.ts';
import { projectRoot } from '../support/project-root.ts';

const page = readFileSync(join(projectRoot, 'docs', 'reference', 'limits.md'), 'utf8');
const rows = [...page.matchAll(/^\| [^|]+ \| `([a-z_.]+)` \| (\d+) \| [^|]+ \| (\S+) \| `(\w+)` \| `(\S+)` \|$/gm)].map(
  ([, setting = '', value, code = '', metric = '', test = '']) => {
    return { setting, value: Number(value), code: code.replaceAll('`', ''), metric, test };
  },
);
/** Those that nobody can configure. */
const fixed = [...page.matchAll(/^\| [^|]+ \| ([\d][^`|]*) \| [^|]+ \| (\S+) \| `(\w+)` \| `(\S+)` \|$/gm)].map(
  ([, value = '', code = '', metric = '', test = '']) => ({ value, code: code.replaceAll('`', ''), metric, test }),
);
const codes = new Set(Object.keys({ ...servingErrors, ...storeErrors, ...transportErrors }));
const defaults = sideboardSchema.parse({}) as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const camelCase = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The settings of these sections that are numbers. */
function numbersOf(...sections: readonly string[]): readonly string[] {
  return sections.flatMap((section) =>
    Object.entries(defaults[section] ?? {})
      .filter(([, value]) => typeof value === 'number')
      .map(([key]) => `${section}.${key}`),
  );
}

describe('docs/reference/limits.md', () => {
  for (const { setting, value, code, metric, test } of rows) {
    it(`gives ${setting} as the code has it`, () => {
      const [section = '', key = ''] = setting.split('.');
      assert.equal(defaults[section]?.[key], value);
      assert.ok(code === '–' || codes.has(code), code);
      assert.ok(limitNames.includes(metric) || metric in metrics, metric);
      assert.ok(existsSync(join(projectRoot, test)), test);
      const text = readFileSync(join(projectRoot, test), 'utf8').toLowerCase();
      const signs = [key, camelCase(key), camelCase(key.replace('max_', '')), code, metric].filter(
        (sign) => sign !== '–',
      );
      assert.ok(
        signs.some((sign) => text.includes(sign.toLowerCase())),
        `${test} says nothing of ${signs.join(', ')}`,
      );
    });
  }

  for (const { value, code, metric, test } of fixed) {
    it(`names code, metric and test of the limit of ${value}`, () => {
      assert.ok(code === '–' || codes.has(code), code);
      assert.ok(limitNames.includes(metric), metric);
      const text = readFileSync(join(projectRoot, test), 'utf8');
      assert.ok(text.includes(code === '–' ? `'${metric}'` : code), `${test} says nothing of ${metric}`);
    });
  }

  it('gives the values of those that cannot be configured as the code has them', () => {
    const { resetsAtOnce, resetsPerSecond, idleFramesAtOnce, idleFramesPerSecond } = netHttp2Limits;
    const { maxHeaderBlockBytes, maxHeaderFrames, settingsTimeoutMs } = netHttp2Limits;
    const count = (value: number): string => value.toLocaleString('en');
    assert.deepEqual(
      fixed.map(({ value }) => value),
      [
        count(MAX_COLUMNS),
        count(MAX_LIST_PARTS),
        count(MAX_WATCHES),
        `${count(resetsAtOnce)} at once, ${count(resetsPerSecond)} a second`,
        `${count(idleFramesAtOnce)} at once, ${count(idleFramesPerSecond)} a second`,
        `${count(maxHeaderBlockBytes)} bytes in ${maxHeaderFrames} frames`,
        `${settingsTimeoutMs / 1000} s`,
      ],
    );
  });

  it('has every limit that is configured', () => {
    assert.deepEqual(
      rows.map(({ setting }) => setting).sort(),
      numbersOf('serving', 'grpc', 'breaker', 'retries', 'ingest')
        // A cache, and no limit of what callers may do; and how long the store may take, which is a deadline of ours.
        .filter((setting) => !['serving.plan_cache_size', 'ingest.batch_timeout_ms'].includes(setting))
        .sort(),
    );
  });

  it('has every limit that is counted', () => {
    const named = new Set([...rows, ...fixed].map(({ metric }) => metric));
    assert.deepEqual(
      limitNames.filter((name) => !named.has(name)),
      [],
    );
  });

  it('has defaults for servers that nobody configures that are those of the settings', () => {
    assert.deepEqual(
      {
        max_metadata_bytes: http2Limits.maxHeaderBytes,
        max_connections: http2Limits.maxConnections,
        max_connection_age_ms: http2Limits.connectionAgeMs,
        max_connection_age_grace_ms: http2Limits.connectionAgeGraceMs,
        max_connection_idle_ms: http2Limits.connectionIdleMs,
        keepalive_ms: http2Limits.keepaliveMs,
        keepalive_timeout_ms: http2Limits.keepaliveTimeoutMs,
        min_ping_interval_ms: http2Limits.minPingIntervalMs,
      },
      Object.fromEntries(
        Object.entries(defaults.grpc ?? {}).filter(([key]) =>
          /^max_metadata|^max_connection|^keepalive|^min_ping/.test(key),
        ),
      ),
    );
  });
});
