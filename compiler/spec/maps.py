"""The one kind of map that the grammar is made of: frozen, strict, without unknown keys."""

from pydantic import BaseModel, ConfigDict

from compiler.spec.plugins import switch_off

switch_off()


class Map(BaseModel):
    """A map of the spec; every key it may hold is a field."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
