"""Notifications: automations of Prefect that send Assay's events on through notification blocks.

The server sends them, so that a run that died is told of too, and a worker needs no way out to Slack.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger
from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.sorting import AutomationSort
from prefect.events.actions import SendNotification
from prefect.exceptions import ObjectNotFound
from prefect.utilities.urls import url_for
from pydantic import SecretStr

from flows.events.announcements import ALONE
from tasks.errors import BadEvaluation, listing, nearest
from tasks.events import channels
from tasks.events.channels import Channel, Told

PREFIX = "assay: tell of "
_ANY = UUID(int=0)
FLOWS = ["evaluate", "suite", "reevaluate"]
"""Flows whose crash is told."""
SLACK = re.compile(r"^https://hooks\.slack(-gov)?\.com/services/")

SUBJECT = (
    "{{ event.payload.subject or "
    "(event.event.split('.')[-1] ~ ': ' ~ (event.resource['prefect.resource.name'] or event.resource.id)) }}"
)
MESSAGE = (
    "{% if event.payload.message %}{{ event.payload.message }}{% else %}"
    "{% for name, value in event.payload.items() %}{{ name }}: {{ value }}\n{% endfor %}{% endif %}"
)
"""Of an event that brings no words of its own, all that it brings."""
REGRESSED_SUBJECT = (
    "{% if event.payload.score %}Regressed: {{ event.payload.model }} on {{ event.payload.dataset }}, "
    "{{ event.payload.score }} {{ '%.4g'|format(event.payload.new) }}, was "
    "{{ '%.4g'|format(event.payload.old) }}{% else %}" + SUBJECT + "{% endif %}"
)
REGRESSED_MESSAGE = (
    "{% if event.payload.score %}{{ event.payload.task }} on {{ event.payload.dataset }} "
    "({{ event.payload.split }}, {{ event.payload.rows }} rows)\n"
    "{{ event.payload.model }}: {{ event.payload.score }} {{ '%.4g'|format(event.payload.new) }}, was "
    "{{ '%.4g'|format(event.payload.old) }}; {{ '%+.4g'|format(event.payload.difference) }}, "
    "p = {{ '%.2g'|format(event.payload.p_value) }}\n"
    "{% if event.payload.prefect_run %}Prefect: {{ event.payload.prefect_run }}\n{% endif %}"
    "MLflow: {{ event.payload.mlflow_run }}{% else %}" + MESSAGE + "{% endif %}"
)
CRASHED_SUBJECT = "Crashed: {{ flow_run.name }}"
CRASHED_MESSAGE = (
    "{{ flow_run.state.message or 'The process that ran it is gone.' }}\n"
    "What was finished is kept; run it again and it goes on.\nPrefect: PAGE"
)


def trigger(kind: Told) -> EventTrigger:
    """Return what a kind of notification waits for; evaluations inside a suite are left to the suite's."""
    at_once: dict[str, Any] = {"threshold": 1, "within": timedelta(0)}
    if kind == "crashed":
        related = {"prefect.resource.role": "flow", "prefect.resource.name": FLOWS}
        return EventTrigger(expect={"prefect.flow-run.Crashed"}, match_related=related, **at_once)
    events = {f"assay.{about}.{kind}" for about in ("evaluation", "suite")}
    if kind == "regressed":
        return EventTrigger(expect=events, **at_once)
    return EventTrigger(expect=events, match={"assay.part_of": ALONE}, **at_once)


def automation(kind: Told, block: str, block_id: UUID) -> AutomationCore:
    """Return the automation that sends one kind of event through one block."""
    subject, body = {
        "crashed": (CRASHED_SUBJECT, CRASHED_MESSAGE),
        "regressed": (REGRESSED_SUBJECT, REGRESSED_MESSAGE),
    }.get(kind, (SUBJECT, MESSAGE))
    # The server may not know the address of its own pages; who sets this up does.
    page = str(url_for("flow-run", obj_id=_ANY)).replace(str(_ANY), "{{ flow_run.id }}")
    return AutomationCore(
        name=f"{PREFIX}{kind} via {block}",
        description="Made by `assay notify` from its YAML file.",
        tags=["assay"],
        trigger=trigger(kind),
        actions=[
            SendNotification(block_document_id=block_id, subject=subject, body=body.replace("PAGE", page))
        ],
    )


def establish(asked: Sequence[Channel], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Make the server tell what the channels say and nothing else; return the automations' names.

    Raises:
        BadEvaluation: A block is not there, or an address is not in the environment.
    """
    blocks = [_made(channel, environment) for channel in asked]
    with get_client(sync_client=True) as client:
        ids = [block or _block_id(client, channel) for block, channel in zip(blocks, asked, strict=True)]
        wanted: dict[str, AutomationCore] = {}
        for channel, block_id in zip(asked, ids, strict=True):
            for kind in channel.on:
                made = automation(kind, slug(channel), block_id)
                wanted[made.name] = made
        # Its default limit and order are ones that the server refuses.
        every = client.read_automations(limit=200, sort=AutomationSort.NAME_ASC)
        there = {each.name: each for each in every if each.name.startswith(PREFIX)}
        for name, made in wanted.items():
            if name in there:
                client.update_automation(there[name].id, made)
            else:
                client.create_automation(made)
        for name, outdated in there.items():
            if name not in wanted:
                client.delete_automation(outdated.id)
    return sorted(wanted)


def rehearse(asked: Sequence[Channel]) -> None:
    """Send one message through each channel's block, from here.

    Raises:
        NotificationError: It could not be delivered.
    """
    for name in dict.fromkeys(map(slug, asked)):
        block: Any = Block.load(name)
        with block.raise_on_failure():
            block.notify(subject="Assay can reach you", body=f"This is a trial of the block {name}.")


def slug(channel: Channel) -> str:
    """Return the address of a channel's block in Prefect, as slack-webhook/team."""
    if channel.block:
        return channel.block
    name = f"assay-{(channel.address_env or '').lower().replace('_', '-').strip('-')}"
    return f"{'custom-webhook' if channel.via == 'webhook' else 'slack-webhook'}/{name}"


def block_of(channel: Channel, address: str) -> SlackWebhook | CustomWebhookNotificationBlock:
    """Return the block of a channel whose address is in the environment.

    What is compatible with Slack but elsewhere, as Mattermost, is reached as Slack is. The Slack block hands
    any other address to Apprise as it is, and is the only one that a server knows without help which does.
    """
    if channel.via == "slack" and not SLACK.match(address):
        raise BadEvaluation(
            f"The environment variable {channel.address_env} holds no incoming webhook of Slack's; "
            "for another server that speaks as Slack does, say via: webhook."
        )
    if channel.via != "webhook":
        return SlackWebhook(url=SecretStr(address))
    return CustomWebhookNotificationBlock(
        name="assay",
        # The whole address is a secret: the block would show its own field to everyone.
        url="{{address}}",
        # `text` is what Slack, Mattermost and Rocket.Chat read; the others are for everything else.
        json_data={"text": "{{subject}}\n{{body}}", "subject": "{{subject}}", "body": "{{body}}"},
        secrets={"address": address},
    )


def _made(channel: Channel, environment: Mapping[str, str]) -> UUID | None:
    """Save the block of a channel whose address is in the environment; None where it names a block."""
    if channel.block:
        return None
    block = block_of(channel, channels.address(channel, environment))
    saved = block.save(slug(channel).partition("/")[2], overwrite=True)
    return UUID(str(saved))


def _block_id(client: SyncPrefectClient, channel: Channel) -> UUID:
    kind, _, name = str(channel.block).partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound as error:
        found = [each for each in client.read_block_documents() if each.block_type and each.name]
        able = [f"{each.block_type.slug}/{each.name}" for each in found if each.block_type]
        close = nearest(str(channel.block), able)
        hint = f" Did you mean '{close}'?" if close else " Make it on Prefect's page of blocks."
        raise BadEvaluation(
            f"Prefect has no block '{channel.block}'; there are: {listing(able)}.{hint}"
        ) from error
