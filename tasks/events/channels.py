"""Channels: who is told of what, as configs/notifications.yaml says it. No secrets: only where they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from tasks import configs
from tasks.errors import BadEvaluation, NotFound, UserError, listing, unknown
from tasks.settings import Strict

SHIPPED = configs.SHIPPED.parent / "notifications.yaml"
Told = Literal["completed", "failed", "regressed", "crashed"]
TOLD: tuple[Told, ...] = ("completed", "failed", "regressed", "crashed")


class Channel(Strict):
    """What is told through one block."""

    on: list[Told] = Field(min_length=1, description="What is told: completed, failed, regressed, crashed.")
    block: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]+/[a-z0-9-]+$",
        description="A notification block that is there, as slack-webhook/team.",
    )
    via: Literal["slack", "webhook", "apprise"] | None = Field(
        None, description="Without a block: one that is made from the environment."
    )
    address_env: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable that holds its address, which is kept in the block alone.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.block is None and (self.via is None or self.address_env is None):
            raise ValueError("a channel has either 'block', or 'via' and 'address_env'")
        if self.block is not None and (self.via or self.address_env):
            raise ValueError("a channel that names a block needs no 'via' and no 'address_env'")
        return self


class Channels(Strict):
    """All channels: the whole of configs/notifications.yaml."""

    notifications: list[Channel] = Field(description="The channels; an empty list tells nobody.")


def read(path: Path) -> list[Channel]:
    """Read channels from a YAML file.

    Raises:
        UserError: There is no such file, it is not YAML, or it does not say who is told of what.
    """
    if not path.is_file():
        raise NotFound(f"There is no file '{path}' that says who is told of what.")
    given = configs.document(path)
    try:
        return parse(given)
    except UserError as error:
        raise type(error)(f"{path}: {error}") from error


def parse(given: Any) -> list[Channel]:
    """Make channels of plain data, or say in one sentence why they are none.

    >>> parse({"notifications": [{"on": ["failed"], "block": "slack-webhook/team"}]})[0].on
    ['failed']
    """
    if not isinstance(given, Mapping) or set(given) != {"notifications"}:
        raise BadEvaluation("Notifications are a mapping with the one key 'notifications', a list.")
    for number, channel in enumerate(given["notifications"] or []):
        for kind in channel.get("on") or [] if isinstance(channel, Mapping) else []:
            if kind not in TOLD:
                raise unknown(f"notification in notifications.{number}.on", str(kind), TOLD)
    try:
        return Channels.model_validate({"notifications": given["notifications"] or []}).notifications
    except ValidationError as error:
        raise configs.explain(error, Channels) from error


def address(channel: Channel, environment: Mapping[str, str]) -> str:
    """Return the address that a channel's environment variable holds.

    Raises:
        BadEvaluation: It is not set, or is no address; the message does not show what it holds.
    """
    name = channel.address_env or ""
    found = environment.get(name, "").strip()
    if not found:
        there = sorted(each for each in environment if each.startswith("ASSAY_"))
        raise BadEvaluation(
            f"The environment variable {name} is not set, and a channel's address is in it; set here are: "
            f"{listing(there)}."
        )
    if "://" not in found or (channel.via != "apprise" and not found.startswith(("http://", "https://"))):
        kind = (
            "an Apprise address, as mailtos://user:password@host" if channel.via == "apprise" else "http(s)"
        )
        raise BadEvaluation(f"The environment variable {name} holds no address of the kind: {kind}.")
    return found
