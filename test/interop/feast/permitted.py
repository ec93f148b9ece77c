"""Says what Feast's permissions let callers do.

    permitted.py < QUESTIONS

QUESTIONS is a JSON list of {"permissions": [serialized feast.core.Permission in base64], "kind": ..., "name": ..., "action": ...,
"caller": {"name", "roles", "groups", "namespaces"}}. Prints on its last line a JSON list with true, false, or the name of an error.
"""

import base64
import json
import logging
import sys

from feast import FeatureService, FeatureView, OnDemandFeatureView, StreamFeatureView
from feast.errors import FeastPermissionError
from feast.labeling.label_view import LabelView
from feast.permissions.action import AuthzedAction
from feast.permissions.enforcer import enforce_policy
from feast.permissions.permission import Permission
from feast.permissions.user import User
from feast.protos.feast.core.Permission_pb2 import Permission as PermissionProto

logging.disable(logging.CRITICAL)
KINDS = {
    "feature_view": FeatureView,
    "stream_feature_view": StreamFeatureView,
    "on_demand_feature_view": OnDemandFeatureView,
    "label_view": LabelView,
    "feature_service": FeatureService,
}


def resource(kind, name):
    """An object of which only kind and name are looked at."""
    made = KINDS[kind].__new__(KINDS[kind])
    made.name = name
    return made


def answer(question):
    try:
        permissions = [Permission.from_proto(PermissionProto.FromString(base64.b64decode(each))) for each in question["permissions"]]
        caller = question["caller"]
        user = User(caller["name"], caller["roles"], caller["groups"], caller["namespaces"])
        enforce_policy(permissions, user, [resource(question["kind"], question["name"])], [AuthzedAction[question["action"]]])
        return True
    except FeastPermissionError:
        return False
    except Exception as error:
        return f"{type(error).__name__}: {error}"


print()
print(json.dumps([answer(question) for question in json.load(sys.stdin)]))
