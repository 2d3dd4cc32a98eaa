"""count document words

Data migration in Python: it reads every document, so there is no SQL to print for it.

Revision ID: ef62c4497bab
Revises: 8a4965ec5cb2
Create Date: 2026-08-21 09:32:16.480093
"""

import sqlalchemy as sa
from alembic import context, op
from alembic.util import CommandError

revision = "ef62c4497bab"
down_revision = "8a4965ec5cb2"
branch_labels = None
depends_on = None

# The table as it is at this revision: the models move on, this file does not.
documents = sa.table(
    "documents",
    sa.column("id", sa.Integer),
    sa.column("content", sa.Text),
    sa.column("word_count", sa.Integer),
)


def upgrade() -> None:
    if context.is_offline_mode():
        raise CommandError(f"{revision} (count document words) reads rows, so it has no SQL: run it online")
    connection = op.get_bind()
    for document_id, content in connection.execute(sa.select(documents.c.id, documents.c.content)).all():
        counted = (
            documents.update().where(documents.c.id == document_id).values(word_count=len(content.split()))
        )
        connection.execute(counted)


def downgrade() -> None:
    # The counts go with their column, two revisions below.
    pass
