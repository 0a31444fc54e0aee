"""`assay reevaluate`: an evaluation made again where something changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from flows import console, environment, foreground
from flows.serving import companion
from tasks import configs
from tasks.errors import UnknownName

if TYPE_CHECKING:
    from tasks.repetition.changes import Looked
    from tasks.repetition.reevaluation import Reevaluation
    from tasks.spec import Evaluation


def reevaluate(
    target: Annotated[
        str,
        typer.Argument(
            help="A config file, a shipped config's name, or an MLflow run by id, its beginning, or name."
        ),
    ],
    margin: Annotated[
        float, typer.Option(min=0, help="A difference up to this does not matter, in the score's own units.")
    ] = 0.0,
    alpha: Annotated[
        float, typer.Option(help="A difference counts where its corrected p-value is below this.")
    ] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Evaluate again what changed, say which scores got worse, and keep a history. Exit code 1: some did."""
    environment.prepare()
    evaluation = _evaluation(target)
    from tasks.repetition import changes

    looked = changes.look(evaluation)
    if not any(each.changed for each in looked):
        _say_unchanged(looked, as_json=as_json)
        return
    found = _made_again(evaluation, margin, alpha)
    from tasks.repetition import reevaluation_report

    if as_json:
        print(json.dumps(reevaluation_report.as_json(found), ensure_ascii=False, allow_nan=False))
    else:
        for sentence in reevaluation_report.sentences(found):
            console.out.print(sentence, markup=False, soft_wrap=True)
    if found.regressed:
        raise typer.Exit(1)


def _evaluation(target: str) -> Evaluation:
    """Return a config's evaluation, or that of a run as it was asked for, of all models it stands for."""
    try:
        return configs.read(configs.find(target))
    except UnknownName as unknown:
        from tasks.errors import NotFound
        from tasks.tracking import finished

        try:
            runs = finished.find([target])
        except NotFound as error:
            raise NotFound(f"'{target}' is neither a config nor a run. {unknown} {error}") from error
    models = [model for run in runs for model in run.record.evaluation.models]
    return runs[0].record.evaluation.model_copy(update={"models": models})


def _say_unchanged(looked: list[Looked], *, as_json: bool) -> None:
    lasts = [(each.name, each.last.run_id) for each in looked if each.last]
    if as_json:
        models = [{"model": name, "changed": [], "run_id": run_id} for name, run_id in lasts]
        print(json.dumps({"changed": False, "models": models}, ensure_ascii=False))
        return
    for name, run_id in lasts:
        console.out.print(
            f"{name}: nothing changed since run {run_id[:8]}; nothing was computed.", markup=False
        )


def _made_again(evaluation: Evaluation, margin: float, alpha: float) -> Reevaluation:
    given = {name: getattr(evaluation, name) for name in type(evaluation).model_fields}
    with companion.server() as prefect, foreground.on_terminal(prefect, _flow) as flow:
        return flow(**given, margin=margin, alpha=alpha)


def _flow() -> Callable[..., Reevaluation]:
    from flows.reevaluation import reevaluate

    return reevaluate
