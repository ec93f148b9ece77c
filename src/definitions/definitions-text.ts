import { Document, isMap, isScalar, isSeq, type Node, Scalar, visit } from 'yaml';
import type { z } from 'zod';
import type { definitionsSchema } from './definitions-schema.ts';

/** Lists whose items fit on a line each. */
const FLOW_ITEMS = new Set(['schema']);
/** Keys whose value fits on the line. */
const FLOW_VALUES = new Set([
  'tags',
  'entities',
  'field_mapping',
  'join_key_map',
  'surrogate_key',
  'features',
  'columns',
]);

/** Definitions as a file of YAML, which reads back as they are: variables are not replaced in it. */
export function definitionsText(definitions: z.input<typeof definitionsSchema>): string {
  const sections = Object.entries(definitions).filter(([, section]) => Object.keys(section ?? {}).length > 0);
  if (sections.length === 0) return 'project: {}\n';
  const document = new Document(Object.fromEntries(sections), { version: '1.1' });
  visit(document, {
    Scalar(_, node) {
      // Written as an escape, so that nothing is taken for a variable.
      if (typeof node.value === 'string' && node.value.includes('$')) node.type = Scalar.QUOTE_DOUBLE;
    },
    Pair(_, { key, value }) {
      const name = isScalar(key) ? String(key.value) : '';
      if (FLOW_ITEMS.has(name) && isSeq<Node>(value)) for (const item of value.items) setFlow(item);
      else if (FLOW_VALUES.has(name) && isPlain(value)) setFlow(value);
    },
  });
  const body = document.toString({ lineWidth: 0, flowCollectionPadding: false, directives: false });
  return body.replaceAll('$', '\\x24').replace(/\n(?=\w)/g, '\n\n');
}

function setFlow(node: unknown): void {
  if (isMap(node) || isSeq(node)) node.flow = true;
}

/** Whether a collection holds no mapping in a list: a list of names, or a mapping of texts. */
function isPlain(node: unknown): boolean {
  return !isSeq<Node>(node) || node.items.every((item) => !isMap(item));
}
