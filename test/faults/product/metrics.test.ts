import assert from 'node:assert/strict';
import { metricsFromText } from './metrics.ts';

const metrics = metricsFromText(`# TYPE sideboard_connections gauge
sideboard_connections 3
sideboard_event_loop_delay_seconds{quantile="0.99"} 0.012
sideboard_store_retries_total{store="redis",result="granted"} 4
sideboard_store_retries_total{store="redis",result="denied"} 2
`);

describe('metrics as rows read them', () => {
  it('are found by name and labels, and added up', () => {
    assert.equal(metrics.value('sideboard_connections'), 3);
    assert.equal(metrics.value('sideboard_event_loop_delay_seconds', { quantile: '0.99' }), 0.012);
    assert.equal(metrics.sum('sideboard_store_retries_total', { result: 'granted' }), 4);
    assert.equal(metrics.sum('sideboard_store_retries_total'), 6);
  });

  it('are 0 for a counter that is not there yet, and never for a gauge', () => {
    assert.equal(metrics.value('sideboard_registry_refreshes_total', { result: 'failed' }), 0);
    assert.throws(() => metrics.value('sideboard_store_breaker_state'), /does not have sideboard_store_breaker_state/);
    assert.throws(() => metrics.value('sideboard_event_loop_delay_seconds', { quantile: '0.999' }), /quantile/);
  });
});
