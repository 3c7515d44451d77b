"""What every wire model shares: tolerant of nulls and unknown fields, strict about types and sizes."""

from __future__ import annotations

import math
from typing import Annotated, Any, cast

from fastapi import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

INT32 = 2**31 - 1
INT64 = 2**63 - 1
MAX_NESTING = 20

Int = Annotated[int, Field(ge=-INT32, le=INT32)]
Count = Annotated[int, Field(ge=0, le=INT32)]
Millis = Annotated[int, Field(ge=0, le=2**53)]
Bytes = Annotated[int, Field(ge=0, le=2**53)]


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return value


# Text that clients also send as a bare number or boolean: 0.1 means "0.1", true means "true".
Text = Annotated[str, BeforeValidator(_text)]


def _clean(value: Any, depth: int = 0) -> Any:
    if depth > MAX_NESTING:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _clean(item, depth + 1) for key, item in items}
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in cast("list[Any]", value)]
    return value


# What the service keeps and gives back without acting on it; cut off where it nests too deep.
Kept = Annotated[Any, BeforeValidator(_clean)]


class WireModel(BaseModel):
    """Base of all request and response bodies. A null means "not given"."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict):
            given = cast("dict[str, Any]", data)
            if None in given.values():
                return {key: value for key, value in given.items() if value is not None}
        return cast(Any, data)


class ErrorBody(BaseModel):
    """Every error, as the ModelArts API words it."""

    error_code: str = Field(examples=["TrainShed.1002"])
    error_msg: str = Field(examples=["metadata.name is missing"])
    error_msg_en: str | None = Field(None, description="In English, where error_msg is in another language.")


class Empty(BaseModel):
    """An answer with nothing in it."""


class JsonBody(Response):
    """A JSON answer from bytes that are already JSON; spares FastAPI's own serialisation."""

    media_type = "application/json"


def answer(model: BaseModel, status: int = 200) -> JsonBody:
    """``model`` as an HTTP answer, without the fields that are None."""
    return JsonBody(model.__pydantic_serializer__.to_json(model, exclude_none=True), status_code=status)
