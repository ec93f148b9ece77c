import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startNetHttp2Server } from '../../src/transports/grpc/net-http2/net-http2-server.ts';
import type { GrpcServer } from '../../src/transports/grpc/service-table.ts';
import { createEchoService, type EchoService } from '../support/echo-service.ts';
import { run } from '../support/feast-session.ts';
import { projectRoot } from '../support/project-root.ts';
import { skipBecause } from '../support/skip-because.ts';

/** Exit status of scripts/setup-h2spec.sh where there is no compiler. */
const NO_COMPILER = 3;

/** How many tests each of h2spec's parts has: fewer would mean that some were left out. */
const parts = { generic: 44, hpack: 7, http2: 94 };

describe('h2spec against net-http2', function () {
  this.timeout(120_000);
  let echo: EchoService;
  let server: GrpcServer;

  before(async function () {
    const { status, output } = await run(join(projectRoot, 'scripts', 'setup-h2spec.sh'), []);
    if (status === NO_COMPILER) skipBecause(this, output.trim().split('\n').at(-1) ?? '');
    assert.equal(status, 0, output);
    echo = createEchoService();
    server = await startNetHttp2Server(echo.methods, echo.options());
  });
  after(() => server?.close(0));

  for (const [part, tests] of Object.entries(parts)) {
    it(`passes all ${tests} tests of the part ${part}`, async () => {
      const [host = '', port = ''] = server.address.split(':');
      const h2spec = join(projectRoot, '.tools', 'bin', 'h2spec');
      const { output } = await run(h2spec, [part, '-h', host, '-p', port, '-o', '5']);
      const summary = /^\d+ tests, .*$/m.exec(output)?.[0];
      const failures = output.slice(output.indexOf('Failures:'));
      assert.equal(summary, `${tests} tests, ${tests} passed, 0 skipped, 0 failed`, failures);
    });
  }

  it('leaves no call behind, and nothing that was not foreseen', () => {
    assert.equal(server.openCalls(), 0);
    assert.deepEqual(echo.failures, []);
  });
});
