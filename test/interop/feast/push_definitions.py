"""The project of the push test: two views and a view of two join keys behind one push source."""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Array, Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)

rides = PushSource(
    name="rides",
    batch_source=FileSource(name="rides_file", path="data/rides.parquet", timestamp_field="ride_time"),
)

driver_now = FeatureView(
    name="driver_now",
    entities=[driver],
    ttl=timedelta(0),
    schema=[
        Field(name="trips", dtype=Int64),
        Field(name="rank", dtype=Int32),
        Field(name="rate", dtype=Float32),
        Field(name="acc", dtype=Float64),
        Field(name="active", dtype=Bool),
        Field(name="city", dtype=String),
        Field(name="last_seen", dtype=UnixTimestamp),
        Field(name="tags", dtype=Array(String)),
    ],
    online=True,
    source=rides,
)

pair_now = FeatureView(
    name="pair_now",
    entities=[driver, customer],
    ttl=timedelta(0),
    schema=[Field(name="fare", dtype=Float64)],
    online=True,
    source=rides,
)
