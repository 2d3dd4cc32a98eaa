"""The table of all tenants and the values that the endpoints take."""

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
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
# PostgreSQL cannot store a NUL character in text.
PlainText = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=100_000)]


class Document(SQLModel, table=True):
    """One text of one tenant."""

    __tablename__ = "documents"
    __table_args__ = (sa.Index(None, "tenant", "created_at"),)

    id: int | None = Field(default=None, primary_key=True)
    tenant: str = Field(max_length=63)
    title: str = Field(max_length=200)
    content: str = Field(sa_type=sa.Text)
    source: str | None = Field(default=None, max_length=500)
    word_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime | None = Field(
        default=None,
        sa_type=sa.DateTime(timezone=True),
        nullable=False,
        sa_column_kwargs={"server_default": sa.text("now()")},
    )


class NewDocument(SQLModel):
    """The body of a request that adds a document; its tenant stands in the path."""

    title: PlainText = Field(max_length=200)
    content: PlainText
    source: PlainText | None = Field(default=None, max_length=500)
