// Makes JSON schemas for kubeconform: node kubernetes-schemas.mjs FOLDER SWAGGER CRD...
// SWAGGER is Kubernetes' own description of its API (OpenAPI 2), CRD the definition of a custom resource. There is one file for each kind,
// named as kubeconform asks for it: deployment-apps-v1.json. Fields that the API does not know are errors in them.
//   exit 4  this project's packages are not installed yet
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// CI installs the packages while this runs: whatever is wrong with them then is mended by the next run.
const { parse } = await import('yaml').catch(() => process.exit(4));
const [folder, swagger, ...customResources] = process.argv.slice(2);
/** Their documents take a number as well as a text, which OpenAPI 2 cannot say. */
const NUMBER_OR_TEXT = new Set([
  'io.k8s.apimachinery.pkg.api.resource.Quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
]);
const DEFINITIONS = '_definitions.json';

mkdirSync(folder, { recursive: true });
const { definitions } = JSON.parse(readFileSync(swagger, 'utf8'));
const strict = Object.fromEntries(
  Object.entries(definitions).map(([name, schema]) => [
    name,
    NUMBER_OR_TEXT.has(name) ? { type: ['string', 'number', 'null'] } : strictSchema(schema),
  ]),
);
write(DEFINITIONS, { definitions: strict });

let kinds = 0;
for (const [name, schema] of Object.entries(definitions)) {
  for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
    write(fileName(kind, group, version), { $ref: `${DEFINITIONS}#/definitions/${name}` });
    kinds++;
  }
}
for (const path of customResources) {
  const { group, names, versions } = parse(readFileSync(path, 'utf8')).spec;
  for (const { name, schema } of versions) {
    const whole = strictSchema(schema.openAPIV3Schema);
    // The API server itself describes it; here it is left open.
    whole.properties.metadata = { type: 'object' };
    write(fileName(names.kind, group, name), whole);
    kinds++;
  }
}
console.log(`kubernetes-schemas: ${kinds} kinds in ${folder}`);

function fileName(kind, group, version) {
  return `${[kind, group.split('.')[0], version]
    .filter((part) => part !== '')
    .join('-')
    .toLowerCase()}.json`;
}

/** Closed where it names its fields, and with null for a field that may be missing, as the API server takes it. */
function strictSchema(schema) {
  if (schema['x-kubernetes-int-or-string'] === true || schema.format === 'int-or-string') {
    return { type: ['string', 'integer', 'null'] };
  }
  const { format, ...rest } = schema;
  const strict = Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith('x-')));
  if (schema.properties !== undefined) {
    const required = new Set(schema.required ?? []);
    strict.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => {
        const own = strictSchema(property);
        return [name, typeof own.type === 'string' && !required.has(name) ? { ...own, type: [own.type, 'null'] } : own];
      }),
    );
    const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
    strict.additionalProperties ??= open;
  }
  for (const part of ['items', 'additionalProperties']) {
    if (typeof strict[part] === 'object') strict[part] = strictSchema(strict[part]);
  }
  return strict;
}

function write(name, schema) {
  writeFileSync(join(folder, name), JSON.stringify(schema));
}
