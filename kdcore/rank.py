"""``python -m kdcore.rank WORKDIR KEPT PROJECT``: one of the processes of a job; `kdcore.run` starts them."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from kdcore import EngineError, Stopped, run
from kdcore.distributed.places import Place
from kdcore.distributed.started import begin, leave
from kdcore.host.wire import Records
from kdcore.spec import Plan
from kdcore.train.cache import Keep

DONE, FAILED = 0, 70


def main(workdir: Path, keep: Keep) -> int:
    """Run this process's part; records go to the standard output, whatever libraries print to the error output."""
    asked = begin()
    records = Records(os.dup(1))
    os.dup2(2, 1)
    first = Place.of().rank == 0
    plan = Plan.model_validate_json((workdir / "plan.json").read_text())
    try:
        run(plan, workdir, records.write, stop=asked, keep=keep)
    except Stopped as stopped:
        if first:
            records.write({"type": "stopped", "reason": stopped.reason})
    except EngineError as error:
        records.write({"type": "error", "code": error.code, "message": error.message, "param": error.param})
        return FAILED
    return DONE


if __name__ == "__main__":
    code = 1
    try:
        code = main(Path(sys.argv[1]), Keep(Path(sys.argv[2]), sys.argv[3]))
    except BaseException:
        traceback.print_exc()
    leave(code)
