"""Makes the source rows in data/ anew, and with Feast itself what the tests compare Sideboard's work with: the registry and the
online store in test/golden/driver_stats.

    scripts/setup-feast.sh
    .venv/feast/bin/python examples/driver_stats/generate.py

The rows come from arithmetic, so they are the same every time; only the registry's own timestamps and ids differ.
"""

import os
import sqlite3
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

# Feast writes SQLite times in the local time zone of the process; the project is served with the default, UTC.
os.environ["TZ"] = "UTC"
os.environ["FEAST_USAGE"] = "False"
time.tzset()

import pandas as pd
from feast import FeatureStore
from feast.repo_config import RepoConfig

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GOLDEN = ROOT / "test/golden/driver_stats"
sys.path.insert(0, str(HERE))

import definitions  # noqa: E402

FIRST_DRIVER = 1001
DRIVERS = 200
LATEST = datetime(2026, 1, 10, 12, tzinfo=timezone.utc)
CITIES = ["Bergen", "Kraków", "Osaka", "Valparaíso"]
VEHICLES = ["hatchback", "saloon", "estate", "van"]
LANGUAGES = ["en", "es", "ja", "nb", "pl"]


def hourly_stats() -> pd.DataFrame:
    rows = []
    for index in range(DRIVERS):
        started = index % 20 != 19
        for hours_ago in (2, 1, 0):
            at = LATEST - timedelta(hours=hours_ago)
            rows.append(
                {
                    "driver_id": FIRST_DRIVER + index,
                    "conv_rate": ((index * 7 + hours_ago) % 40 + 40) / 80,
                    "acc_rate": ((index * 11 + hours_ago) % 90 + 10) / 100,
                    "avg_daily_trips": (index * 13 + hours_ago) % 40 + 5 if started else 0,
                    "city": CITIES[index % len(CITIES)] if started else None,
                    "last_trip": at - timedelta(minutes=(index * 3) % 50),
                    "event_timestamp": at,
                    "created": at + timedelta(minutes=5),
                }
            )
    frame = pd.DataFrame(rows)
    frame["conv_rate"] = frame["conv_rate"].astype("float32")
    return frame


def profiles() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "driver_id": FIRST_DRIVER + index,
            "vehicle": VEHICLES[index % len(VEHICLES)],
            "seats": 8 if index % len(VEHICLES) == 3 else 4,
            "verified": index % 3 != 0,
            "languages": LANGUAGES[index % 4 : index % 4 + 2],
            "event_timestamp": datetime(2026, 1, 1, tzinfo=timezone.utc),
        }
        for index in range(DRIVERS)
    )
    frame["seats"] = frame["seats"].astype("int32")
    return frame


def main() -> None:
    data = ROOT / definitions.DATA
    data.mkdir(exist_ok=True)
    hourly_stats().to_parquet(data / "driver_hourly_stats.parquet", index=False)
    profiles().to_parquet(data / "driver_profile.parquet", index=False)

    GOLDEN.mkdir(exist_ok=True)
    for old in GOLDEN.iterdir():
        old.unlink()
    os.chdir(ROOT)
    config = RepoConfig(
        project="driver_stats",
        provider="local",
        registry=str(GOLDEN / "registry.db"),
        online_store={"type": "sqlite", "path": str(GOLDEN / "online_store.db")},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
        repo_path=ROOT,
    )
    store = FeatureStore(config=config)
    store.apply(
        [
            definitions.driver,
            definitions.driver_hourly_stats,
            definitions.driver_profile,
            definitions.driver_ranking,
        ]
    )
    # The interval that `make example` loads.
    store.materialize(datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 11, tzinfo=timezone.utc))

    connection = sqlite3.connect(GOLDEN / "online_store.db")
    connection.execute("VACUUM")
    connection.close()


if __name__ == "__main__":
    main()
