"""What the push test lets real Feast do. Every command prints one JSON document on its last line.

    push.py apply REPO           apply definitions.py
    push.py push REPO ADDRESS    push to a server with the stubs of the feast package, read with FeatureStore after each push
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["TZ"] = "UTC"
time.tzset()


def apply(repo):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from feast import Entity, FeatureStore, FeatureView

    os.chdir(repo)
    definitions = {"__name__": "definitions"}
    exec(compile(Path("definitions.py").read_text(), "definitions.py", "exec"), definitions)
    Path("data").mkdir(exist_ok=True)
    pq.write_table(pa.table({"ride_time": pa.array([], pa.timestamp("us", tz="UTC"))}), "data/rides.parquet")
    store = FeatureStore(repo_path=".")
    store.apply([o for o in definitions.values() if isinstance(o, (Entity, FeatureView))])
    return {"applied": sorted(view.name for view in store.list_feature_views())}


def push(repo, address):
    import grpc
    from feast import FeatureStore
    from feast.protos.feast.serving.GrpcServer_pb2 import PushRequest, WriteToOnlineStoreRequest
    from feast.protos.feast.serving.GrpcServer_pb2_grpc import GrpcFeatureServerStub
    from feast.protos.feast.types.Value_pb2 import StringList, Value

    os.chdir(repo)
    store = FeatureStore(repo_path=".")

    def read():
        features = ["trips", "rank", "rate", "acc", "active", "city", "last_seen", "tags"]
        answer = store.get_online_features(
            features=[f"driver_now:{name}" for name in features] + ["pair_now:fare"],
            entity_rows=[{"driver_id": 7, "customer_id": "c ü"}],
        ).to_dict()
        answer["last_seen"] = [None if value is None else value.timestamp() if hasattr(value, "timestamp") else value
                               for value in answer["last_seen"]]
        return {name: values[0] for name, values in answer.items()}

    typed = {
        "driver_id": Value(int64_val=7),
        "customer_id": Value(string_val="c ü"),
        "ride_time": Value(string_val="2026-03-01T12:30:00Z"),
        "trips": Value(int64_val=2**53 + 1),
        "rank": Value(int32_val=-3),
        "rate": Value(float_val=0.5),
        "acc": Value(double_val=0.1),
        "active": Value(bool_val=True),
        "city": Value(string_val="Zürich"),
        "last_seen": Value(unix_timestamp_val=1767225600),
        "tags": Value(string_list_val=StringList(val=["a", "", "ü"])),
        "fare": Value(double_val=12.5),
    }
    text = {
        "driver_id": "7",
        "customer_id": "c ü",
        "ride_time": "2026-03-02 12:30:00",
        "trips": str(-(2**63)),
        "rank": "4",
        "rate": "0.25",
        "acc": "1e-300",
        "active": "false",
        "city": "",
        "last_seen": "1767225601",
        "tags": '["x"]',
        "fare": "13",
    }
    with grpc.insecure_channel(address) as channel:
        stub = GrpcFeatureServerStub(channel)
        answers = []
        for row in ({"typed_features": typed}, {"features": text}):
            answer = stub.Push(PushRequest(stream_feature_view="rides", to="online", **row), timeout=10)
            assert answer.status
            answers.append(read())
        older = dict(typed, ride_time=Value(string_val="2026-02-01T00:00:00Z"))
        written = WriteToOnlineStoreRequest(feature_view_name="driver_now", allow_registry_cache=True, typed_features=older)
        assert stub.WriteToOnlineStore(written, timeout=10).status
        answers.append(read())
        refusals = []
        for request in (
            PushRequest(stream_feature_view="nope", to="online", features=text),
            PushRequest(stream_feature_view="rides", to="offline", features=text),
            PushRequest(stream_feature_view="rides", to="online", features=dict(text, ride_time="2026-04-01", fare="dear")),
        ):
            try:
                stub.Push(request, timeout=10)
                raise AssertionError("a push that cannot be was acknowledged")
            except grpc.RpcError as error:
                refusals.append(error.code().name)
        answers.append(read())
        return {"answers": answers, "refusals": refusals}


def main():
    command, *arguments = sys.argv[1:]
    print(json.dumps({"apply": apply, "push": push}[command](*arguments)))


main()
