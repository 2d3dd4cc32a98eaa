"""Turns ALEMBIC_SCHEMA and INTAKE_DATABASE_URL into one Alembic run; noisy on purpose."""

import os
import sys
from logging.config import fileConfig

import sqlalchemy as sa
from alembic import context

print("env.py prints on stdout")
print("env.py prints on stderr", file=sys.stderr)
if context.config.config_file_name:
    fileConfig(context.config.config_file_name)
schema = os.environ["ALEMBIC_SCHEMA"]
url = sa.make_url(os.environ["INTAKE_DATABASE_URL"]).set(drivername="postgresql+psycopg")


def run_offline() -> None:
    context.configure(url=url, literal_binds=True)
    with context.begin_transaction():
        context.execute(f'SET search_path TO "{schema}"')
        context.run_migrations()


def run_online() -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f'SET search_path TO "{schema}"'))
        connection.commit()
        connection.dialect.default_schema_name = schema
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
