import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { compareCodePoints } from '../../encoding/entity-key.ts';
import { valueTypeInfo } from '../../encoding/value-type.ts';
import type { PlannedColumn } from './load-plan.ts';
import type { TypedColumn } from './typed-columns.ts';

/**
 * What rows are sorted by, term after term, to stand in the order of their serialized entity keys' bytes (`encoding/entity-key.ts`).
 * All keys of a view begin alike; they differ in the values, in the order of the join keys' names: whole numbers with their lowest byte
 * first, texts and bytes behind their length, which is such a number of four bytes.
 * @param columns of the join keys, over the source's columns
 */
export function keyOrderTerms(joinKeys: readonly PlannedColumn[], columns: readonly TypedColumn[]): readonly string[] {
  const places = joinKeys.map((_, place) => place);
  places.sort((a, b) => compareCodePoints(joinKeys[a]?.name ?? '', joinKeys[b]?.name ?? ''));
  return places.flatMap((place) => {
    const { form, sql } = columns[place] as TypedColumn;
    if (form === 'bytes') return [lowestByteFirst(`octet_length(${sql})`), sql];
    const isShort = valueTypeInfo(joinKeys[place]?.valueType ?? 0)?.type === ValueType_Enum.INT32;
    return isShort ? [lowestByteFirst(sql)] : [lowestByteFirst(sql), lowestByteFirst(`((${sql}) >> 32)`)];
  });
}

/** The number that the four lowest bytes of a whole number make in the opposite order. */
function lowestByteFirst(sql: string): string {
  const byte = (place: number): string => `(((${sql})::BIGINT >> ${8 * place}) & 255)`;
  return `(${byte(0)} * 16777216 + ${byte(1)} * 65536 + ${byte(2)} * 256 + ${byte(3)})`;
}
