"""Compares what Sideboard makes of definitions in YAML with what Feast itself makes of the same in Python.

    defined.py REGISTRY

REGISTRY is a serialized feast.core.Registry with the objects that Sideboard made. What they are compared with stands below. Feast
parses every object, compares it with its own, and writes it again. Prints {"compared": [...], "differences": [...]} on its last line.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, PushSource, RequestSource, ValueType
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.inference import update_feature_views_with_inferred_features_and_entities
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.types import Array, Bool, Decimal, Float32, Float64, Int32, Int64, Json, Set, String, Struct, Uuid

project = Project(name="p", description="All that definitions can say", tags={"env": "test", "größe": 'x"l'}, owner="ml@example.com")

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64, description="A driver", tags={"a": "b"}, owner="a@example.com")
zone = Entity(name="zone", value_type=ValueType.UNKNOWN, description="type told by the views")
card = Entity(name="card", value_type=ValueType.BYTES)
moment = Entity(name="moment", value_type=ValueType.UNIX_TIMESTAMP)
user = Entity(
    name="user",
    join_keys=["user_id"],
    value_type=ValueType.STRING,
    tags={"own": "tag", "sideboard:surrogate_key": '{"columns":["first","last"],"algorithm":"sha256-spark"}'},
)

stats_file = FileSource(
    name="stats_file",
    path="data/stats.parquet",
    file_format=ParquetFormat(),
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
    field_mapping={"rate": "conv_rate", "st": "stars"},
    description="stats",
    tags={"x": "y"},
    owner="b@example.com",
)
lines = FileSource(
    name="lines", path="s3://bucket/rows", timestamp_field="ts", s3_endpoint_override="http://minio:9000", tags={"sideboard:file_format": "jsonl"}
)
stats_push = PushSource(name="stats_push", batch_source=stats_file, description="pushes", tags={"p": "q"}, owner="c@example.com")
request = RequestSource(
    name="request",
    schema=[
        Field(name="amount", dtype=Float64, description="how much", tags={"unit": "eur"}),
        Field(name="items", dtype=Array(Struct({"sku": String, "n": Int64}))),
    ],
)

stats = FeatureView(
    name="stats",
    entities=[zone, driver],
    ttl=timedelta(days=1, hours=2, minutes=30, seconds=4.5),
    schema=[
        Field(name="conv_rate", dtype=Float32, description="Rate", tags={"unit": "ratio"}),
        Field(name="zone", dtype=Int32, description="the zone"),
        Field(name="stars", dtype=Struct({"b": Int64, "a": Array(String), "ü x": Struct({"d": Set(Bool)})})),
        Field(name="nested", dtype=Array(Array(Struct({"z": Float64})))),
        Field(name="sets", dtype=Set(Set(Uuid))),
        Field(name="embedding", dtype=Array(Float32), vector_index=True, vector_length=8, vector_search_metric="COSINE"),
    ],
    source=stats_push,
    online=False,
    offline=True,
    enabled=False,
    enable_validation=True,
    org="ads",
    description="Statistics",
    tags={"tier": "gold"},
    owner="d@example.com",
)
unsourced = FeatureView(name="unsourced", schema=[Field(name="rate", dtype=Decimal)])
keyed = FeatureView(name="keyed", entities=[user, card, moment], schema=[Field(name="f", dtype=Json)], source=lines, version="v3")

views = [stats, unsourced, keyed]
entities = [driver, zone, card, moment, user]
update_feature_views_with_inferred_features_and_entities(None, views, entities, None)

services = [
    FeatureService(name="all", features=views, description="Everything", tags={"s": "t"}, owner="e@example.com"),
    FeatureService(
        name="some",
        features=[
            stats[["embedding", "conv_rate"]].with_name("here").with_join_key_map({"zone": "here_zone", "driver_id": "here_driver"}),
            stats[["nested"]].with_name("there").with_join_key_map({"zone": "there_zone"}),
        ],
    ),
]


def plain(message):
    """A message without what says when it was applied, and to which project, which the registry adds."""
    if hasattr(message, "DESCRIPTOR"):
        for field, value in list(message.ListFields()):
            if field.name in ("meta", "project") and field.containing_type.name != "Registry":
                message.ClearField(field.name)
            elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
                for each in value if field.is_repeated else [value]:
                    plain(each)
    return message


def main(file):
    registry = Registry.FromString(Path(file).read_bytes())
    kinds = [
        (Project, registry.projects, [project]),
        (Entity, registry.entities, entities),
        (DataSource, registry.data_sources, [stats_file, lines, stats_push, request]),
        (FeatureView, registry.feature_views, views),
        (FeatureService, registry.feature_services, services),
    ]
    compared, differences = [], []
    for kind, messages, expected in kinds:
        ours = {kind.from_proto(message).name: message for message in messages}
        for feasts in expected:
            label = f"{kind.__name__} {feasts.name}"
            compared.append(label)
            message = ours.get(feasts.name)
            if message is None:
                differences.append(f"{label} is missing")
                continue
            # Projects are compared with their times.
            if kind is not Project and kind.from_proto(message) != feasts:
                differences.append(f"{label}: Feast's own comparison finds them different")
            theirs = feasts.to_proto()
            if kind is DataSource:
                theirs.data_source_class_type = f"{type(feasts).__module__}.{type(feasts).__name__}"
            if plain(message) != plain(theirs):
                differences.append(f"{label}:\n{message}\nand of Feast:\n{theirs}")
    print(json.dumps({"compared": compared, "differences": differences}))


main(sys.argv[1])
