import { create, toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import type { LoadedRegistry, RegistrySource } from '../../src/registry/registry-source.ts';

/** A registry of project `p` whose views all carry `mark`, so that a mixture of two would show. */
export function markedRegistry(mark: number): Uint8Array {
  return toBinary(
    RegistrySchema,
    create(RegistrySchema, {
      projects: [{ spec: { name: 'p' } }],
      versionId: `${mark}`,
      featureViews: Array.from({ length: 20 }, (_, index) => ({
        spec: { name: `view_${index}`, project: 'p', owner: `${mark}` },
      })),
      featureServices: [{ spec: { name: 'service', project: 'p', owner: `${mark}` } }],
    }),
  );
}

/** A source that answers when the test says so. */
export class HeldSource implements RegistrySource {
  loads = 0;
  closed = 0;
  bytes = markedRegistry(0);
  #release: (() => void)[] = [];
  hold = false;

  describe(): string {
    return 'held registry';
  }

  async load(options: { readonly signal?: AbortSignal } = {}): Promise<LoadedRegistry> {
    this.loads++;
    const { bytes } = this;
    if (this.hold) {
      await new Promise<void>((resolve, reject) => {
        this.#release.push(resolve);
        options.signal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    }
    return { bytes };
  }

  release(): void {
    for (const release of this.#release.splice(0)) release();
  }

  async close(): Promise<void> {
    this.closed++;
  }
}
