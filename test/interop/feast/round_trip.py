"""What real Feast reads of a project that Sideboard applied, loaded and served pushes for, and what it then does to it itself.
Prints a JSON object on its last line.

    round_trip.py REPO READS [NEWER]

READS is a JSON object: "features", and "drivers" that are not in the Parquet files. Every driver of these files is read too, and what
pandas finds there comes along. With NEWER, a time, the definitions.py in the repo are applied by `feast apply`, every driver gets
another row of that time in which the vehicle is a "tractor", and `feast materialize` loads what is newer than 2026-01-11.
"""

import json
import os
import sys
import time

os.environ["TZ"] = "UTC"
time.tzset()

DATA = "examples/driver_stats/data"


def main(repo, reads, newer=None):
    reads = json.loads(reads)
    os.chdir(repo)
    # Not the modules beside this script.
    sys.path[0] = repo
    import pandas as pd
    from click.testing import CliRunner
    from feast import FeatureStore
    from feast.cli.cli import cli

    def feast(*args):
        result = CliRunner().invoke(cli, ["-c", repo, *args], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def plain(value):
        if hasattr(value, "tolist"):
            value = value.tolist()
        if hasattr(value, "timestamp"):
            return int(value.timestamp())
        return None if value is None or value != value else value

    def parquet(view):
        return pd.read_parquet(f"{DATA}/{view}.parquet")

    found = {}
    for view in {feature.partition(":")[0] for feature in reads["features"]}:
        for row in parquet(view).sort_values("event_timestamp").to_dict("records"):
            found.setdefault(row["driver_id"], {}).update(row)
    drivers = sorted(found) + reads["drivers"]
    names = ["driver_id"] + [feature.partition(":")[2] for feature in reads["features"]]

    store = FeatureStore(repo_path=".")
    answer = store.get_online_features(features=reads["features"], entity_rows=[{"driver_id": id} for id in drivers]).to_dict()
    said = {
        "listed": sorted(view.name for view in store.list_feature_views()),
        "printed": feast("feature-views", "list"),
        "sources": {name: [plain(found[id][name]) for id in sorted(found)] for name in names},
        "answers": {name: [plain(value) for value in values] for name, values in answer.items()},
    }
    if newer is not None:
        said["apply"] = feast("apply", "--skip-source-validation")
        rows = parquet("driver_profile")
        later = rows.assign(vehicle="tractor", event_timestamp=pd.Timestamp(newer).as_unit("us"))
        pd.concat([rows, later]).to_parquet(f"{DATA}/driver_profile.parquet", index=False)
        feast("materialize", "2026-01-11T00:00:00", "2026-02-01T00:00:00", "--views", "driver_profile")
    print(json.dumps(said))


main(*sys.argv[1:])
