"""What test/interop/materialize.test.ts lets real Feast do, in one process.

    loading.py REPO START END [LATER]   apply the definitions, keep what that made beside the files (data/*.applied), materialize,
                                        and where there is a later time, materialize up to there as well
"""

import os
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path

os.environ["TZ"] = "UTC"
time.tzset()


def main():
    from feast import Entity, FeatureStore, FeatureView

    repo, *bounds = sys.argv[1:]
    os.chdir(repo)
    store = FeatureStore(repo_path=".")
    start, end, *later = [datetime.fromisoformat(bound) for bound in bounds]
    definitions = {"__name__": "definitions"}
    exec(compile(Path("definitions.py").read_text(), "definitions.py", "exec"), definitions)
    store.apply([each for each in definitions.values() if isinstance(each, (Entity, FeatureView))])
    for made in Path("data").glob("*.db"):
        shutil.copy(made, made.with_suffix(".applied"))
    store.materialize(start, end)
    for time_ in later:
        store.materialize_incremental(time_)


main()
