"""The forms of Prefect's pages: made of the same models that read config files."""

from __future__ import annotations

from typing import Any

from prefect.utilities.callables import ParameterSchema
from pydantic import BaseModel


class Closed(ParameterSchema):
    """A form that takes no field it does not know: Prefect's own lets a mistyped name pass until it runs."""

    additionalProperties: bool = False


def form(model: type[BaseModel], also: ParameterSchema | None = None) -> ParameterSchema:
    """Return the form of a flow whose parameters are the fields of a model.

    Prefect makes one of a flow's signature too, but names fields after parameters, offers "nothing" as a
    tab of its own, and knows none of the model's titles and order.

    Args:
        model: The fields.
        also: The form Prefect made: what the model lacks is taken from there, and comes last.
    """
    schema: dict[str, Any] = model.model_json_schema(ref_template="#/definitions/{model}")
    fields: dict[str, Any] = schema["properties"]
    for name, field in (also.properties if also else {}).items():
        if name not in fields:
            fields[name] = {**field, "title": name.capitalize(), "position": len(fields)}
    return Closed(
        additionalProperties=False,
        title="Parameters",
        type="object",
        properties=fields,
        required=schema.get("required", []),
        definitions=schema.get("$defs", {}),
    )
