"""`assay`: the command line.

Exit codes: 0 done, 1 something broke, 2 the evaluation as written cannot run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

import typer

from flows import console
from flows.commands import (
    card,
    catalogue,
    compare,
    datasets,
    deploy,
    doctor,
    down,
    leaderboard,
    models,
    notify,
    policy,
    publish,
    receive,
    reevaluate,
    reported,
    reproduce,
    run,
    submit,
    suite,
    sync,
    ui,
    up,
    verify,
    worker,
)
from tasks.errors import AssayError, UserError

app = typer.Typer(
    help="Evaluate any model on any dataset with any metric, on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

COMMANDS: Mapping[str, Callable[..., None]] = {
    "run": run.run,
    "suite": suite.suite,
    "list": catalogue.show,
    "compare": compare.compare,
    "reproduce": reproduce.reproduce,
    "reevaluate": reevaluate.reevaluate,
    "leaderboard": leaderboard.leaderboard,
    "models": models.models,
    "datasets": datasets.datasets,
    "card": card.card,
    "publish": publish.publish,
    "verify": verify.verify,
    "reported": reported.reported,
    "submit": submit.submit,
    "deploy": deploy.deploy,
    "worker": worker.worker,
    "policy": policy.policy,
    "sync": sync.sync,
    "notify": notify.notify,
    "receive": receive.receive,
    "ui": ui.ui,
    "up": up.up,
    "down": down.down,
    "doctor": doctor.doctor,
}
"""Every command by name; its signature and docstring are its options and its help."""

for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def main() -> None:
    """Run the command line, turning what goes wrong into one sentence and an exit code."""
    debug = bool(os.environ.get("ASSAY_DEBUG"))

    try:
        app()
    except UserError as error:
        console.fail(str(error))
        sys.exit(2)
    except AssayError as error:
        console.fail(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        console.fail("Stopped; finished chunks are kept and will be reused.")
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        console.fail(f"{type(error).__name__}: {error} (set ASSAY_DEBUG=1 for the traceback)")
        sys.exit(1)


if __name__ == "__main__":
    main()
