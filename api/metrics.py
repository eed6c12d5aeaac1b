"""A job's metrics as series that a chart can show: thinned out so that no peak is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api import queries
from api.auth import Reader
from api.docs import problems
from api.limits import POINTS_DEFAULT, POINTS_MAX
from api.resources import Page, Series
from api.services import AppServices
from store import jobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["metrics"])

Point = tuple[int, float | None, float | None]
"""Step, epoch, value."""


class MetricsQuery(BaseModel):
    """Which series, and how fine."""

    model_config = ConfigDict(extra="forbid")

    run: str | None = Field(None, max_length=60)
    split: str | None = Field(None, max_length=20)
    max_points: int = Field(POINTS_DEFAULT, ge=4, le=POINTS_MAX, description="points of each series at most")


@dataclass
class Thinner:
    """Keeps the lowest and the highest point of each of equal stretches, and the first and last of all.

    ``length`` is how many points may come, so that memory stays at ``most`` points a series.
    """

    length: int
    most: int
    count: int = 0
    kept: list[Point] = field(default_factory=list)
    _stretch: list[Point] = field(default_factory=list)
    _at: int = -1

    def add(self, point: Point) -> None:
        """Take the next point."""
        if self.length <= self.most or self.count == 0:
            self.kept.append(point)
        else:
            self._add_to_stretch(point)
        self.count += 1

    def _add_to_stretch(self, point: Point) -> None:
        stretch = (self.count - 1) * ((self.most - 2) // 2) // max(self.length - 1, 1)
        if stretch != self._at:
            self._close()
            self._at = stretch
        lowest, highest = self._stretch or (point, point)
        height = _height(point)
        self._stretch = [
            point if height < _height(lowest) else lowest,
            point if height >= _height(highest) else highest,
        ]
        self._last = point

    def _close(self) -> None:
        unique = dict.fromkeys(self._stretch)
        self.kept += sorted(unique, key=lambda point: point[0])
        self._stretch = []

    def points(self) -> list[Point]:
        """What is left, in order."""
        if self._stretch:
            self._close()
            if self.kept[-1] != self._last:
                self.kept.append(self._last)
        return self.kept


def _height(point: Point) -> float:
    """Where a point lies; one without a value lies lowest, because a loss that is gone is news."""
    return float("-inf") if point[2] is None else point[2]


@router.get("/metrics", operation_id="getMetrics", responses=problems(404, 422))
def get_metrics(
    caller: Reader, services: AppServices, job_id: str, query: Annotated[MetricsQuery, Query()]
) -> Page[Series]:
    """Every metric of every run; of a resumed run, what counts."""
    thinners: dict[tuple[str, str, str], Thinner] = {}
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        lengths = queries.series_lengths(session, job, query.run, query.split)
        for batch in queries.points(session, job, query.run, query.split):
            for run, split, step, epoch, values in batch:
                _add(thinners, (run, split), lengths.get((run, split), 0), query.max_points, step, epoch, values)
    return Page(data=[_series(*name, thinner) for name, thinner in thinners.items()])


def _add(
    thinners: dict[tuple[str, str, str], Thinner],
    where: tuple[str, str],
    length: int,
    most: int,
    step: int,
    epoch: float | None,
    values: Mapping[str, object],
) -> None:
    for name, value in values.items():
        thinner = thinners.setdefault((*where, name), Thinner(length, most))
        thinner.add((step, epoch, float(value) if isinstance(value, int | float) else None))


def _series(run: str, split: str, name: str, thinner: Thinner) -> Series:
    points = thinner.points()
    return Series(
        run=run,
        split=split,
        name=name,
        count=thinner.count,
        steps=[point[0] for point in points],
        epochs=[point[1] for point in points],
        values=[point[2] for point in points],
    )
