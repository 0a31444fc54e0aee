"""`assay policy`: what evaluations that come through the server may do, and whether a config may run."""

from __future__ import annotations

from typing import Annotated

import typer

from flows import console, environment
from tasks.errors import BadEvaluation, unknown


def policy(
    action: Annotated[str | None, typer.Argument(help="check, to ask about configs and suites.")] = None,
    config: Annotated[
        list[str] | None, typer.Argument(help="Config or suite files, or names of shipped ones.")
    ] = None,
) -> None:
    """Show the policy in force, or say whether configs and suites would be allowed by it."""
    from tasks.policy import rules

    environment.prepare()
    standing = rules.in_force()
    if action is None:
        import yaml

        shown = {
            **standing.policy.model_dump(mode="json"),
            "paths": [str(each) for each in standing.folders],
        }
        console.out.print(f"# {standing.file}", markup=False, highlight=False, soft_wrap=True)
        console.out.print(
            yaml.safe_dump(shown, sort_keys=False), markup=False, highlight=False, soft_wrap=True, end=""
        )
        return
    if action != "check":
        raise unknown("action", action, ["check"])
    if not config:
        raise BadEvaluation("Name a config or a suite to check, as `assay policy check sst2`.")
    verdicts = [_allowed(each) for each in config]
    if not all(verdicts):
        raise typer.Exit(2)


def _allowed(name: str) -> bool:
    """Print whether a config or suite may run, and return it."""
    from tasks import configs, suites
    from tasks.events import schedules
    from tasks.policy import admission, rules

    given = suites.read(suites.find(name)) if schedules.is_suite(name) else configs.read(configs.find(name))
    refusal = admission.verdict(given, rules.in_force())
    console.out.print(f"{name}: {refusal or 'allowed'}", markup=False, highlight=False, soft_wrap=True)
    return refusal is None
