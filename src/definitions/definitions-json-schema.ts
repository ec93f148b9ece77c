import { z } from 'zod';
import { surrogateAlgorithms } from '../config/entity-key-schema.ts';
import { definitionsSchema } from './definitions-schema.ts';
import { surrogateKeySchema } from './surrogate-key.ts';

/** What the schemas register for errors and documentation, and JSON Schema has no keyword for. */
const OWN_KEYWORDS = ['expected'];

/** JSON Schema (2020-12) of a file of definitions, for editors. It knows keys and types; references it does not check. */
export function definitionsJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(definitionsSchema, {
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      for (const keyword of OWN_KEYWORDS) delete jsonSchema[keyword];
      if (zodSchema !== surrogateKeySchema) return;
      const algorithm = jsonSchema.properties?.algorithm;
      if (typeof algorithm === 'object') algorithm.enum = [...surrogateAlgorithms];
    },
  });
  // A section that is left empty counts as missing.
  const sections = Object.entries(schema.properties ?? {}).map(([name, section]) => [
    name,
    { anyOf: [section, { type: 'null' }] },
  ]);
  return { ...schema, title: 'Definitions of a Sideboard project', properties: Object.fromEntries(sections) };
}
