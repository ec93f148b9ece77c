import type { Mapping } from '../config/read-sections.ts';
import { isMapping } from '../config/violations.ts';
import type { YamlSource } from '../config/yaml-source.ts';
import type { DefinitionsText } from './definition-files.ts';
import { below, type DefinitionFindings, nameOfPlace, type Place } from './definition-findings.ts';
import {
  type DefinitionsFile,
  definitionsSchema,
  type EntityDefinition,
  type FeatureServiceDefinition,
  type FeatureViewDefinition,
  type SourceDefinition,
} from './definitions-schema.ts';

/** A definition and where it stands. */
export interface Located<T> {
  readonly value: T;
  readonly place: Place;
}

/** The definitions of all files by name, each in the order in which they stand there. */
export interface LocatedDefinitions {
  readonly project: Located<NonNullable<DefinitionsFile['project']>> | undefined;
  readonly entities: ReadonlyMap<string, Located<EntityDefinition>>;
  readonly sources: ReadonlyMap<string, Located<SourceDefinition>>;
  readonly views: ReadonlyMap<string, Located<FeatureViewDefinition>>;
  readonly services: ReadonlyMap<string, Located<FeatureServiceDefinition>>;
}

/** Validates files and merges them; nothing where one of them is not valid. */
export function locateDefinitions(
  texts: readonly DefinitionsText[],
  env: NodeJS.ProcessEnv,
  findings: DefinitionFindings,
): LocatedDefinitions | undefined {
  const files: { readonly source: YamlSource; readonly content: DefinitionsFile }[] = [];
  for (const { file, text } of texts) {
    const source = findings.parse(file, text, env);
    if (source === undefined || findings.requireVariables(source)) continue;
    const content = validate(source, findings);
    if (content !== undefined) files.push({ source, content });
  }
  if (files.length < texts.length) return undefined;

  let project: LocatedDefinitions['project'];
  const entities = new Map<string, Located<EntityDefinition>>();
  const sources = new Map<string, Located<SourceDefinition>>();
  const views = new Map<string, Located<FeatureViewDefinition>>();
  const services = new Map<string, Located<FeatureServiceDefinition>>();
  for (const { source, content } of files) {
    const place = { source, path: [] };
    if (content.project !== undefined) {
      const located = { value: content.project, place: below(place, 'project') };
      if (project === undefined) project = located;
      else addDuplicate(findings, located.place, 'the project is described twice', project.place);
    }
    collect(entities, content.entities, below(place, 'entities'), 'entity', findings);
    collect(sources, content.sources, below(place, 'sources'), 'source', findings);
    collect(views, content.feature_views, below(place, 'feature_views'), 'feature view', findings);
    collect(services, content.feature_services, below(place, 'feature_services'), 'feature service', findings);
  }
  // Feast looks views and sources up whatever the case of their letters.
  rejectCaseDifferences(sources, 'sources', findings);
  rejectCaseDifferences(views, 'feature views', findings);
  return { project, entities, sources, views, services };
}

function validate(source: YamlSource, findings: DefinitionFindings): DefinitionsFile | undefined {
  const place = { source, path: [] };
  const { data } = source;
  if (!isMapping(data)) {
    const problem = data == null ? 'the file is empty.' : 'expected a mapping of definitions.';
    findings.add('DEFINITIONS_INVALID', place, problem, `It holds ${Object.keys(definitionsSchema.shape).join(', ')}.`);
    return undefined;
  }
  return findings.check(place, withoutEmptySections(data), definitionsSchema);
}

/** A section that is left empty counts as missing. */
function withoutEmptySections(data: Mapping): Mapping {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null));
}

function collect<T extends { readonly name: string }>(
  into: Map<string, Located<T>>,
  values: readonly T[],
  list: Place,
  what: string,
  findings: DefinitionFindings,
): void {
  for (const [index, value] of values.entries()) {
    const place = below(list, index);
    const earlier = into.get(value.name);
    if (earlier === undefined) into.set(value.name, { value, place });
    else addDuplicate(findings, below(place, 'name'), `the ${what} "${value.name}" is defined twice`, earlier.place);
  }
}

function addDuplicate(findings: DefinitionFindings, place: Place, problem: string, earlier: Place): void {
  findings.add('DEFINITIONS_DUPLICATE', place, `${problem}: the other one is at ${nameOfPlace(earlier)}.`);
}

function rejectCaseDifferences<T>(
  located: ReadonlyMap<string, Located<T>>,
  what: string,
  findings: DefinitionFindings,
): void {
  const seen = new Map<string, { readonly name: string; readonly place: Place }>();
  for (const [name, { place }] of located) {
    const other = seen.get(name.toLowerCase());
    if (other === undefined) {
      seen.set(name.toLowerCase(), { name, place });
      continue;
    }
    const problem = `differs from "${other.name}" at ${nameOfPlace(other.place)} only in the case of letters`;
    findings.add('DEFINITIONS_DUPLICATE', below(place, 'name'), `"${name}" ${problem}.`, `Feast refuses such ${what}.`);
  }
}
