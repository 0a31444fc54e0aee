"""`assay leaderboard`: the latest score of every model on every dataset, here, as a page, or as a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from flows import console, environment


def leaderboard(
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    task: Annotated[str | None, typer.Option(help="Only this task type.")] = None,
    metric: Annotated[str | None, typer.Option(help="By this score instead of each one's headline.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page to open in a browser, by all scores.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a CSV file.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown tables.")] = None,
    latex: Annotated[Path | None, typer.Option(help="Write LaTeX tables.")] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Keep the page in MLflow, and link it from Prefect.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show the latest score of every model on every dataset; what cannot be told apart shares a rank."""
    environment.prepare()
    from tasks.board import board_exports, board_page
    from tasks.board import leaderboard as board

    every = board.read(dataset=dataset, task=task)
    places = board.chosen(every, metric)
    texts: dict[Path | None, Callable[[], str]] = {
        csv: lambda: board_exports.as_csv(places),
        markdown: lambda: board_exports.as_markdown(places),
        latex: lambda: board_exports.as_latex(places),
        html: lambda: board_page.page(every, _pages()),
    }
    wanted = {path: text for path, text in texts.items() if path is not None}
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(), encoding="utf-8")
        console.aside.print(f"Wrote {path}.", markup=False, soft_wrap=True)
    if publish:
        from tasks.board import board_publication

        address = board_publication.publish(every, _pages())
        _link(address)
        console.out.print(f"The leaderboard is at {address}", markup=False, soft_wrap=True)
        return
    if as_json:
        print(json.dumps(board.as_json(places), ensure_ascii=False))
    elif not wanted:
        board.show(console.out, places)


def _link(address: str) -> None:
    """Show the page among Prefect's artifacts, where there is a server that keeps them."""
    if not address.startswith("http") or not os.environ.get("PREFECT_API_URL"):
        return
    from prefect.artifacts import create_link_artifact

    create_link_artifact(
        address, link_text="Leaderboard", key="leaderboard", description="Every model, ranked"
    )


def _pages() -> str:
    """Return the address of MLflow's pages, where a server shows them."""
    from tasks.tracking import outbox

    address = outbox.address()
    if address.startswith("http"):
        return address
    return os.environ.get("ASSAY_MLFLOW_PAGES") or str(environment.running_servers().get("mlflow", ""))
