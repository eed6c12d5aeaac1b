"""A small training loop as a program for several processes: ``python shared_job.py FOLDER``.

``FOLDER/plan.json`` says what to train; the first process writes a checkpoint after every step, what the steps were
recorded as, and the final weights. ``KILL=rank:step`` makes one process kill itself there.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch
from shared_steps import Training

from kdcore.distributed import open_group
from kdcore.distributed.started import begin, leave
from kdcore.spec import Plan
from kdcore.train.checkpoint import CheckpointFolder

EPOCHS = 2


def say(**line):
    print(json.dumps(line), flush=True)


def main(folder):
    asked = begin()
    group = open_group(int(os.environ.get("PROCESSES", os.environ["WORLD_SIZE"])), "cpu", patience=20)
    training = Training(group, Plan.model_validate_json((folder / "plan.json").read_text()), torch.float64)
    per_epoch = training.run.steps_per_epoch
    checkpoints = CheckpointFolder(folder, "0" * 64)
    found = checkpoints.load()
    group.barrier()  # nobody writes before all have read
    done, records = 0, []
    if found is not None:
        training.restore(found[1]["training"])
        done, records = found[0]["step"], found[1]["records"]
    if group.first:
        say(began=done)
    while done < EPOCHS * per_epoch:
        for record in training.epoch(done // per_epoch, done % per_epoch):
            records.append(record)
            done += 1
            if os.environ.get("KILL") == f"{group.rank}:{done}":
                os.kill(os.getpid(), signal.SIGKILL)
            if group.first:
                state = {"training": training.state(), "records": records}
                checkpoints.save({"step": done, "run": "distil"}, state, [])
                say(step=done)
            if group.decided(int(asked() is not None)):
                if group.first:
                    say(stopped=asked(), step=done)
                return
    if group.first:
        torch.save(training.state()["learners"], folder / "weights.pt")
        (folder / "records.json").write_text(json.dumps(records))
    group.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave(0)
