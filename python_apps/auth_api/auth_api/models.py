"""The tables of one tenant and the values that the endpoints take."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import StringConstraints
from sqlmodel import Field, SQLModel

# Named constraints, so that autogenerate can compare them and a downgrade can drop them.
SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
# PostgreSQL cannot store a NUL character in text.
PlainText = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]


class Role(SQLModel, table=True):
    """What a user may do; the rows come from a migration."""

    __tablename__ = "roles"

    name: str = Field(primary_key=True, max_length=32)
    description: str = Field(max_length=200)


class User(SQLModel, table=True):
    """One person of one tenant."""

    __tablename__ = "users"

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=320, unique=True)
    display_name: str | None = Field(default=None, max_length=120)
    role: str = Field(
        default="viewer",
        max_length=32,
        foreign_key="roles.name",
        index=True,
        sa_column_kwargs={"server_default": "viewer"},
    )
    created_at: datetime | None = Field(
        default=None,
        sa_type=sa.DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("now()")},
    )


class NewUser(SQLModel):
    """The body of a request that adds a user."""

    email: Email = Field(max_length=320)
    display_name: PlainText | None = Field(default=None, max_length=120)
    role: PlainText = Field(default="viewer", max_length=32)
