/** The known name that a mistyped one most likely means: at most a third of its letters differ. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Letters to insert, remove or replace, and neighbours to swap; gives up at `limit`. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  const rows = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  const distance = (row: number, column: number): number => rows[row]?.[column] ?? limit;
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = distance(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const shifted = Math.min(distance(row - 1, column), distance(row, column - 1)) + 1;
      const swaps = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = swaps ? distance(row - 2, column - 2) + 1 : limit;
      current.push(Math.min(replaced, shifted, swapped));
    }
  }
  return distance(from.length, to.length);
}
