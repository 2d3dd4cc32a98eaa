"""seed roles

Data migration: it writes without reading, so `alembic upgrade --sql` can print it too.

Revision ID: 27e5cb410df8
Revises: 69457100ae05
Create Date: 2026-08-20 09:15:38.770462
"""

import sqlalchemy as sa
from alembic import op

revision = "27e5cb410df8"
down_revision = "69457100ae05"
branch_labels = None
depends_on = None

# The table as it is at this revision: the models move on, this file does not.
roles = sa.table("roles", sa.column("name", sa.String), sa.column("description", sa.String))
SEEDS = {
    "admin": "manages users and settings",
    "editor": "creates and changes content",
    "viewer": "reads content",
}


def upgrade() -> None:
    op.bulk_insert(roles, [{"name": name, "description": text} for name, text in SEEDS.items()])


def downgrade() -> None:
    op.execute(roles.delete().where(roles.c.name.in_(list(SEEDS))))
