import { writeFileSync } from 'node:fs';
import { definitionsJsonSchema } from '../src/definitions/definitions-json-schema.ts';

const file = new URL('../docs/reference/definitions.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(definitionsJsonSchema(), null, 2)}\n`);
