"""Pages of the papers, from the results in ``docs/studies``: ``python -m kdcore.spec.studies.pages FOLDER``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from kdcore.spec.studies.extras import extras
from kdcore.spec.studies.findings import Checked, Results, checked
from kdcore.spec.studies.papers import PAPERS, Paper
from kdcore.spec.studies.showing import number, p_value, points, seconds, share, table

REMARK = (
    "<!-- Written by `make pages` from the results beside it: change kdcore/spec/studies or run the study instead. -->"
)

HEAD = ("study", "source", "its claims here")
INTRO = """\
Each paper's claims, put to the test on small real data with this engine. The scale is far below the papers': what does
not show here may show there, and the other way round. Every page says what ran; negative results stand as they came."""
REPEAT = """\
## Repeating one

`python -m kdcore.study` runs a study in one process: each job is a trial that ends with the student's scores on the
test split, without files to deliver. It writes the results after each trial and goes on where it stopped; `make pages`
makes the pages from `docs/studies/*.json`. A dataset that is not built in is brought first, as its page says, and named
by the folder of its pack: `--data PACK`.

The same specs go to a service with `distill study submit`: put the id that `distill datasets create` prints in the
place of the dataset's id. Each job then exports and reports, too, which takes longer than training such small students.

`distillery/studies/NAME-full.yaml` asks the same question for a GPU, nearer to the paper's size."""


def pages(folder: Path) -> dict[str, str]:
    """Every page by its file name, the list first; papers without results have none."""
    found = {paper.name: _results(paper, folder) for paper in PAPERS}
    told = [paper for paper in PAPERS if found[paper.name]]
    return {"README.md": _list(told, found), **{f"{paper.name}.md": _page(paper, found[paper.name]) for paper in told}}


def _results(paper: Paper, folder: Path) -> dict[str, Results]:
    files = {name: folder / f"{name}.json" for name in paper.studies}
    documents = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()}
    return {name: Results(document) for name, document in documents.items() if document["runs"]}


def _list(told: list[Paper], found: Mapping[str, Mapping[str, Results]]) -> str:
    rows = [
        [f"[{paper.title}]({paper.name}.md)", paper.source, _tally(checked(paper.checks, found[paper.name]))]
        for paper in told
    ]
    return "\n\n".join(["# The papers as studies", REMARK, INTRO, table(HEAD, rows), REPEAT]) + "\n"


def _tally(found: list[Checked]) -> str:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _page(paper: Paper, results: Mapping[str, Results]) -> str:
    parts = [f"# {paper.title}", REMARK, f"Source: {paper.source}."]
    parts += ["## What the paper claims", "\n".join(f"- {claim}" for claim in paper.claims)]
    parts += ["## What we ran", *(_ran(one) for one in results.values()), paper.scale]
    parts += ["The data:", paper.data] if "```" in paper.data else [f"The data: {paper.data}"]
    parts += ["## What came out"]
    for one in results.values():
        parts += [f"### `{one.name}`", _scores(one), *_failures(one), *extras(paper.extras, one)]
    parts += ["## Does it agree?", _checks(paper, results)]
    if paper.notes:
        parts += ["## To be kept in mind", "\n".join(f"- {note}" for note in paper.notes)]
    missing = [name for name in paper.studies if name not in results]
    if missing:
        parts.append(f"Not run yet: {', '.join(f'`{name}`' for name in missing)}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _ran(one: Results) -> str:
    base = one.document["study"]["base"]
    dataset = base["dataset"].get("name") or base["dataset"].get("id") or one.name
    limit = base["dataset"].get("limit")
    drawn = f", {limit:,} examples drawn to train and validate on" if limit else ""
    cost = [sum(run["processor_seconds"].values()) for run in one.runs]
    seeds = f"{len(one.seeds)} seed{'s' if len(one.seeds) != 1 else ''}: {', '.join(map(str, one.seeds))}"
    taught = sum(sum(run["processor_seconds"].values()) for run in one.document["teachers"])
    spent = f"{sum(cost) / len(cost):.1f} s of one processor a trial, {(sum(cost) + taught) / 60:.0f} minutes in all"
    flags = "" if "name" in base["dataset"] else f" --data {dataset}"
    return (
        f"**`{one.name}`**: {one.document['study'].get('question', '')} Data: `{dataset}`{drawn}. {len(one.runs)} "
        f"trials ({seeds}; {spent}, with one thread). {_teachers(one)}\n\n"
        f"```\npython -m kdcore.study distillery/studies/{one.name}.yaml \\\n"
        f"    --results {one.name}.json --workdir work{flags}\n"
        f"distill study submit distillery/studies/{one.name}.yaml     # through a service\n```"
    )


def _teachers(one: Results) -> str:
    found = [run for run in one.document["teachers"] if run["status"] == "succeeded"]
    told = [
        f"{number(run['parameters'])} parameters, {share(run['score'])} on the test split after {run['steps']} steps"
        for run in found
    ]
    if not told:
        return ""
    head = "One teacher for all seeds" if len(told) == 1 else f"{len(told)} teachers, each for all seeds"
    return f"{head} ({'; '.join(told)})."


def _scores(one: Results) -> str:
    metric, reference = one.document["metric"]["title"], one.document["reference"]
    head = [
        "arm",
        "parameters",
        "seeds",
        f"{metric} (95 %)",
        "sd",
        f"against {reference} (95 %)",
        "p",
        "training",
        "step",
    ]
    rows = [
        [
            f"{arm.name}{' *' if arm.front else ''}",
            number(arm.parameters),
            str(arm.score.n),
            share(abs(arm.score.mean), arm.score.interval),
            "–" if arm.score.sd is None else f"{100 * arm.score.sd:.1f}",
            "–" if arm.against is None else points(arm.against.difference, arm.against.interval),
            p_value(arm.p_value),
            seconds(arm.seconds.mean),
            f"{arm.step_ms:.0f} ms",
        ]
        for arm in one.table()
    ]
    foot = (
        "Scores of the test split in per cent; differences in points, paired by seed; p of the paired t-test, "
        "corrected over the arms of the table (Holm); no interval under three seeds. Training: processor seconds of "
        "one trial without preparation, evaluation and shared teachers. `*`: no other arm is better and cheaper "
        "(Pareto front)."
    )
    return f"{table(head, rows)}\n\n{foot}"


def _failures(one: Results) -> Iterator[str]:
    failed = one.failed()
    if failed:
        lines = [f"- {run['arm']}, seed {run['seed']}: {run.get('error', run['status'])}" for run in failed]
        yield "\n".join(["These trials failed:", "", *lines])


def _checks(paper: Paper, results: Mapping[str, Results]) -> str:
    rows = [
        [one.check.claim, points(one.found.difference, one.found.interval), p_value(one.p_value), f"**{one.verdict}**"]
        for one in checked(paper.checks, results)
        if one.verdict != "not run"
    ]
    foot = (
        "`agrees`: the difference has the claim's direction and a p below 0.05 after correction over all rows (Holm); "
        "`disagrees`: the other direction, as surely; `not shown`: too small for these seeds to tell. Where the claim "
        "is that two arms are alike, `no difference shown` is no proof that there is none."
    )
    return f"{table(['claim', 'difference (95 %)', 'p', 'here'], rows)}\n\n{foot}"


def write(folder: Path) -> None:
    """Write the pages beside the results, and remove those whose results are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages(folder)
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
