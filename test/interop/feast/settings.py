"""How real Feast reads settings of feature_store.yaml.

Takes samples on standard input, one JSON document: a list of [section, other settings, key, value as YAML text], the section
empty for the top of the file. Prints, as one JSON document, what Feast made of each value, or "refused".
"""

import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

from feast.repo_config import FeastConfigError, load_repo_config
from pydantic import ValidationError

warnings.simplefilter("ignore")
os.environ["SAMPLE"] = "54"


def file_with(section, others, key, text):
    settings = "".join(f", {name}: {json.dumps(value)}" for name, value in others.items())
    lines = {"project": "shop", "registry": "r.db"}
    if section:
        lines[section] = f"{{{key}: {text}{settings}}}"
    else:
        lines[key] = text
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def read(file, section, key):
    config = load_repo_config(file.parent, file)
    part = {"": "", "online_store": "online_store", "registry": "registry", "auth": "auth_config"}[section]
    return getattr(getattr(config, part) if part else config, key)


def main():
    results = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "feature_store.yaml"
        for section, others, key, text in json.load(sys.stdin):
            file.write_text(file_with(section, others, key, text))
            try:
                results.append(read(file, section, key))
            except (FeastConfigError, ValidationError):
                results.append("refused")
    print(json.dumps(results))


main()
