"""The example project: two feature views about drivers and a feature service that takes some of each."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Array, Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

DATA = "examples/driver_stats/data"

driver = Entity(
    name="driver",
    join_keys=["driver_id"],
    value_type=ValueType.INT64,
    description="Somebody who drives for the company",
)

driver_hourly_stats = FeatureView(
    name="driver_hourly_stats",
    description="What a driver did lately, computed every hour",
    entities=[driver],
    # The rows of an example grow old and nobody materializes them again: 0 lets them be served for ever.
    ttl=timedelta(0),
    schema=[
        Field(name="driver_id", dtype=Int64),
        Field(name="conv_rate", dtype=Float32, description="Accepted offers / offers"),
        Field(name="acc_rate", dtype=Float64, description="Finished trips / accepted offers"),
        Field(name="avg_daily_trips", dtype=Int64),
        Field(name="city", dtype=String, description="Null for a driver who has not started yet"),
        Field(name="last_trip", dtype=UnixTimestamp),
    ],
    source=FileSource(
        name="driver_hourly_stats_source",
        path=f"{DATA}/driver_hourly_stats.parquet",
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    ),
)

driver_profile = FeatureView(
    name="driver_profile",
    description="What changes rarely",
    entities=[driver],
    ttl=timedelta(0),
    schema=[
        Field(name="driver_id", dtype=Int64),
        Field(name="vehicle", dtype=String),
        Field(name="seats", dtype=Int32),
        Field(name="verified", dtype=Bool),
        Field(name="languages", dtype=Array(String)),
    ],
    source=PushSource(
        name="driver_profile_push",
        batch_source=FileSource(
            name="driver_profile_source",
            path=f"{DATA}/driver_profile.parquet",
            timestamp_field="event_timestamp",
        ),
    ),
)

driver_ranking = FeatureService(
    name="driver_ranking",
    description="What the ranking model reads",
    features=[
        driver_hourly_stats[["conv_rate", "acc_rate", "avg_daily_trips"]],
        driver_profile[["seats", "verified"]],
    ],
)
