/** What the proxy does to the bytes of a link. Abilities and names follow toxiproxy's. */
export type Toxic = {
  /** Which bytes: those that the store sends (`down`, by default), those that the client sends, or both. */
  readonly toward?: 'down' | 'up' | 'both';
  /** Of the links, from 0 to 1; all by default. Each link is chosen once, when the toxic comes or the link is made. */
  readonly share?: number;
} & ToxicKind;

export type ToxicKind =
  /** Every chunk comes later, by `ms` plus or minus up to `jitterMs`; order stays. */
  | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs?: number }
  /** Bytes vanish. The link is closed after `ms`; with 0, when the toxic goes. */
  | { readonly kind: 'timeout'; readonly ms: number }
  /** Bytes are held back and delivered when the toxic goes: a network that was cut and came back. */
  | { readonly kind: 'hold' }
  /** The link ends with RST after `ms`, 0 for with its next bytes. */
  | { readonly kind: 'reset'; readonly ms?: number }
  /** The link is closed after so many more bytes. */
  | { readonly kind: 'limit'; readonly bytes: number }
  /** Chunks are cut into pieces of `bytes`, give or take `jitter`, each written by itself after `delayMs`. */
  | { readonly kind: 'slicer'; readonly bytes: number; readonly jitter?: number; readonly delayMs?: number }
  | { readonly kind: 'bandwidth'; readonly kbPerSecond: number };
