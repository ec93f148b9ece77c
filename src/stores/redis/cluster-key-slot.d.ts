declare module 'cluster-key-slot' {
  /** Slot of a key in a Redis Cluster, 0 to 16383. */
  export default function slotOf(key: Buffer | string): number;
}
