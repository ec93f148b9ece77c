import type { OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';

/** What DynamoDB allows as a table's name. */
const NAME = /^[a-zA-Z0-9_.-]{3,255}$/;

/** `table_name_template` of the configuration. */
export interface TableNameTemplate {
  readonly text: string;
  /** Texts and the names of what stands between them. */
  readonly parts: readonly TemplatePart[];
}

type TemplatePart = { readonly text: string } | { readonly field: 'project' | 'table_name' };

/**
 * Reads a template as Python's `str.format` does: `{project}`, `{table_name}`, and `{{` and `}}` for braces.
 * @throws Error saying what is wrong with it
 */
export function parseTableNameTemplate(text: string): TableNameTemplate {
  const parts: TemplatePart[] = [];
  for (const [piece] of text.matchAll(/\{\{|\}\}|\{[^{}]*\}|[^{}]+|[{}]/g)) {
    if (piece === '{{' || piece === '}}') parts.push({ text: piece.slice(1) });
    else if (piece === '{project}') parts.push({ field: 'project' });
    else if (piece === '{table_name}') parts.push({ field: 'table_name' });
    else if (/[{}]/.test(piece)) throw new Error(`${piece} is neither {project} nor {table_name}`);
    else parts.push({ text: piece });
  }
  if (!hasField(parts, 'table_name')) throw new Error('{table_name} is missing: all views would share one table');
  return { text, parts };
}

/** Whether tables of different projects have different names. */
export function namesProject(template: TableNameTemplate): boolean {
  return hasField(template.parts, 'project');
}

function hasField(parts: readonly TemplatePart[], field: 'project' | 'table_name'): boolean {
  return parts.some((part) => 'field' in part && part.field === field);
}

/**
 * The name of a table in DynamoDB.
 * @throws StoreError `STORE_INVALID_ROW` where DynamoDB does not allow it
 */
export function dynamoTableName(template: TableNameTemplate, table: Pick<OnlineTable, 'project' | 'name'>): string {
  const name = template.parts
    .map((part) => ('text' in part ? part.text : part.field === 'project' ? table.project : table.name))
    .join('');
  if (NAME.test(name)) return name;
  throw new StoreError('STORE_INVALID_ROW', `DynamoDB allows no table named "${name}" for ${describeTable(table)}.`, {
    hint: 'Names have 3 to 255 characters: letters without accents, digits, "_", "-" and ".". See table_name_template.',
  });
}

/** Finds the view's name in names of tables of a project; `undefined` for what the template does not make. */
export function createTableNameReader(
  template: TableNameTemplate,
  project: string,
): (dynamoName: string) => string | undefined {
  let pattern = '';
  let found = false;
  for (const part of template.parts) {
    if ('text' in part) pattern += escapePattern(part.text);
    else if (part.field === 'project') pattern += escapePattern(project);
    else {
      pattern += found ? '\\k<name>' : '(?<name>.+)';
      found = true;
    }
  }
  const expression = new RegExp(`^${pattern}$`);
  return (dynamoName) => expression.exec(dynamoName)?.groups?.name;
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
