"""The project of the interop test: one view of plain types, one over two join keys, a service over both."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)

driver_stats = FeatureView(
    name="driver_stats",
    entities=[driver],
    ttl=timedelta(0),
    schema=[
        Field(name="conv_rate", dtype=Float32),
        Field(name="acc_rate", dtype=Float64),
        Field(name="trips", dtype=Int64),
        Field(name="rank", dtype=Int32),
        Field(name="active", dtype=Bool),
        Field(name="city", dtype=String),
        Field(name="last_seen", dtype=UnixTimestamp),
        Field(name="tags", dtype=Array(String)),
    ],
    online=True,
    source=FileSource(name="driver_stats_source", path="data/driver_stats.parquet", timestamp_field="event_timestamp"),
)

ride_stats = FeatureView(
    name="ride_stats",
    entities=[driver, customer],
    ttl=timedelta(0),
    schema=[Field(name="rides", dtype=Int64), Field(name="rating", dtype=Float64)],
    online=True,
    source=FileSource(name="ride_stats_source", path="data/ride_stats.parquet", timestamp_field="event_timestamp"),
)

ranking = FeatureService(name="ranking", features=[driver_stats, ride_stats[["rating"]]])
