import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clearField, clone, create, fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { descriptorDifferences } from '../support/descriptor-differences.ts';
import { projectRoot } from '../support/project-root.ts';

const published = readPublishedFiles(join(projectRoot, 'test/golden/feast/descriptors.binpb'));

describe('the generated protocol code', () => {
  let ours: FileDescriptorProto[];
  before(async () => {
    // Beside it lies what is Sideboard's own.
    ours = await loadGeneratedFiles(new URL('../../gen/feast/', import.meta.url));
  });

  it('has the published files and no other', () => {
    const names = (files: readonly FileDescriptorProto[]) => files.map((file) => file.name).sort();
    assert.deepEqual(names(ours), names(published));
    assert.equal(ours.length, 34);
  });

  it("carries Feast's five packages, the connector's and the service without a package", () => {
    const packages = new Set(ours.map((file) => file.package));
    assert.deepEqual([...packages].sort(), [
      '',
      'feast.core',
      'feast.registry',
      'feast.serving',
      'feast.storage',
      'feast.types',
      'grpc.connector',
    ]);
  });

  it('agrees with the published descriptors declaration by declaration', () => {
    const differences = descriptorDifferences(published, ours);
    assert.equal(differences.length, 0, `${differences.length} differences\n${differences.join('\n')}`);
  });
});

describe('the comparison of descriptors', () => {
  const serving = 'feast/serving/ServingService.proto';
  const request = 'message feast.serving.GetOnlineFeaturesRequest';
  const response = 'message feast.serving.GetOnlineFeaturesResponse';

  it('finds nothing in equal files, in whatever order they come', () => {
    assert.deepEqual(descriptorDifferences(published, [...published].reverse()), []);
  });

  it('finds a renamed field and its JSON name', () => {
    const ours = change(serving, (file) => {
      fieldOf(messageOf(file, 'GetOnlineFeaturesRequest'), 4).name = 'long_names';
    });
    assert.deepEqual(descriptorDifferences(published, ours), [
      `differs: ${request}, field 4: published bool full_feature_names, JSON name fullFeatureNames, ` +
        'ours bool long_names, JSON name longNames',
    ]);
  });

  it('finds another field number, as a field too few and one too many', () => {
    const ours = change(serving, (file) => {
      fieldOf(messageOf(file, 'GetFeastServingInfoResponse'), 1).number = 7;
    });
    const where = 'message feast.serving.GetFeastServingInfoResponse, field';
    assert.deepEqual(descriptorDifferences(published, ours), [
      `missing: ${where} 1 = string version, JSON name version`,
      `not published: ${where} 7 = string version, JSON name version`,
    ]);
  });

  it('finds a JSON name that was set by hand', () => {
    const ours = change(serving, (file) => {
      fieldOf(messageOf(file, 'GetOnlineFeaturesRequest'), 3).jsonName = 'rows';
    });
    const type = 'repeated message feast.serving.GetOnlineFeaturesRequest.EntitiesEntry entities';
    assert.deepEqual(descriptorDifferences(published, ours), [
      `differs: ${request}, field 3: published ${type}, JSON name entities, ours ${type}, JSON name rows`,
    ]);
  });

  const changes: { what: string; file: string; apply(file: FileDescriptorProto): void; where: string[] }[] = [
    {
      what: 'another scalar type',
      file: 'feast/types/Value.proto',
      apply: (file) => {
        fieldOf(messageOf(file, 'Value'), 4).type = FieldDescriptorProto_Type.SINT64;
      },
      where: ['differs: message feast.types.Value, field 4'],
    },
    {
      what: 'another message type',
      file: serving,
      apply: (file) => {
        fieldOf(messageOf(file, 'GetOnlineFeaturesResponse'), 1).typeName = '.feast.serving.FeatureList';
      },
      where: [`differs: ${response}, field 1`],
    },
    {
      what: 'another label',
      file: serving,
      apply: (file) => {
        fieldOf(messageOf(file, 'GetOnlineFeaturesResponse'), 2).label = FieldDescriptorProto_Label.OPTIONAL;
      },
      where: [`differs: ${response}, field 2`],
    },
    {
      what: 'a field that left its oneof',
      file: serving,
      apply: (file) =>
        clearField(
          fieldOf(messageOf(file, 'GetOnlineFeaturesRequest'), 1),
          FieldDescriptorProtoSchema.field.oneofIndex,
        ),
      where: [`differs: ${request}, field 1`],
    },
    {
      what: 'a renamed oneof, at the oneof and at its fields',
      file: serving,
      apply: (file) => {
        const [kind] = messageOf(file, 'GetOnlineFeaturesRequest').oneofDecl;
        assert.ok(kind);
        kind.name = 'source';
      },
      where: [
        `missing: ${request}, oneof kind`,
        `differs: ${request}, field 1`,
        `differs: ${request}, field 2`,
        `not published: ${request}, oneof source`,
      ],
    },
    {
      what: 'a proto3 optional that is none',
      file: 'feast/core/FeatureViewProjection.proto',
      apply: (file) => {
        fieldOf(messageOf(file, 'FeatureViewProjection'), 10).proto3Optional = false;
      },
      where: ['differs: message feast.core.FeatureViewProjection, field 10'],
    },
    {
      what: 'a map that became a list of pairs',
      file: serving,
      apply: (file) => {
        const entry = messageOf(file, 'GetOnlineFeaturesRequest').nestedType.find((n) => n.name === 'EntitiesEntry');
        delete entry?.options;
      },
      where: [`differs: ${request}.EntitiesEntry`],
    },
    {
      what: 'another value type in a map',
      file: serving,
      apply: (file) => {
        const entry = messageOf(file, 'GetOnlineFeaturesRequest').nestedType.find((n) => n.name === 'EntitiesEntry');
        assert.ok(entry);
        fieldOf(entry, 2).typeName = '.feast.types.Value';
      },
      where: [`differs: ${request}.EntitiesEntry, field 2`],
    },
    {
      what: 'a message too many',
      file: serving,
      apply: (file) => file.messageType.push(create(DescriptorProtoSchema, { name: 'Extra' })),
      where: ['not published: message feast.serving.Extra'],
    },
    {
      what: 'a message too few',
      file: serving,
      apply: (file) => {
        file.messageType = file.messageType.filter((message) => message.name !== 'GetFeastServingInfoRequest');
      },
      where: ['missing: message feast.serving.GetFeastServingInfoRequest'],
    },
    {
      what: 'another enum number',
      file: serving,
      apply: (file) => {
        const value = file.enumType[0]?.value.find(({ name }) => name === 'NOT_FOUND');
        assert.ok(value);
        value.number = 9;
      },
      where: ['differs: enum feast.serving.FieldStatus, value NOT_FOUND'],
    },
    {
      what: 'a reserved number given back, in a message and in an enum',
      file: 'feast/core/Store.proto',
      apply: (file) => {
        const store = messageOf(file, 'Store');
        store.enumType[0]?.reservedRange.shift();
        store.nestedType.find(({ name }) => name === 'Subscription')?.reservedRange.shift();
      },
      where: [
        'missing: message feast.core.Store.Subscription, reserved numbers from 2',
        'missing: enum feast.core.Store.StoreType, reserved numbers from 2',
      ],
    },
    {
      what: 'a method that streams',
      file: serving,
      apply: (file) => {
        const method = file.service[0]?.method[1];
        assert.ok(method);
        method.serverStreaming = true;
      },
      where: ['differs: service feast.serving.ServingService, method GetOnlineFeatures'],
    },
    {
      what: 'a method too many',
      file: 'feast/serving/GrpcServer.proto',
      apply: (file) => file.service[0]?.method.push(create(MethodDescriptorProtoSchema, { name: 'Ping' })),
      where: ['not published: service GrpcFeatureServer, method Ping'],
    },
    {
      what: 'another package for Java',
      file: 'feast/core/SqliteTable.proto',
      apply: (file) => {
        assert.ok(file.options);
        file.options.javaPackage = 'com.example';
      },
      where: ['differs: file feast/core/SqliteTable.proto, option javaPackage'],
    },
    {
      what: 'another package, at the file and at each declaration',
      file: 'feast/core/SqliteTable.proto',
      apply: (file) => {
        file.package = 'other';
      },
      where: [
        'differs: file feast/core/SqliteTable.proto',
        'missing: message feast.core.SqliteTable',
        'missing: message feast.core.SqliteTable, field 1',
        'missing: message feast.core.SqliteTable, field 2',
        'not published: message other.SqliteTable',
        'not published: message other.SqliteTable, field 1',
        'not published: message other.SqliteTable, field 2',
      ],
    },
    {
      what: 'an import too few',
      file: 'feast/types/Field.proto',
      apply: (file) => {
        file.dependency = [];
      },
      where: ['differs: file feast/types/Field.proto, imports'],
    },
  ];

  for (const { what, file, apply, where } of changes) {
    it(`finds ${what}`, () => {
      const found = descriptorDifferences(published, change(file, apply));
      assert.deepEqual(found.map((line) => line.replace(/(: published | = ).*$/, '')).sort(), [...where].sort());
    });
  }

  it('finds a file that is missing', () => {
    const found = descriptorDifferences(
      published,
      published.filter((file) => file.name !== 'feast/types/Field.proto'),
    );
    assert.ok(found.some((line) => line.startsWith('missing: file feast/types/Field.proto =')));
    assert.ok(found.some((line) => line.startsWith('missing: message feast.types.Field =')));
  });
});

/** The published FileDescriptorSet also holds Google's well-known types, which are not part of the protocol. */
function readPublishedFiles(path: string): FileDescriptorProto[] {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(path));
  return file.filter(({ name }) => name.startsWith('feast/'));
}

/** Imports every generated module and takes the descriptor that it embeds. */
async function loadGeneratedFiles(folder: URL): Promise<FileDescriptorProto[]> {
  const modules = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /_pb\.[jt]s$/.test(path));
  const files: FileDescriptorProto[] = [];
  for (const path of modules.sort()) {
    const generated: Record<string, unknown> = await import(new URL(path, folder).href);
    const [name] = Object.keys(generated).filter((key) => key.startsWith('file_'));
    assert.ok(name, `${path} embeds no file descriptor`);
    files.push((generated[name] as { proto: FileDescriptorProto }).proto);
  }
  return files;
}

/** The published files, with a copy of one of them changed. */
function change(name: string, apply: (file: FileDescriptorProto) => void): FileDescriptorProto[] {
  assert.ok(published.some((file) => file.name === name));
  return published.map((file) => {
    if (file.name !== name) return file;
    const copy = clone(FileDescriptorProtoSchema, file);
    apply(copy);
    return copy;
  });
}

function messageOf(file: FileDescriptorProto, name: string): DescriptorProto {
  const message = file.messageType.find((candidate) => candidate.name === name);
  assert.ok(message, `${file.name} has no message ${name}`);
  return message;
}

function fieldOf(message: DescriptorProto, number: number): FieldDescriptorProto {
  const field = message.field.find((candidate) => candidate.number === number);
  assert.ok(field, `${message.name} has no field ${number}`);
  return field;
}
