import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type InfraObject, InfraObjectSchema } from '../../../gen/feast/core/InfraObject_pb.ts';
import type { RegistryDocument } from './registry-document.ts';
import { registryKinds } from './registry-kinds.ts';
import { type WireField, WireFields } from './wire-fields.ts';

/** Field of `feast.core.Infra` that lists its objects. */
const objectsField = 1;

/** What Feast 0.67 calls a table of its SQLite store. */
const sqliteTableClass = 'feast.infra.online_stores.sqlite.SqliteTable';

/**
 * Records which SQLite tables a project has, which Feast does for that store alone. Its `feast apply` drops recorded tables that
 * it does not expect, and tables that are recorded under another path than its own: so the names are those that it
 * expects (a view's plain name, whatever its versions), and what is recorded already is left as it stands.
 * @param path the database file, as Feast spells it
 */
export function recordSqliteTables(document: RegistryDocument, project: string, path: string): void {
  const wanted = new Set(viewsWithTables(document, project).map((view) => `${project}_${view}`));
  const infra = new WireFields(document.infra());
  const isOwn = ownTables(document, project);
  const present = new Set<string>();
  let changes = false;
  for (const field of infra.numbered(objectsField)) {
    const name = sqliteTableOf(field);
    if (name === undefined || !isOwn(name)) continue;
    present.add(name);
    if (wanted.has(name)) continue;
    infra.remove(field);
    changes = true;
  }
  for (const name of wanted) {
    if (present.has(name)) continue;
    infra.add(objectsField, toBinary(InfraObjectSchema, sqliteTable(name, path)));
    changes = true;
  }
  if (changes) document.setInfra(infra.toBytes());
}

/** Removes what is recorded of a project's SQLite tables. */
export function forgetSqliteTables(document: RegistryDocument, project: string): void {
  const infra = new WireFields(document.infra());
  const isOwn = ownTables(document, project);
  const own = infra.numbered(objectsField).filter((field) => isOwn(sqliteTableOf(field) ?? ''));
  for (const field of own) infra.remove(field);
  if (own.length > 0) document.setInfra(infra.toBytes());
}

/** Feast makes tables of all feature and stream views, and of label views that are online. */
function viewsWithTables(document: RegistryDocument, project: string): readonly string[] {
  const { featureView, streamFeatureView, labelView } = registryKinds;
  return [
    ...document.objects(featureView, project).map(({ message }) => message.spec?.name ?? ''),
    ...document.objects(streamFeatureView, project).map(({ message }) => message.spec?.name ?? ''),
    ...document.objects(labelView, project).flatMap(({ message }) => (message.spec?.online ? [message.spec.name] : [])),
  ];
}

/** Another project's name may begin with this one's. */
function ownTables(document: RegistryDocument, project: string): (table: string) => boolean {
  const others = document.projectNames().filter((name) => name.startsWith(`${project}_`));
  return (table) => table.startsWith(`${project}_`) && !others.some((other) => table.startsWith(`${other}_`));
}

function sqliteTableOf(field: WireField): string | undefined {
  const object = fromBinary(InfraObjectSchema, field.content ?? new Uint8Array()).infraObject;
  return object.case === 'sqliteTable' ? object.value.name : undefined;
}

function sqliteTable(name: string, path: string): InfraObject {
  return create(InfraObjectSchema, {
    infraObjectClassType: sqliteTableClass,
    infraObject: { case: 'sqliteTable', value: { name, path } },
  });
}
