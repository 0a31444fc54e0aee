"""The forms of Prefect's pages: made of the same models that read config files."""

from __future__ import annotations

from typing import Any

from prefect.utilities.callables import ParameterSchema
from pydantic import BaseModel


def form(model: type[BaseModel]) -> ParameterSchema:
    """Return the form of a flow whose parameters are the fields of a model.

    Prefect makes one of a flow's signature too, but names fields after parameters, offers "nothing" as a
    tab of its own, and knows none of the model's titles and order.
    """
    schema: dict[str, Any] = model.model_json_schema(ref_template="#/definitions/{model}")
    return ParameterSchema(
        title="Parameters",
        type="object",
        properties=schema["properties"],
        required=schema.get("required", []),
        definitions=schema.get("$defs", {}),
    )
