"""The tables of one tenant and the values that the endpoints take."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import StringConstraints
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

# Named constraints, so that autogenerate can compare them and a downgrade can drop them.
SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
# PostgreSQL cannot store a NUL character, neither in text nor in jsonb.
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=120)]


class Workflow(SQLModel, table=True):
    """Named steps that run one after the other."""

    __tablename__ = "workflows"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120, unique=True)
    description: str | None = Field(default=None, max_length=1000)
    steps: list[str] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": sa.text("'[]'::jsonb")})
    step_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime | None = Field(
        default=None,
        sa_type=sa.DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("now()")},
    )


class Run(SQLModel, table=True):
    """One execution of a workflow."""

    __tablename__ = "runs"

    id: int | None = Field(default=None, primary_key=True)
    workflow_id: int = Field(foreign_key="workflows.id", ondelete="CASCADE", index=True)
    status: str = Field(default="queued", max_length=20)


class NewWorkflow(SQLModel):
    """The body of a request that adds a workflow."""

    name: Name
    description: Name | None = None
    steps: list[Name] = Field(default=[], max_length=100)
