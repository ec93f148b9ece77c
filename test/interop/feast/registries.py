"""Has real Feast write registries: reads a JSON list from standard input, prints one JSON document on its last line.

Each entry is {"registry": ..., "steps": [...]}: the `registry` section of a feature_store.yaml, and what is applied to it, one
after the other. `first` is definitions.py; `changed` adds a feature to a view, which makes a second version of it, and a view.
"""

import json
import os
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path


def main():
    import pyarrow as pa
    import pyarrow.parquet as pq
    from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig
    from feast.types import Int64, String

    code = compile((Path(__file__).parent / "definitions.py").read_text(), "definitions.py", "exec")
    os.chdir(tempfile.mkdtemp())
    os.mkdir("data")
    times = pa.array([datetime(2026, 3, 1, tzinfo=timezone.utc)], pa.timestamp("us", tz="UTC"))
    for name in ["driver_stats", "ride_stats"]:
        pq.write_table(pa.table({"event_timestamp": times}), f"data/{name}.parquet")

    def objects(step):
        definitions = {"__name__": "definitions"}
        exec(code, definitions)
        if step == "changed":
            ride_stats = definitions["ride_stats"]
            definitions["ride_stats"] = FeatureView(
                name="ride_stats",
                entities=[definitions["driver"], definitions["customer"]],
                ttl=timedelta(hours=1),
                schema=[Field(name=f.name, dtype=f.dtype) for f in ride_stats.features] + [Field(name="tip", dtype=Int64)],
                online=True,
                source=ride_stats.batch_source,
            )
            definitions["city_stats"] = FeatureView(
                name="city_stats",
                entities=[],
                schema=[Field(name="busiest", dtype=String)],
                source=FileSource(name="city", path="data/ride_stats.parquet", timestamp_field="event_timestamp"),
            )
        return [o for o in definitions.values() if isinstance(o, (Entity, FeatureView, FeatureService))]

    entries = json.load(sys.stdin)
    for entry in entries:
        config = RepoConfig(
            project="interop",
            provider="local",
            registry=entry["registry"],
            online_store={"type": "sqlite", "path": os.path.join(tempfile.mkdtemp(), "online_store.db")},
            entity_key_serialization_version=3,
        )
        for step in entry["steps"]:
            FeatureStore(config=config).apply(objects(step))
    print(json.dumps({"written": len(entries)}))


main()
