"""add label"""

import sqlalchemy as sa
from alembic import op

revision: str = "f2"
down_revision: str | None = "f1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("flows", sa.Column("label", sa.Text))


def downgrade() -> None:
    raise NotImplementedError
