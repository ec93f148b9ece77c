import assert from 'node:assert/strict';
import type { JsonValue } from '@bufbuild/protobuf';
import { definitionsFromTexts } from '../../src/definitions/load-definitions.ts';
import {
  plainDefinitions,
  plainRegistry,
  type Twin,
  twinRegistry,
  twins,
  twinText,
} from '../support/definition-messages.ts';

/** Objects of the recorded registries that definitions in YAML cannot say, by twin. */
const beyondYaml: Readonly<Record<string, RegExp>> = {
  // On-demand views are Python; the service takes features of one.
  multiview: /^service odfv$/,
  // Sources of other systems, views over them, pre-computing and logging; the view stream_view and what is made of it.
  kitchen_sink:
    /^source (?:bq|kafka|kinesis|redshift|snowflake|pg|spark|review)_|^view (?!driver_stats$)|^service (?!svc_subset$)/,
};

/** A view that was applied again unchanged: Feast then writes its source anew, and forgets the class of it. */
const appliedAgain: Readonly<Record<string, string>> = { versioned: 'view other' };

describe('definitions in YAML', () => {
  for (const twin of twins) {
    it(`become the messages that Feast made of the definitions.py of ${twin.name}`, () => {
      const registry = twinRegistry(twin);
      const project = definitionsFromTexts([twinText(twin)], { name: twin.project }, { env: {}, registry });
      const ours = plainDefinitions(project);
      const feasts = plainRegistry(registry, twin.project);
      for (const [object, json] of ours) {
        const made = object === appliedAgain[twin.name] ? withoutSourceClass(json) : json;
        assert.deepEqual(made, feasts.get(object), object);
      }
      assert.deepEqual(missingFrom(twin, [...feasts.keys()], [...ours.keys()]), []);
      assert.ok(ours.size >= 5);
    });
  }
});

function missingFrom({ name }: Twin, feasts: readonly string[], ours: readonly string[]): readonly string[] {
  return feasts.filter((object) => !ours.includes(object) && beyondYaml[name]?.test(object) !== true);
}

function withoutSourceClass(json: JsonValue): JsonValue {
  const text = JSON.stringify(json);
  const without = text.replace('"dataSourceClassType":"feast.infra.offline_stores.file_source.FileSource",', '');
  assert.notEqual(without, text);
  return JSON.parse(without) as JsonValue;
}
