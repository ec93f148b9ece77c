"""Runs steps with real mlforge: JSON on standard input, one JSON line on standard output.

{"store": {"kind": "redis" | "dynamodb", "options": {...}}, "steps": [...]}; a step is one of
  {"do": "hash", "keys": [{"user_id": "1"}, ...]}
  {"do": "surrogate", "columns": ["a", "b"], "rows": [{"a": "x", "b": 1.5}, ...]}
  {"do": "write", "feature": "f", "keys": ["id"], "records": [{...}, ...]}
  {"do": "read", "feature": "f", "keys": [{"id": "1"}, ...]}
  {"do": "retrieve", "features": ["f"], "rows": [{...}], "entity": {"join_key": "user_id", "from_columns": [...]}}
  {"do": "ping"}
"""

import json
import math
import sys

import polars as pl
from mlforge.entities import Entity
from mlforge.online import DynamoDBStore, RedisStore, _compute_entity_hash
from mlforge.retrieval import get_online_features
from mlforge.utils import surrogate_key


def open_store(spec):
    kinds = {"redis": RedisStore, "dynamodb": DynamoDBStore}
    return kinds[spec["kind"]](**spec["options"])


def plain(value):
    """JSON has no NaN, and JavaScript no large whole numbers."""
    if isinstance(value, float):
        return {"float": "nan" if math.isnan(value) else repr(value)}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"int": str(value)}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def run(step, store):
    match step["do"]:
        case "hash":
            return [_compute_entity_hash(keys) for keys in step["keys"]]
        case "surrogate":
            frame = pl.DataFrame(step["rows"], infer_schema_length=None)
            return frame.select(surrogate_key(*step["columns"])).to_series().to_list()
        case "write":
            return store.write_batch(step["feature"], step["records"], step["keys"])
        case "read":
            return [row and {name: plain(value) for name, value in row.items()} for row in
                    store.read_batch(step["feature"], step["keys"])]
        case "retrieve":
            frame = get_online_features(
                features=step["features"],
                entity_df=pl.DataFrame(step["rows"], infer_schema_length=None),
                store=store,
                entities=[Entity(name="entity", **step["entity"])],
            )
            return [{name: plain(value) for name, value in row.items()} for row in frame.to_dicts()]
        case "ping":
            return store.ping()


request = json.load(sys.stdin)
store = open_store(request["store"]) if "store" in request else None
print(json.dumps([run(step, store) for step in request["steps"]]))
