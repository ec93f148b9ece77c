import { join } from 'node:path';
import { createFeatureRepo, type FeatureRepo } from '../support/feature-repo.ts';
import { bool, double, int64, nothing, string, timestamp } from '../support/feature-values.ts';
import { projectRoot } from '../support/project-root.ts';
import { type ServedProject, serveProject } from '../support/serving-project.ts';
import { answers, type BehaviourCases, refuses } from './behaviour/behaviour-case.ts';
import { expired, feature, missing, present, sent } from './behaviour/expected-answer.ts';

const scores = ['collide_a:score'];
const drivers = { driver_id: [int64(3), int64(4)] };
const scoresOf = feature('score', present(double(3)), present(double(4)));
const global = ['global_stats:g1'];
const stale = { features: ['stale:trips'], entities: { driver_id: [int64(1), int64(999)] } };

const byDefault: BehaviourCases = {
  'passes request data through behind the entity columns': answers(
    { features: scores, entities: drivers, context: { x: [double(1.5), nothing], note: [string('a'), string('b')] } },
    sent('driver_id', int64(3), int64(4)),
    sent('x', double(1.5), nothing),
    sent('note', string('a'), string('b')),
    scoresOf,
  ),
  'refuses request data of another length': refuses(
    { features: scores, entities: drivers, context: { x: [double(1.5)] } },
    'INVALID_ARGUMENT',
    'UNEVEN_COLUMNS',
    '"driver_id"',
    '2',
    '"x"',
    '1',
  ),
  'answers an entity-less view for the rows of any join key of the project': answers(
    { features: global, entities: { city: [string('nowhere'), string('city7'), string('x')] } },
    sent('city', string('nowhere'), string('city7'), string('x')),
    feature('g1', present(int64(42)), present(int64(42)), present(int64(42))),
  ),
  'answers an entity-less view for no rows': answers(
    { features: global, entities: { driver_id: [] } },
    sent('driver_id'),
    feature('g1'),
  ),
  'refuses a column that is not a join key of the project next to an entity-less view': refuses(
    { features: global, entities: { whatever: [int64(1)] } },
    'INVALID_ARGUMENT',
    'UNKNOWN_ENTITY_COLUMN',
    '"whatever"',
  ),
  'finds a STRING entity by the decimal digits of an integer': answers(
    { features: ['by_name:pop'], entities: { city: [int64(7), string('city7')] } },
    sent('city', int64(7), string('city7')),
    feature('pop', present(int64(77)), present(int64(7000))),
  ),
  'refuses a boolean for a STRING join key': refuses(
    { features: ['by_name:pop'], entities: { city: [string('city7'), bool(true)] } },
    'INVALID_ARGUMENT',
    'INVALID_ENTITY_VALUE',
    'Row 1',
    '"city"',
    'STRING',
  ),
  'refuses an integer that does not fit an INT32 join key': refuses(
    { features: ['by_int32:density'], entities: { zone: [int64(2n ** 31n)] } },
    'INVALID_ARGUMENT',
    'INVALID_ENTITY_VALUE',
    'Row 0',
    '"zone"',
    'INT32',
  ),
  'takes the integral seconds of a timestamp for an INT64 join key': answers(
    { features: scores, entities: { driver_id: [timestamp(3)] } },
    sent('driver_id', timestamp(3)),
    feature('score', present(double(3))),
  ),
};

const withheld: BehaviourCases = {
  'withholds an expired value and still says so': answers(
    stale,
    sent('driver_id', int64(1), int64(999)),
    feature('trips', expired(nothing), missing),
  ),
};

const ignored: BehaviourCases = {
  'serves an expired value like any other': answers(
    stale,
    sent('driver_id', int64(1), int64(999)),
    feature('trips', present(int64(2)), missing),
  ),
};

const asSent: BehaviourCases = {
  'looks an entity value up as it was sent': answers(
    { features: scores, entities: { driver_id: [string('3'), int64(3)] } },
    sent('driver_id', string('3'), int64(3)),
    feature('score', missing, present(double(3))),
  ),
};

const likeFeastPython: BehaviourCases = {
  'calls a stored null present': answers(
    { features: ['types:f64'], entities: { driver_id: [int64(3), int64(999)] } },
    sent('driver_id', int64(3), int64(999)),
    feature('f64', present(nothing), missing),
  ),
};

describe('the columns of a request', () => {
  const folder = join(projectRoot, 'test', 'fixtures', 'behaviour', 'beh');

  for (const [setting, cases] of [
    [undefined, byDefault],
    [{ ttl: 'null' }, withheld],
    [{ ttl: 'ignore' }, ignored],
    [{ entity_types: 'as-sent' }, asSent],
    [{ statuses: 'feast-python' }, likeFeastPython],
  ] as const) {
    describe(setting === undefined ? 'by default' : `with sideboard.serving: ${JSON.stringify(setting)}`, () => {
      let repo: FeatureRepo;
      let served: ServedProject;

      before(async () => {
        repo = createFeatureRepo({
          config: join(folder, 'feature_store.yaml'),
          files: { 'registry.db': join(folder, 'registry.db'), 'online_store.db': join(folder, 'online_store.db') },
          sections: setting === undefined ? {} : { sideboard: { serving: setting } },
        });
        served = await serveProject(repo.path);
        served.setTime(Date.UTC(2026, 10, 21));
      });
      after(async () => {
        await served.close();
        repo.remove();
      });

      for (const [says, check] of Object.entries(cases)) {
        it(says, () => check(served.client));
      }
    });
  }
});
