"""What the parts of one worker share."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Database
from store.doorbell import BackgroundDoorbell
from store.files import Files
from worker.beat import Beat
from worker.folders import Folders
from worker.settings import WorkerSettings


@dataclass(frozen=True)
class Tools:
    """The database, the files, the doorbell and the pulse of a worker, with its settings and its name."""

    worker_id: str
    serves: tuple[str, ...]
    settings: WorkerSettings
    database: Database
    files: Files
    doorbell: BackgroundDoorbell
    folders: Folders
    beat: Beat
