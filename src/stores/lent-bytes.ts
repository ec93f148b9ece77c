/**
 * Bytes that are used again once nobody holds on to them. Whoever refers to them holds them, once per reference; whoever never
 * releases them only keeps them from being used again.
 */
export interface LentBytes {
  readonly bytes: Uint8Array;
  hold(): void;
  release(): void;
}
