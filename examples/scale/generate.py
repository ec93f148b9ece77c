"""Makes the source rows in data/, as Parquet. They come from arithmetic: the same every time.

    ../../.venv/feast-spark/bin/python generate.py [RIDERS]

Every rider has one profile and three rows of activity, which lie in a file per hour: the newest one counts.
"""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).resolve().parent / "data"
LATEST = datetime(2026, 1, 10, 12, tzinfo=timezone.utc)
CITIES = ["Bergen", "Kraków", "Osaka", "Valparaíso"]
LANGUAGES = ["en", "es", "ja", "nb", "pl"]
UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")


def activity(riders: np.ndarray, hours_ago: int) -> pa.Table:
    at = LATEST - timedelta(hours=hours_ago)
    return pa.table(
        {
            "rider_id": riders,
            "rides_7d": riders * 7 % 40 + hours_ago,
            "seats": (riders % 3 + 1).astype("int32"),
            "spend_7d": (riders * 13 % 1000 + hours_ago) / 7,
            "cancel_rate": (riders % 90 / 100).astype("float32"),
            "has_card": riders % 5 != 0,
            "event_timestamp": pa.array([at] * len(riders), UTC_MICROSECONDS),
            "created": pa.array([at + timedelta(minutes=5)] * len(riders), UTC_MICROSECONDS),
        }
    )


def profiles(riders: np.ndarray) -> pa.Table:
    joined = [LATEST - timedelta(days=int(rider) % 900) for rider in riders]
    return pa.table(
        {
            "rider_id": riders,
            "home_city": [None if rider % 20 == 0 else CITIES[rider % 4] for rider in riders],
            "languages": [LANGUAGES[rider % 4 : rider % 4 + 2] for rider in riders],
            "taste": pa.array([[rider % 7 / 8, rider % 11 / 16] for rider in riders], pa.list_(pa.float32())),
            "joined": pa.array(joined, UTC_MICROSECONDS),
            "event_timestamp": pa.array([LATEST - timedelta(days=1)] * len(riders), UTC_MICROSECONDS),
        }
    )


def main(riders: int) -> None:
    ids = np.arange(1, riders + 1, dtype="int64")
    hours = DATA / "rider_activity"
    hours.mkdir(parents=True, exist_ok=True)
    for hours_ago in (2, 1, 0):
        pq.write_table(activity(ids, hours_ago), hours / f"hour-{LATEST.hour - hours_ago}.parquet")
    pq.write_table(profiles(ids), DATA / "rider_profile.parquet")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
