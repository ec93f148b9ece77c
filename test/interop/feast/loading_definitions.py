from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
zone = Entity(name="zone", join_keys=["zone"], value_type=ValueType.STRING)

scalars = FeatureView(
    name="scalars",
    entities=[driver],
    ttl=timedelta(days=3650),
    schema=[
        Field(name="f64", dtype=Float64),
        Field(name="f32", dtype=Float32),
        Field(name="i64", dtype=Int64),
        Field(name="i32", dtype=Int32),
        Field(name="flag", dtype=Bool),
        Field(name="text", dtype=String),
        Field(name="raw", dtype=Bytes),
        Field(name="seen", dtype=UnixTimestamp),
    ],
    source=FileSource(
        name="scalar_rows", path="data/scalars.parquet", timestamp_field="ts", created_timestamp_column="made"
    ),
)
lists = FeatureView(
    name="lists",
    entities=[zone, driver],
    ttl=timedelta(days=3650),
    schema=[
        Field(name="numbers", dtype=Array(Int64)),
        Field(name="weights", dtype=Array(Float32)),
        Field(name="words", dtype=Array(String)),
    ],
    source=PushSource(
        name="list_push", batch_source=FileSource(name="list_rows", path="data/lists.parquet", timestamp_field="ts")
    ),
)
mapped = FeatureView(
    name="mapped",
    entities=[driver],
    ttl=timedelta(days=3650),
    schema=[Field(name="score", dtype=Float64)],
    source=FileSource(
        name="mapped_rows",
        path="data/mapped.parquet",
        timestamp_field="ts",
        field_mapping={"d": "driver_id", "raw_score": "score"},
    ),
)
whole = FeatureView(
    name="whole",
    entities=[],
    ttl=timedelta(days=3650),
    schema=[Field(name="rate", dtype=Float64)],
    source=FileSource(name="whole_rows", path="data/whole.parquet", timestamp_field="ts"),
)
