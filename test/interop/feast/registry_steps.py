"""What real Feast records in a registry file, step by step. Prints a JSON list on its last line: per step its name and the
registry, in base64.

    registry_steps.py REPO

REPO holds a feature_store.yaml with a SQLite online store. Every step applies its definitions as `feast apply` does.
"""

import base64
import importlib
import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

DEFINITIONS = """
from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, PushSource, ValueType
from feast.types import Float64, Int64, String

project = Project(name="steps", description={description!r})
driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64, tags={entity_tags!r})
source = FileSource(name="stats_file", path={path!r}, timestamp_field="event_timestamp", created_timestamp_column="created")
push = PushSource(name="stats_push", batch_source=source)
stats = FeatureView(
    name="stats", entities=[driver], ttl=timedelta(hours={hours}), version={version!r}, tags={tags!r},
    schema=[Field(name="driver_id", dtype=Int64), Field(name="rating", dtype=Float64)] + {fields}, source=push,
)
{more}
ranking = FeatureService(name="ranking", features=[stats[["rating"]]], tags={tags!r})
"""

OTHER = """
other = FeatureView(name="other", entities=[driver], schema=[Field(name="driver_id", dtype=Int64), Field(name="n", dtype=Int64)],
    source=FileSource(name="other_file", path="data/other.parquet", timestamp_field="event_timestamp"))
both = FeatureService(name="both", features=[stats, other])
"""

BASE = dict(description="", entity_tags={}, path="data/a.parquet", hours=1, version="latest", tags={}, fields="[]", more=OTHER)
CITY = dict(fields='[Field(name="city", dtype=String, description="where")]')

STEPS = [
    ("new", {}),
    ("the same again", {}),
    ("tags, time to live, path", dict(tags={"a": "b"}, hours=2, path="data/b.parquet", entity_tags={"x": "y"}, description="d")),
    ("another schema", {**CITY, "tags": {"a": "b"}}),
    ("materialized", None),
    ("the first version again", {**CITY, "tags": {"a": "b"}, "version": "v0"}),
    ("latest, as it is", {}),
    ("another schema once more", {**CITY, "tags": {"a": "c"}}),
    ("one view less", {**CITY, "more": ""}),
    ("tags of a version", {**CITY, "more": "", "tags": {"a": "d"}}),
    ("a version ahead", {**CITY, "more": "", "tags": {"a": "d"}, "version": "v7"}),
]


def main(repo):
    os.chdir(repo)
    # Not the definitions.py beside this script.
    sys.path[0] = repo
    from feast import FeatureStore
    from feast.repo_config import load_repo_config
    from feast.repo_operations import apply_total

    path = Path(repo)
    states = []
    for name, changes in STEPS:
        if changes is None:
            store = FeatureStore(repo_path=".")
            view = store.get_feature_view("stats")
            start, end = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 2, 1, 3, 4, 5, 678901, timezone.utc)
            store.registry.apply_materialization(view, "steps", start, end)
        else:
            Path("definitions.py").write_text(DEFINITIONS.format(**{**BASE, **changes}))
            sys.modules.pop("definitions", None)
            importlib.invalidate_caches()
            apply_total(load_repo_config(path, path / "feature_store.yaml"), path, skip_source_validation=True)
        registry = base64.b64encode(Path("registry.db").read_bytes()).decode()
        states.append({"step": name, "registry": registry})
    print(json.dumps(states))


main(sys.argv[1])
