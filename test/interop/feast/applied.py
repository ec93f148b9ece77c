"""What real Feast makes of a project that Sideboard applied. Prints a JSON object on its last line: what `feast feature-views list`,
`entities list`, `feature-services list` print, its answers to the requests on standard input, what `feast plan` says of the
definitions.py in the repo, and what `feast apply` says with `--apply`.

    applied.py REPO [--apply]
"""

import json
import os
import sys


def main(repo, *options):
    requests = json.load(sys.stdin) or []
    os.chdir(repo)
    # Not the definitions.py beside this script.
    sys.path[0] = repo
    from click.testing import CliRunner
    from feast import FeatureStore
    from feast.cli.cli import cli

    def feast(*args):
        result = CliRunner().invoke(cli, ["-c", repo, *args], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    said = {
        "views": feast("feature-views", "list"),
        "entities": feast("entities", "list"),
        "services": feast("feature-services", "list"),
        "answers": [],
    }
    store = FeatureStore(repo_path=".")
    for request in requests:
        features = store.get_feature_service(request["service"]) if "service" in request else request["features"]
        columns = request["entities"]
        rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
        said["answers"].append(store.get_online_features(features=features, entity_rows=rows).to_dict())
    said["plan"] = feast("plan", "--skip-source-validation")
    if "--apply" in options:
        said["apply"] = feast("apply", "--skip-source-validation")
    print(json.dumps(said, default=str))


main(*sys.argv[1:])
