"""Text into checked text: the kinds of words that the fields of the spec hold."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import PydanticCustomError, core_schema

from compiler.frozen import dataclass
from compiler.spec.shown import shown

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

TENANT = "{tenant}"
MAX_SQL_NAME = 63
MANIFEST = "genmigrate"  # the schema that the runner keeps in each database
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
# PostgreSQL keeps a timeout in milliseconds in a signed 32-bit integer.
_LONGEST_TIMEOUT = 2_147_483_647
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}
# What a shell does itself where a command begins with it: reserved words and built-ins of POSIX and of bash.
_SHELL_WORDS = (
    ". : alias bg bind break builtin caller case cd command compgen complete compopt continue coproc "
    "declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for "
    "function getopts hash help history if in jobs kill let local logout mapfile popd printf pushd pwd "
    "read readarray readonly return select set shift shopt source suspend test then time times trap true "
    "type typeset ulimit umask unalias unset until wait while"
)


class AnyValue:
    """A value that is judged with another one: by itself it may be a text, a number or a map."""

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Give editors what it may be."""
        return {"type": ["string", "integer", "object"]}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a text must look like: a pattern for all of it, the same in words, and the code of its refusal."""

    code: str
    name: str
    pattern: str
    rule: str

    def fault(self, value: str) -> tuple[str, str, str] | None:
        """Return the code, the message and the way out for a `value` that is not of this kind."""
        if re.fullmatch(self.pattern, value) is None:
            return self.code, f"found {shown(value)}, which is not {self.name}", self.rule
        return self.reserved(value)

    def reserved(self, value: str) -> tuple[str, str, str] | None:
        """Return why a well-formed `value` is refused all the same."""
        return None

    def check(self, value: str) -> str:
        """Return `value`, or raise what pydantic reports as one error of this kind."""
        if fault := self.fault(value):
            code, message, rule = fault
            raise PydanticCustomError(code, "{message}", {"message": message, "help": rule})
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Validate the text as pydantic does, then by `check`."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Give editors the pattern and the rule."""
        return {**handler(core), "pattern": f"^(?:{self.pattern})$", "patternErrorMessage": self.rule}


class _Name(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if value in _DEVICES:
            return (
                "reserved-name",
                f"found {shown(value)}, which Windows keeps for a device",
                "choose another name",
            )
        return None


class _Sql(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if why := reserved_in_sql(value):
            return "reserved-name", f"found {shown(value)}, {why}", "choose another name"
        return None


class _Database(_Sql):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if value in {"template0", "template1"}:
            return (
                "reserved-name",
                f"found {shown(value)}, which PostgreSQL keeps for itself",
                "choose another name",
            )
        return super().reserved(value)


class _SchemaName(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if why := reserved_schema(value):
            return "reserved-name", f"found {shown(value)}, {why}", "choose another name"
        return None


class _Schema(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if why := reserved_schema(value):
            return "reserved-name", f"found {shown(value)}, {why}", "choose another name"
        if len(value.replace(TENANT, "")) > MAX_SQL_NAME:
            return name_too_long(value, MAX_SQL_NAME, "a PostgreSQL name")
        return None


class _Path(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        for part in value.split("/"):
            if part.casefold().split(".")[0] in _DEVICES or part.endswith("."):
                return (
                    self.code,
                    f"found {shown(value)}, in which {shown(part)} is not a name for a folder",
                    self.rule,
                )
        return None


class _Duration(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if len(value) > 12 or milliseconds(value) > _LONGEST_TIMEOUT:
            return (
                "out-of-range",
                f"found {shown(value)}, which is longer than PostgreSQL can wait",
                "write at most 596h",
            )
        return None


class _Tool(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        word = value.partition(" ")[0]
        if word in _SHELL_WORDS.split(" "):
            return (
                self.code,
                f"found {shown(value)}, but {shown(word)} is a word of the shell's own",
                self.rule,
            )
        return None


class _GithubSecret(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if value.startswith("GITHUB_"):
            return (
                "reserved-name",
                f"found {shown(value)}, but GitHub keeps names with GITHUB_ for itself",
                "choose another name",
            )
        return None


class _Branch(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if value == "HEAD" or value.startswith("refs/"):
            name = value.removeprefix("refs/").removeprefix("heads/")
            way_out = self.rule if value == "HEAD" else f'write "{name}"'
            return (
                self.code,
                f"found {shown(value)}, which is a reference and not the name of a branch",
                way_out,
            )
        if ".." in value or any(part.endswith((".", ".lock")) for part in value.split("/")):
            return self.code, f"found {shown(value)}, which Git does not accept as a branch", self.rule
        return None


class _Date(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        try:
            date.fromisoformat(value)
        except ValueError:
            return self.code, f"found {shown(value)}, a day that no calendar has", self.rule
        return None


class _Zone(Kind):
    def reserved(self, value: str) -> tuple[str, str, str] | None:
        if not _is_zone(value):
            return self.code, f"found {shown(value)}, which the tz database does not have", self.rule
        return None


def _is_zone(name: str) -> bool:
    """Tell whether there is such a time zone; a machine without a tz database cannot say no."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only needed where a window is written

    for zone, missing in ((name, False), ("Europe/London", True)):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
        return not missing
    return True


def reserved_in_sql(name: str) -> str | None:
    """Return why PostgreSQL keeps `name` for itself, or nothing."""
    if name.startswith("pg_"):
        return 'which starts with "pg_", as only PostgreSQL\'s own names do'
    if name == "information_schema":
        return "which PostgreSQL keeps for itself"
    return None


def reserved_schema(name: str) -> str | None:
    """Return who keeps the schema `name` for itself, PostgreSQL or the runner of migrations, or nothing."""
    if name == MANIFEST:
        return "in which the migration runner notes what it applied"
    return reserved_in_sql(name)


def name_too_long(name: str, limit: int, what: str) -> tuple[str, str, str]:
    """Return the code, the message and the way out for a name of more than `limit` bytes."""
    message = f"found {shown(name)} of {len(name)} characters, more than the {limit} of {what}"
    too_many = len(name) - limit
    return "name-too-long", message, f"shorten it by {too_many} character{'s' if too_many > 1 else ''}"


def milliseconds(written: str) -> int:
    """Return how many milliseconds a duration such as `250ms`, `3s`, `15m` or `1h` stands for."""
    number = written.rstrip("hms")
    return int(number) * _UNITS[written[len(number) :]]


IDENTIFIER = _Name(
    "invalid-name",
    "a name",
    "[a-z]([-a-z0-9]{0,38}[a-z0-9])?",
    'write 1 to 40 characters of a-z, 0-9 and "-", a letter first and no "-" at the end',
)
SQL_NAME = _Sql(
    "invalid-sql-name",
    "a PostgreSQL name",
    "[a-z][a-z0-9_]{0,62}",
    'write 1 to 63 characters of a-z, 0-9 and "_", a letter first',
)
DATABASE = _Database("invalid-sql-name", "a PostgreSQL name", SQL_NAME.pattern, SQL_NAME.rule)
SCHEMA_NAME = _SchemaName("invalid-sql-name", "a PostgreSQL name", SQL_NAME.pattern, SQL_NAME.rule)
SCHEMA = _Schema(
    "invalid-schema",
    "a schema",
    r"[a-z][a-z0-9_]*(\{tenant\}[a-z0-9_]*)?|\{tenant\}[a-z0-9_]*",
    'write a-z, 0-9 and "_", a letter first, with {tenant} once for a schema per tenant',
)
VARIABLE = Kind(
    "invalid-variable-name",
    "the name of an environment variable",
    "[A-Z][A-Z0-9_]{0,99}",
    'write A-Z, 0-9 and "_", a letter first',
)
GITHUB_SECRET = _GithubSecret(
    VARIABLE.code, "the name of a secret on GitHub", VARIABLE.pattern, VARIABLE.rule
)
DURATION = _Duration(
    "invalid-duration",
    "a duration",
    r"(0|[1-9][0-9]*)(ms|s|m|h)",
    "write a whole number with ms, s, m or h, such as 3s",
)
HEALTH = Kind(
    "invalid-health-path",
    "a path of a URL",
    r"/|(/[A-Za-z0-9_~][A-Za-z0-9._~-]{0,99}){1,20}/?",
    'write an absolute path such as /api/health, of letters, digits, "-", ".", "_" and "~"',
)
PATH = _Path(
    "invalid-path",
    "a path inside the repository",
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,20}",
    'write a relative path with "/", of letters, digits, "-", "." and "_"; no name starts with "." or "-"',
)
REGISTRY = Kind(
    "invalid-registry",
    "an image repository",
    r"(?=.{1,200}$)[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5}(?=/))?(/[a-z0-9]+([._-][a-z0-9]+)*)*",
    "write host and path in lower case, such as ghcr.io/acme/shop, without scheme and tag",
)
IMAGE = Kind(
    "unpinned-image",
    "an image pinned by its digest",
    r"(?=.{1,400}$)[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5}(?=/))?(/[a-z0-9]+([._-][a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?@sha256:[0-9a-f]{64}",
    "write name:tag@sha256:<64 hex digits>; `docker buildx imagetools inspect name:tag` prints the digest",
)
TOOL = _Tool(
    "invalid-tool",
    "a command",
    r"(?=.{1,200}$)[A-Za-z0-9._/@][A-Za-z0-9._/@+:-]*( [A-Za-z0-9._/@+=:-]+)*",
    "write words of letters, digits and ._/@+=:- with one space between them, such as uv run gen",
)
PREFIX = Kind(
    "invalid-prefix",
    "a prefix of script names",
    "([a-z][a-z0-9-]{0,38}:)?",
    "write nothing or a name with a colon, such as gen:",
)
WORD = Kind(
    "invalid-word",
    "a word of a command",
    ".{1,400}",
    "write 1 to 400 characters on one line; each word is an item of its own",
)
VALUE = Kind(
    "invalid-value",
    "a value of an environment variable",
    ".{0,4000}",
    "write at most 4000 characters on one line",
)
REPOSITORY = Kind(
    "invalid-repository",
    "a repository on GitHub",
    r"https://github\.com/[A-Za-z0-9]([A-Za-z0-9-]{0,37}[A-Za-z0-9])?/[A-Za-z0-9_]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?(?<!\.git)",
    "write https://github.com/<owner>/<name>, without .git",
)
BRANCH = _Branch(
    "invalid-branch",
    "a branch",
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,5}",
    'write the exact name of one branch, of letters, digits, "-", ".", "_" and "/"; no pattern',
)
KUBERNETES_NAME = Kind(
    "invalid-kubernetes-name",
    "a Kubernetes name",
    "[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    'write 1 to 63 characters of a-z, 0-9 and "-", a letter first and no "-" at the end',
)
CPU = Kind(
    "invalid-quantity",
    "an amount of CPU",
    r"[1-9][0-9]{0,5}m|[1-9][0-9]{0,2}",
    'write cores or thousandths of one as text, such as "1" or 250m',
)
BYTES = Kind(
    "invalid-quantity",
    "an amount of memory or storage",
    r"[1-9][0-9]{0,5}(Ki|Mi|Gi)",
    "write a whole number with Ki, Mi or Gi, such as 256Mi",
)
TEXT = Kind(
    "invalid-text",
    "a short text",
    r"\S(.{0,198}\S)?",
    "write 1 to 200 characters on one line, without spaces around them",
)
SERVER = Kind(
    "invalid-server",
    "the address of a Kubernetes API server",
    r"https://[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?(:[1-9][0-9]{0,4})?",
    "write https://<host>, as Argo CD knows the cluster; its own is https://kubernetes.default.svc",
)
TIME = Kind(
    "invalid-time",
    "a time of day",
    "([01][0-9]|2[0-3]):[0-5][0-9]",
    "write hours and minutes with two digits each, from 00:00 to 23:59, such as 09:00",
)
ZONE = _Zone(
    "invalid-zone",
    "a time zone",
    "UTC|[A-Z][A-Za-z]+/[A-Z][A-Za-z_-]+(/[A-Z][A-Za-z_-]+)?",
    "write UTC or a name of the tz database, such as Europe/Berlin",
)
DATE = _Date(
    "invalid-date", "a day", "[0-9]{4}-[0-9]{2}-[0-9]{2}", "write year, month and day, such as 2026-12-31"
)
DIGEST = Kind(
    "invalid-digest",
    "the digest of an image",
    "sha256:[0-9a-f]{64}",
    "write sha256:<64 hex digits> and nothing else; a tag may point to another image tomorrow",
)
ARN = Kind(
    "invalid-cloud-name",
    "an IAM role of AWS",
    r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,200}",
    "write arn:aws:iam::<12 digits>:role/<name>",
)
REGION = Kind(
    "invalid-cloud-name",
    "a region of a cloud",
    "[a-z]{2,12}(-[a-z]{2,12}){0,3}-?[0-9]{1,2}(-[a-z])?",
    "write it as the cloud does, such as eu-central-1 or europe-west1",
)
CLUSTER_NAME = Kind(
    "invalid-cloud-name",
    "a name of a cluster",
    "[A-Za-z0-9]([A-Za-z0-9_-]{0,88}[A-Za-z0-9])?",
    'write 1 to 90 letters, digits, "-" and "_", a letter or a digit at both ends',
)
RESOURCE_GROUP = Kind(
    "invalid-cloud-name",
    "a resource group of Azure",
    "[A-Za-z0-9]([A-Za-z0-9._-]{0,88}[A-Za-z0-9_-])?",
    'write 1 to 90 letters, digits, "-", "_" and ".", a letter or a digit first and no "." at the end',
)
PROVIDER = Kind(
    "invalid-cloud-name",
    "a workload identity provider of Google Cloud",
    "projects/[0-9]{1,20}/locations/global/workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32}",
    "write projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>",
)
SERVICE_ACCOUNT = Kind(
    "invalid-cloud-name",
    "a service account of Google Cloud",
    r"[a-z]([-a-z0-9]{4,28}[a-z0-9])@[a-z]([-a-z0-9]{4,28}[a-z0-9])\.iam\.gserviceaccount\.com",
    "write <name>@<project>.iam.gserviceaccount.com",
)
UUID = Kind(
    "invalid-cloud-name",
    "an identifier of Azure",
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "write a UUID in lower case: 8, 4, 4, 4 and 12 hex digits",
)

Agreed = Annotated[Any, AnyValue()]
Identifier = Annotated[str, IDENTIFIER]
SqlName = Annotated[str, SQL_NAME]
SchemaName = Annotated[str, SCHEMA_NAME]
Database = Annotated[str, DATABASE]
Schema = Annotated[str, SCHEMA]
VariableName = Annotated[str, VARIABLE]
GithubSecret = Annotated[str, GITHUB_SECRET]
Duration = Annotated[str, DURATION]
Health = Annotated[str, HEALTH]
FolderPath = Annotated[str, PATH]
Registry = Annotated[str, REGISTRY]
Image = Annotated[str, IMAGE]
Tool = Annotated[str, TOOL]
Prefix = Annotated[str, PREFIX]
Word = Annotated[str, WORD]
Value = Annotated[str, VALUE]
Repository = Annotated[str, REPOSITORY]
Branch = Annotated[str, BRANCH]
KubernetesName = Annotated[str, KUBERNETES_NAME]
Cpu = Annotated[str, CPU]
Bytes = Annotated[str, BYTES]
ShortText = Annotated[str, TEXT]
Server = Annotated[str, SERVER]
Time = Annotated[str, TIME]
Zone = Annotated[str, ZONE]
Date = Annotated[str, DATE]
Digest = Annotated[str, DIGEST]
Arn = Annotated[str, ARN]
Region = Annotated[str, REGION]
ClusterName = Annotated[str, CLUSTER_NAME]
ResourceGroup = Annotated[str, RESOURCE_GROUP]
Provider = Annotated[str, PROVIDER]
ServiceAccount = Annotated[str, SERVICE_ACCOUNT]
Uuid = Annotated[str, UUID]
