import { randomUUID } from 'node:crypto';
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { RegistryError } from '../registry-error.ts';
import { type RegistryKind, registryKinds, versionRecordKind } from './registry-kinds.ts';
import { type WireField, WireFields } from './wire-fields.ts';

/** `registry_schema_version`, `version_id`, `last_updated`, `infra` and `feature_view_version_history` of the registry. */
const fields = { schemaVersion: 3, versionId: 4, lastUpdated: 5, infra: 10, history: 18 } as const;

/** `registry_schema_version` that Feast writes today, and the newest whose rules for writing are known. */
const schemaVersion = '1';

/** An object of a registry. */
export interface RegistryObject<T extends DescMessage> {
  readonly kind: RegistryKind<T>;
  readonly field: WireField;
  readonly message: MessageShape<T>;
}

/**
 * A registry that is being changed object by object. Every other byte of it stays what it was: objects of other projects and kinds,
 * fields that a later Feast added, and the order of all of them.
 */
export class RegistryDocument {
  readonly #fields: WireFields;
  readonly #history: WireFields;
  readonly #source: string;
  readonly #decoded = new WeakMap<WireField, unknown>();
  readonly #indexes = new Map<number, Index>();
  #historyChanged = false;

  /**
   * @param bytes a serialized `feast.core.Registry`, `undefined` for a new one
   * @param source what messages call it
   * @throws RegistryError `REGISTRY_CORRUPT`, `REGISTRY_NOT_WRITABLE` for a registry of a later layout
   */
  constructor(bytes: Uint8Array | undefined, source: string) {
    this.#source = source;
    if (bytes?.length === 0) throw corrupt(source, 'is empty');
    try {
      this.#fields = new WireFields(bytes ?? new Uint8Array());
      // A message that stands twice means both parts together.
      const parts = this.#fields.numbered(fields.history).map((field) => field.content ?? new Uint8Array());
      this.#history = new WireFields(Buffer.concat(parts));
    } catch (cause) {
      throw corrupt(source, 'is cut off or not a Feast registry', cause);
    }
    this.#assertWhole();
    this.#assertKnownSchema();
    if (bytes === undefined) this.#fields.set(fields.schemaVersion, Buffer.from(schemaVersion));
  }

  /** The project's objects of one kind, in the order of the registry. Each is the caller's to change and to hand to {@link replace}. */
  objects<T extends DescMessage>(kind: RegistryKind<T>, project: string): readonly RegistryObject<T>[] {
    return this.#objectsOf(this.#fields, kind).filter((object) => kind.projectOf(object.message) === project);
  }

  /** The object of this name; the first one, as for Feast, where several have it. */
  find<T extends DescMessage>(kind: RegistryKind<T>, project: string, name: string): RegistryObject<T> | undefined {
    return this.#index(kind).get(indexKey(project, name)) as RegistryObject<T> | undefined;
  }

  /** Names of all projects that the registry lists. */
  projectNames(): readonly string[] {
    const { project, projectMetadata } = registryKinds;
    const listed = this.#objectsOf(this.#fields, project).map(({ message }) => project.nameOf(message));
    const older = this.#objectsOf(this.#fields, projectMetadata).map(({ message }) => message.project);
    return [...new Set([...listed, ...older])];
  }

  add<T extends DescMessage>(kind: RegistryKind<T>, message: MessageShape<T>): void {
    const field = this.#fields.add(kind.field, toBinary(kind.schema, message));
    this.#enter(this.#index(kind), { kind, field, message });
  }

  replace<T extends DescMessage>(object: RegistryObject<T>, message: MessageShape<T>): void {
    const { kind } = object;
    const index = this.#index(kind);
    const field = this.#fields.replace(object.field, toBinary(kind.schema, message));
    this.#decoded.set(field, message);
    const key = indexKey(kind.projectOf(message), kind.nameOf(message));
    if (index.get(key)?.field === object.field) index.set(key, { kind, field, message });
  }

  remove<T extends DescMessage>(object: RegistryObject<T>): void {
    this.#fields.remove(object.field);
    // There may be another one of that name.
    this.#indexes.delete(object.kind.field);
  }

  /** Recorded versions of the project's views, or of one of them. */
  versions(project: string, view?: string): readonly RegistryObject<typeof versionRecordKind.schema>[] {
    return this.#objectsOf(this.#history, versionRecordKind).filter(
      ({ message }) => message.projectId === project && (view === undefined || message.featureViewName === view),
    );
  }

  addVersion(record: MessageShape<typeof versionRecordKind.schema>): void {
    this.#historyChanged = true;
    this.#history.add(versionRecordKind.field, toBinary(versionRecordKind.schema, record));
  }

  removeVersion(record: { readonly field: WireField }): void {
    this.#historyChanged = true;
    this.#history.remove(record.field);
  }

  /** The bytes of `infra`, of zero length where there is none. */
  infra(): Uint8Array {
    return Buffer.concat(this.#fields.numbered(fields.infra).map((field) => field.content ?? new Uint8Array()));
  }

  setInfra(bytes: Uint8Array): void {
    this.#fields.set(fields.infra, bytes);
  }

  /** The changed registry, with a version id of its own and the time of the change, as Feast sets them with every write. */
  toBytes(now: Timestamp): Uint8Array {
    if (this.#historyChanged) this.#fields.set(fields.history, this.#history.toBytes());
    this.#fields.set(fields.versionId, Buffer.from(randomUUID()));
    this.#fields.set(fields.lastUpdated, toBinary(TimestampSchema, now));
    return this.#fields.toBytes();
  }

  #objectsOf<T extends DescMessage>(list: WireFields, kind: RegistryKind<T>): readonly RegistryObject<T>[] {
    return list.numbered(kind.field).map((field) => ({ kind, field, message: this.#decode(kind, field) }));
  }

  #index<T extends DescMessage>(kind: RegistryKind<T>): Index {
    const known = this.#indexes.get(kind.field);
    if (known !== undefined) return known;
    const index: Index = new Map();
    for (const object of this.#objectsOf(this.#fields, kind)) this.#enter(index, object);
    this.#indexes.set(kind.field, index);
    return index;
  }

  #enter<T extends DescMessage>(index: Index, object: RegistryObject<T>): void {
    this.#decoded.set(object.field, object.message);
    const { kind, message } = object;
    const key = indexKey(kind.projectOf(message), kind.nameOf(message));
    if (!index.has(key)) index.set(key, object);
  }

  #decode<T extends DescMessage>(kind: RegistryKind<T>, field: WireField): MessageShape<T> {
    const known = this.#decoded.get(field) as MessageShape<T> | undefined;
    if (known !== undefined) return known;
    try {
      const message = fromBinary(kind.schema, field.content ?? new Uint8Array());
      this.#decoded.set(field, message);
      return message;
    } catch (cause) {
      throw corrupt(this.#source, `holds a ${kind.schema.name} that cannot be read`, cause);
    }
  }

  /** Objects without any project are what is left of a registry that was cut off between two fields. */
  #assertWhole(): void {
    const { project, projectMetadata, ...others } = registryKinds;
    if ([project, projectMetadata].some(({ field }) => this.#fields.numbered(field).length > 0)) return;
    if (Object.values(others).every(({ field }) => this.#fields.numbered(field).length === 0)) return;
    throw corrupt(this.#source, 'names no project: it is cut off');
  }

  #assertKnownSchema(): void {
    const version = Buffer.from(this.#fields.numbered(fields.schemaVersion).at(-1)?.content ?? []).toString();
    if (version === '' || Number(version) <= Number(schemaVersion)) return;
    throw new RegistryError(
      'REGISTRY_NOT_WRITABLE',
      `The ${this.#source} has schema version "${version}"; this release writes ${schemaVersion}.`,
      { hint: 'Write it with the Feast that made it, or with a later release of Sideboard.' },
    );
  }
}

/** The first object of each name. */
type Index = Map<string, { readonly kind: unknown; readonly field: WireField; readonly message: unknown }>;

function indexKey(project: string, name: string): string {
  return JSON.stringify([project, name]);
}

function corrupt(source: string, what: string, cause?: unknown): RegistryError {
  return new RegistryError('REGISTRY_CORRUPT', `The ${source} ${what}.`, {
    hint: 'Restore it, or remove it to begin anew; it was not written.',
    ...(cause === undefined ? {} : { cause }),
  });
}
