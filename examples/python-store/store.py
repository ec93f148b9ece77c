"""A store process: Feast's protocol grpc.connector.OnlineStore over the rows of a JSON file.

The generated code is that of the `feast` package. Without it, generate your own from proto/feast/serving/Connector.proto.
"""

import argparse
import json
from concurrent import futures
from pathlib import Path

import grpc
from feast.protos.feast.serving import Connector_pb2, Connector_pb2_grpc
from google.protobuf.json_format import ParseDict


class JsonStore(Connector_pb2_grpc.OnlineStoreServicer):
    def __init__(self, path):
        # {"<view>": [{"key": {...}, "time": "...", "values": {"<feature>": {"int64Val": "1"}}}]}
        self._views = {
            view: {self._text(row["key"]): row for row in rows} for view, rows in json.loads(path.read_text()).items()
        }

    def OnlineRead(self, request, context):
        # A request for nothing asks whether the store is there.
        if not request.view and not request.entityKeys:
            return Connector_pb2.OnlineReadResponse()
        rows = self._views.get(request.view)
        if rows is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no view {request.view}")
        # One list per key, in the order of the keys; an empty one where there is no row.
        return Connector_pb2.OnlineReadResponse(
            results=[self._features(request, rows.get(self._text(self._key(key)))) for key in request.entityKeys]
        )

    def _features(self, request, row):
        result = Connector_pb2.ConnectorFeatureList()
        for name in request.features if row else []:
            if name not in row["values"]:
                continue
            feature = result.featureList.add()
            feature.reference.feature_view_name = request.view
            feature.reference.feature_name = name
            feature.timestamp.FromJsonString(row["time"])
            # A null is a value that is not set.
            feature.value.SetInParent()
            if row["values"][name] is not None:
                ParseDict(row["values"][name], feature.value)
        return result

    @staticmethod
    def _key(key):
        return {name: getattr(value, value.WhichOneof("val")) for name, value in zip(key.join_keys, key.entity_values)}

    @staticmethod
    def _text(key):
        return json.dumps(key, sort_keys=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:50071", help="HOST:PORT or unix:/path")
    parser.add_argument("--rows", type=Path, default=Path(__file__).with_name("rows.json"))
    arguments = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    Connector_pb2_grpc.add_OnlineStoreServicer_to_server(JsonStore(arguments.rows), server)
    port = server.add_insecure_port(arguments.address)
    server.start()
    where = arguments.address if arguments.address.startswith("unix:") else f"{arguments.address.rsplit(':', 1)[0]}:{port}"
    print(f"store process on {where}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
