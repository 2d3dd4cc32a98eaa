"""Turns a database URL into connection parameters, and hides its password."""
from __future__ import annotations
import re
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit
from .codes import RunError
SCHEME = re.compile(r"(postgres|postgresql)(\+(?P<driver>[a-z0-9_]+))?")
LIBPQ = {
 "host", "hostaddr", "port", "connect_timeout", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl",
 "sslpassword", "sslnegotiation", "channel_binding", "gssencmode", "krbsrvname", "target_session_attrs",
 "options", "passfile", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
 "require_auth", "service", "load_balance_hosts",
}
IN_URL = re.compile(r"(//[^\s/:@]*:)[^\s/@]+@")
EXAMPLE = "postgresql://user:password@host:5432/database"
HEX = re.compile("%[0-9A-F]{2}")
SSL_WORDS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
class DatabaseUrl(NamedTuple):
 parameters: dict[str, str]
 driver: str
 spelt: str = ""
 text: str = ""
 def for_sqlalchemy(self):
  rest = self.text.partition("://")[2]
  driver = self.driver
  there = [name for name in ("psycopg2", "psycopg") if find_spec(name)]
  if not driver and len(there) == 1:
   driver = there[0]
  return f"postgresql+{driver}://{rest}" if driver else f"postgresql://{rest}"
 @property
 def database(self):
  return self.parameters.get("dbname", "")
 @property
 def place(self):
  return f"{self.parameters.get('host', 'localhost')}:{self.parameters.get('port', '5432')}"
 def hide(self, text):
  for secret in sorted(self._spellings(), key=len, reverse=True):
   text = text.replace(secret, "***") if len(secret) > 2 else text.replace(f":{secret}@", ":***@")
  return mask(text)
 def _spellings(self):
  password = self.parameters.get("password", "")
  if not password:
   return set()
  encoded = {quote(password, safe=safe) for safe in ("", "/", " +", "/ +")} | {quote_plus(password)}
  in_dsn = password.replace("\\", "\\\\").replace("'", "\\'")
  lower = {HEX.sub(lambda found: found[0].lower(), each) for each in encoded}
  return {password, in_dsn, repr(password)[1:-1], *encoded, *lower, *filter(None, [self.spelt])}
def mask(text):
 return IN_URL.sub(r"\1***@", text)
def mask_for(url):
 try:
  return parse(url, "").hide
 except RunError:
  return mask
def parse(text, variable):
 if not text.strip():
  raise RunError("usage", f"{variable} is not set", f"set it to {EXAMPLE}")
 try:
  name, _, rest = text.strip().partition("://")
  parts = urlsplit(f"postgresql://{rest}")
  scheme = SCHEME.fullmatch(name.lower())
  if scheme is None:
   raise ValueError
  parameters = {
   "host": parts.hostname and unquote(parts.hostname),
   "port": str(parts.port or ""),
   "user": parts.username and unquote(parts.username),
   "password": parts.password and unquote(parts.password),
   "dbname": unquote(parts.path.removeprefix("/")),
  }
  query = dict(parse_qsl(parts.query))
 except ValueError:
  reason = f"{variable} is not a PostgreSQL URL that this runner reads"
  raise RunError("usage", reason, f"write it as {EXAMPLE}, special characters as %XX") from None
 ssl = query.pop("ssl", "")
 if ssl:
  query.setdefault("sslmode", SSL_WORDS.get(ssl.lower(), ssl))
 parameters.update({key: value for key, value in query.items() if key in LIBPQ})
 return DatabaseUrl(
  {key: value for key, value in parameters.items() if value},
  scheme["driver"] or "",
  parts.password or "",
  text.strip(),
 )
