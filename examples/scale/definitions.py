"""Two feature views about riders, in the words of Feast: Feast loads them by Spark, Sideboard serves them."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.types import Array, Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

rider = Entity(name="rider", join_keys=["rider_id"], value_type=ValueType.INT64)

# A relative path is meant from the folder that the driver runs in. On a cluster: s3a://..., hdfs://..., or a table.
rider_activity = FeatureView(
    name="rider_activity",
    entities=[rider],
    # The rows of an example grow old and nobody loads them again: 0 lets them be served for ever.
    ttl=timedelta(0),
    schema=[
        Field(name="rider_id", dtype=Int64),
        Field(name="rides_7d", dtype=Int64),
        Field(name="seats", dtype=Int32),
        Field(name="spend_7d", dtype=Float64),
        Field(name="cancel_rate", dtype=Float32),
        Field(name="has_card", dtype=Bool),
    ],
    source=SparkSource(
        name="rider_activity_source",
        path="data/rider_activity",
        file_format="parquet",
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    ),
)

rider_profile = FeatureView(
    name="rider_profile",
    entities=[rider],
    ttl=timedelta(0),
    schema=[
        Field(name="rider_id", dtype=Int64),
        Field(name="home_city", dtype=String, description="Null for riders who have not said"),
        Field(name="languages", dtype=Array(String)),
        Field(name="taste", dtype=Array(Float32)),
        Field(name="joined", dtype=UnixTimestamp),
    ],
    source=SparkSource(
        name="rider_profile_source",
        path="data/rider_profile.parquet",
        file_format="parquet",
        timestamp_field="event_timestamp",
    ),
)

rider_ranking = FeatureService(name="rider_ranking", features=[rider_activity, rider_profile[["home_city", "taste"]]])
