"""What the interop test lets real Feast do. Every command prints one JSON document on its last line.

    session.py materialize REPO     apply the definitions, write source rows, materialize them into the online store
    session.py read REPO            answer the requests on standard input with FeatureStore.get_online_features
    session.py call ADDRESS         send the requests on standard input with the stubs of the feast package

A request is {"features": [...]} or {"service": ...}, with "entities" (column to values) and "full_feature_names".
An answer is a serialized GetOnlineFeaturesResponse, in hexadecimal.
"""

import json
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

os.environ["TZ"] = "UTC"
time.tzset()

EVENT_TIME = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
WINDOW = (datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 6, 1, tzinfo=timezone.utc))


def materialize(repo):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from feast import Entity, FeatureService, FeatureStore, FeatureView

    os.chdir(repo)
    definitions = {"__name__": "definitions"}
    exec(compile(Path("definitions.py").read_text(), "definitions.py", "exec"), definitions)
    drivers = list(range(1001, 1006))
    times = pa.array([EVENT_TIME] * len(drivers), pa.timestamp("us", tz="UTC"))
    driver_stats = {
        "driver_id": drivers,
        "conv_rate": pa.array([d % 7 / 7 for d in drivers], pa.float32()),
        "acc_rate": [0.1, -0.0, None, float("inf"), 1e-300],
        "trips": [2**53 + 1, -(2**63), 2**63 - 1, 0, 7],
        "rank": pa.array([1, -1, 2**31 - 1, -(2**31), 0], pa.int32()),
        "active": [True, False, None, True, False],
        "city": ["Berlin", "", None, "Zürich", "東京"],
        "last_seen": pa.array([1767225600000000 + d for d in range(5)], pa.timestamp("us", tz="UTC")),
        "tags": [["a", ""], [], ["ü"], None, ["x", "y", "z"]],
        "event_timestamp": times,
    }
    ride_stats = {
        "driver_id": drivers,
        "customer_id": [f"c{d % 3}" for d in drivers],
        "rides": [d - 1000 for d in drivers],
        "rating": [4.5, None, 3.25, 0.0, 5.0],
        "event_timestamp": times,
    }
    Path("data").mkdir(exist_ok=True)
    pq.write_table(pa.table(driver_stats), "data/driver_stats.parquet")
    pq.write_table(pa.table(ride_stats), "data/ride_stats.parquet")
    store = FeatureStore(repo_path=".")
    store.apply([o for o in definitions.values() if isinstance(o, (Entity, FeatureView, FeatureService))])
    store.materialize(*WINDOW)
    return {"materialized": [view.name for view in store.list_feature_views()]}


def read(repo, requests):
    from feast import FeatureStore

    os.chdir(repo)
    store = FeatureStore(repo_path=".")
    answers = []
    for request in requests:
        features = store.get_feature_service(request["service"]) if "service" in request else request["features"]
        columns = request["entities"]
        rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
        full = request.get("full_feature_names", False)
        response = store.get_online_features(features=features, entity_rows=rows, full_feature_names=full)
        answers.append(response.proto.SerializeToString().hex())
    return answers


def call(address, requests):
    import grpc
    from feast.protos.feast.serving.GrpcServer_pb2_grpc import GrpcFeatureServerStub
    from feast.protos.feast.serving.ServingService_pb2 import GetFeastServingInfoRequest, GetOnlineFeaturesRequest
    from feast.protos.feast.serving.ServingService_pb2_grpc import ServingServiceStub
    from feast.protos.feast.types.Value_pb2 import Value

    def value(python):
        return Value(int64_val=python) if isinstance(python, int) else Value(string_val=python)

    with grpc.insecure_channel(address) as channel:
        feature_server, serving_service = GrpcFeatureServerStub(channel), ServingServiceStub(channel)
        answers = []
        for request in requests:
            message = GetOnlineFeaturesRequest(full_feature_names=request.get("full_feature_names", False))
            if "service" in request:
                message.feature_service = request["service"]
            else:
                message.features.val.extend(request["features"])
            for name, values in request["entities"].items():
                message.entities[name].val.extend(value(v) for v in values)
            answer = feature_server.GetOnlineFeatures(message, timeout=10)
            assert serving_service.GetOnlineFeatures(message, timeout=10) == answer
            answers.append(answer.SerializeToString().hex())
        try:
            serving_service.GetOnlineFeatures(GetOnlineFeaturesRequest(feature_service="nope"), timeout=10)
            raise AssertionError("an unknown feature service was answered")
        except grpc.RpcError as error:
            refusal = {"status": error.code().name, "details": error.details()}
        info = serving_service.GetFeastServingInfo(GetFeastServingInfoRequest(), timeout=10)
        return {"answers": answers, "refusal": refusal, "version": info.version}


def main():
    command, target = sys.argv[1:]
    if command == "materialize":
        result = materialize(target)
    else:
        result = {"read": read, "call": call}[command](target, json.load(sys.stdin))
    print(json.dumps(result))


main()
