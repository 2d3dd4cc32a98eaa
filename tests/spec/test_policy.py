"""The policy: what is looser than what, where both lines stand, and the exceptions from it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from compiler.spec.lattice import FIELDS
from compiler.spec.load import load
from compiler.spec.policy import expired
from tests.spec import project as projects
from tests.spec.project import PINS, PLATFORM, deployed, project, said

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME = {field.name: field for field in FIELDS}


def mistakes(folder: Path) -> list[str]:
    """Return the mistakes but for a way down that nobody tests, which has nothing to do with another environment."""
    return [one for one in projects.mistakes(folder) if not one.endswith("untested-downgrade")]


def _window(days: str, begin: str, end: str, zone: str | None = None) -> dict[str, Any]:
    return {"days": days.split(), "from": begin, "until": end, **({"zone": zone} if zone else {})}


TIMEOUTS = ["0s", "1ms", "999ms", "1s", "1000ms", "60s", "1m", "15m", "1h", "0h"]
SAMPLES: dict[str, list[Any]] = {
    "migrations.lock_timeout": TIMEOUTS,
    "migrations.statement_timeout": TIMEOUTS,
    "migrations.on_tenant_failure": ["continue", "stop"],
    "migrations.max_failed_tenants": [None, 0, 1, 20, 20_000],
    "migrations.verify": ["version", "drift"],
    "migrations.canary": [[], ["default"], ["default", "toshiba"]],
    "rollback.schema": ["downgrade", "forward-only"],
    "rollback.max_downgrade_revisions": [None, 1, 2, 10_000],
    "rollback.code": ["automatic", "manual"],
    "deploy.sync": ["automated", "manual"],
    "deploy.window": [
        None,
        *(
            _window(days, begin, end, zone)
            for days, (begin, end), zone in product(
                ["mon", "tue", "mon tue", "tue mon", "mon tue wed thu fri sat sun"],
                [("09:00", "16:00"), ("10:00", "16:00"), ("09:00", "12:00"), ("13:00", "16:00")],
                [None, "UTC", "Europe/Berlin"],
            )
        ),
    ],
    "approvals.upgrade": [0, 1, 2, 6],
}


def test_every_field_of_the_lattice_has_samples_and_a_default_among_its_values() -> None:
    assert BY_NAME.keys() == SAMPLES.keys()
    for field in FIELDS:
        assert field.is_value(field.default)
        assert all(map(field.is_value, SAMPLES[field.name]))
        assert not field.is_value("x")
        assert not field.is_value([1])
        assert field.is_value([]) == (field.name == "migrations.canary")
        assert not field.is_value({})


@pytest.mark.parametrize("name", SAMPLES)
def test_looser_is_a_strict_partial_order(name: str) -> None:
    """Irreflexive, asymmetric, transitive; and what is as strict as another is reflexive and transitive."""
    field, values = BY_NAME[name], SAMPLES[name]
    assert not any(field.is_looser(one, one) for one in values)
    assert not any(
        field.is_looser(one, two) and field.is_looser(two, one) for one, two in product(values, repeat=2)
    )
    assert all(field.is_within(one, one) for one in values)
    for one, two, three in product(values, repeat=3):
        if field.is_looser(one, two) and field.is_looser(two, three):
            assert field.is_looser(one, three)
        if field.is_within(one, two) and field.is_within(two, three):
            assert field.is_within(one, three)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "deploy.window"])
def test_the_other_fields_order_any_two_values(name: str) -> None:
    field = BY_NAME[name]
    assert all(
        field.is_within(one, two) or field.is_looser(one, two)
        for one, two in product(SAMPLES[name], repeat=2)
    )


def test_windows_by_minutes() -> None:
    """A window is within another when each minute of it is one of the other's; in one zone."""
    field = BY_NAME["deploy.window"]

    def minutes(window: dict[str, Any]) -> set[tuple[str, str]]:
        times = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)]
        return {
            (day, time)
            for day in window["days"]
            for time in times
            if window["from"] <= time < window["until"]
        }

    for one, two in product(SAMPLES["deploy.window"][1:], repeat=2):
        same_zone = one.get("zone", "UTC") == two.get("zone", "UTC")
        assert field.is_within(one, two) == (same_zone and minutes(one) <= minutes(two))


# Of each field a loose and a strict value, as they are written.
WRITTEN = {
    "migrations.on_tenant_failure": ("migrations: {{on_tenant_failure: {}}}", "continue", "stop"),
    "migrations.max_failed_tenants": (
        "migrations: {{on_tenant_failure: continue, max_failed_tenants: {}}}",
        "2",
        "1",
    ),
    "migrations.verify": ("migrations: {{verify: {}}}", "version", "drift"),
    "migrations.canary": ("migrations: {{canary: {}}}", "[]", "[second]"),
    "rollback.schema": ("rollback: {{schema: {}}}", "downgrade", "forward-only"),
    "rollback.max_downgrade_revisions": (
        "rollback: {{schema: downgrade, max_downgrade_revisions: {}}}",
        "2",
        "1",
    ),
    "rollback.code": ("rollback: {{code: {}}}", "automatic", "manual"),
    "deploy.sync": ("  sync: {}", "automated", "manual"),
    "deploy.window": ("  window: {}", "", "{days: [mon], from: 09:00, until: 16:00}"),
    "approvals.upgrade": ("approvals: {{upgrade: {}}}", "0", "1"),
    "migrations.lock_timeout": ("migrations: {{lock_timeout: {}}}", "3s", "2s"),
    "migrations.statement_timeout": ("migrations: {{statement_timeout: {}}}", "15m", "10m"),
}
# The default of each of these is its strict value, or there is none: nothing is looser by leaving it out.
STRICT_BY_DEFAULT = (
    "migrations.on_tenant_failure",
    "migrations.max_failed_tenants",
    "migrations.canary",
    "rollback.schema",
    "rollback.max_downgrade_revisions",
)
# The column of the value, or of what stands for the default: the environment's name, or `deploy`.
COLUMNS = {
    "migrations.on_tenant_failure": 33,
    "migrations.max_failed_tenants": 63,
    "migrations.verify": 22,
    "migrations.canary": 22,
    "rollback.schema": 20,
    "rollback.max_downgrade_revisions": 56,
    "rollback.code": 18,
    "deploy.sync": 9,
    "deploy.window": 11,
    "approvals.upgrade": 22,
    "migrations.lock_timeout": 28,
    "migrations.statement_timeout": 33,
}


def _environments(name: str, staging: str, production: str) -> dict[str, str]:
    """Return the two environments with a line each, deployed in the one way in which the field is compared."""
    way = "helm" if name == "rollback.code" else "argocd"
    files = {
        "staging": deployed("staging", "develop", way, f"{staging}\n" if staging else ""),
        "production": deployed("production", "main", way, f"{production}\n" if production else ""),
    }
    # With one tenant there is nothing that a canary could go before.
    files = {key: text.replace("[default]", "[default, second]") for key, text in files.items()}
    return files if way == "helm" else {**files, "staging.images": PINS, "production.images": PINS}


def test_every_field_is_written() -> None:
    assert WRITTEN.keys() == BY_NAME.keys() == COLUMNS.keys()


@pytest.mark.parametrize("name", WRITTEN)
def test_production_looser_by_what_it_says(tmp_path: Path, name: str) -> None:
    line, loose, strict = WRITTEN[name]
    if name == "deploy.window":
        loose = "{days: [mon, tue], from: 09:00, until: 16:00}"
    folder = project(tmp_path, **_environments(name, line.format(strict), line.format(loose)))
    assert mistakes(folder) == [f"production.yaml:8:{COLUMNS[name]} looser-policy"]
    assert f"staging.yaml:8:{COLUMNS[name]}: staging has " in said(folder)
    assert mistakes(project(tmp_path, **_environments(name, line.format(loose), line.format(strict)))) == []
    assert mistakes(project(tmp_path, **_environments(name, line.format(strict), line.format(strict)))) == []


@pytest.mark.parametrize("name", [name for name in WRITTEN if name not in STRICT_BY_DEFAULT])
def test_production_looser_by_what_it_leaves_out(tmp_path: Path, name: str) -> None:
    line, _, strict = WRITTEN[name]
    folder = project(tmp_path, **_environments(name, line.format(strict), ""))
    place = "3:1" if name.startswith("deploy") else "1:14"
    assert mistakes(folder) == [f"production.yaml:{place} looser-policy"]
    assert f"staging.yaml:8:{COLUMNS[name]}: staging has " in said(folder)
    assert mistakes(project(tmp_path, **_environments(name, "", line.format(strict)))) == []
    assert mistakes(project(tmp_path, **_environments(name, "", ""))) == []


@pytest.mark.parametrize("name", STRICT_BY_DEFAULT)
def test_what_production_leaves_out_is_strict(tmp_path: Path, name: str) -> None:
    line, _, strict = WRITTEN[name]
    assert mistakes(project(tmp_path, **_environments(name, line.format(strict), ""))) == []


@pytest.mark.parametrize("name", ["migrations.max_failed_tenants", "rollback.max_downgrade_revisions"])
def test_without_a_limit_is_the_loosest(tmp_path: Path, name: str) -> None:
    line, _, strict = WRITTEN[name]
    bare = line.format("0").replace(f", {name.partition('.')[2]}: 0", "")
    folder = project(tmp_path, **_environments(name, line.format(strict), bare))
    column = bare.index("{") + 1
    assert mistakes(folder) == [f"production.yaml:8:{column} looser-policy"]
    assert f"{name} no limit for production, which is looser than 1 for staging" in said(folder)
    assert mistakes(project(tmp_path, **_environments(name, bare, line.format(strict)))) == []


def test_one_tenant_needs_no_canary(tmp_path: Path) -> None:
    files = {
        "staging": "environment: staging\ntenants: [a, b]\nmigrations: {canary: [b]}\n",
        "production": "environment: production\ntenants: [a]\n",
    }
    assert mistakes(project(tmp_path, **files)) == []
    files["production"] = "environment: production\ntenants: [a, b]\nmigrations: {canary: []}\n"
    assert mistakes(project(tmp_path, **files)) == ["production.yaml:3:22 looser-policy"]


@pytest.mark.parametrize(
    "name",
    [name for name in WRITTEN if name.startswith(("migrations", "rollback")) and name != "migrations.canary"],
)
def test_production_looser_by_what_it_inherits(tmp_path: Path, name: str) -> None:
    line, loose, strict = WRITTEN[name]
    platform = f"{PLATFORM}{line.format(loose)}\n"
    folder = project(tmp_path, platform=platform, **_environments(name, line.format(strict), ""))
    assert mistakes(folder) == [f"platform.yaml:23:{COLUMNS[name]} looser-policy"]
    assert f"staging.yaml:8:{COLUMNS[name]}: staging has " in said(folder)
    both = project(
        tmp_path / "both", platform=f"{PLATFORM}{line.format(strict)}\n", **_environments(name, "", "")
    )
    assert mistakes(both) == []


def test_fields_that_mean_nothing_there_are_not_compared(tmp_path: Path) -> None:
    helm = deployed("staging", "develop", "helm", "rollback: {code: manual}\n")
    # Argo CD brings no old release back: there is nothing that staging would have to try out first.
    argocd = deployed("production", "main", "argocd", "  sync: automated\n")
    assert mistakes(project(tmp_path, staging=helm, production=argocd, **{"production.images": PINS})) == []
    bare = "environment: production\ntenants: [default]\n"
    staging = deployed("staging", "develop", "helm", "approvals: {upgrade: 2}\n")
    assert mistakes(project(tmp_path / "bare", staging=staging, production=bare)) == []


def test_helm_deploys_by_itself(tmp_path: Path) -> None:
    """So it is compared with Argo CD, which may be told not to."""
    argocd = deployed("staging", "develop", "argocd", "  sync: manual\n")
    helm = deployed("production", "main", "helm")
    folder = project(tmp_path, staging=argocd, production=helm, **{"staging.images": PINS})
    assert mistakes(folder) == ["production.yaml:3:1 looser-policy"]
    assert "found deploy.sync automated for production" in said(folder)
    assert "write `sync: manual`, with `via: argocd`, for production" in said(folder)
    automated = argocd.replace("manual", "automated")
    assert mistakes(project(tmp_path, staging=automated, production=helm)) == []


def test_the_strictest_of_several_staging_environments_is_named(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        **{
            "production": "environment: production\ntenants: [default]\n",
            "staging": "environment: staging\ntenants: [default]\nmigrations: {lock_timeout: 2s}\n",
            "staging-eu": "environment: staging-eu\ntenants: [default]\nmigrations: {lock_timeout: 1s}\n",
            "staging-us": "environment: staging-us\ntenants: [default]\nmigrations: {lock_timeout: 9s}\n",
        },
    )
    assert mistakes(folder) == ["production.yaml:1:14 looser-policy"]
    assert "staging-eu.yaml:3:28: staging-eu has 1s" in said(folder)


def test_no_limit_is_the_longest(tmp_path: Path) -> None:
    """In staging it is looser than any other; in production it is refused, and only once."""

    def limited(name: str, limit: str) -> str:
        return f"environment: {name}\ntenants: [default]\nmigrations: {{statement_timeout: {limit}}}\n"

    folder = project(tmp_path, staging=limited("staging", "0s"), production=limited("production", "1h"))
    assert mistakes(folder) == []
    project(folder, staging=limited("staging", "1h"), production=limited("production", "0m"))
    assert mistakes(folder) == ["production.yaml:3:33 unlimited-timeout"]


BROKEN = {
    "migrations.lock_timeout": ["2 s", "[]", "true", "''"],
    "rollback.code": ["auto", "[]", "1"],
    "deploy.sync": ["auto", "{}", "false"],
    "deploy.window": [
        "[]",
        "mon",
        "{}",
        "{days: [mon], from: 09:00}",
        "{days: [mon], from: 10:00, until: 09:00}",
        "{days: [], from: 09:00, until: 10:00}",
        "{days: [[mon]], from: 09:00, until: 10:00}",
        "{days: mon, from: 09:00, until: 10:00}",
        "{days: [mon], from: 9, until: 10:00}",
        "{days: [mon], from: 09:00, until: 10:00, zone: Berlin}",
        "{days: [mon], from: 09:00, until: 10:00, zone: [UTC]}",
    ],
    "approvals.upgrade": ["true", "'1'", "[]", "7.5"],
    "migrations.on_tenant_failure": ["go on", "true", "[]"],
    "migrations.max_failed_tenants": ["-1", "'1'", "[]", "none"],
    "migrations.verify": ["no", "[]"],
    "migrations.canary": ["default", "{}", "[1]", "[third]"],
    "rollback.schema": ["never", "[]"],
    "rollback.max_downgrade_revisions": ["0", "no limit", "[]"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BROKEN for value in BROKEN[name]])
def test_what_is_no_value_is_not_compared_as_well(tmp_path: Path, name: str, value: str) -> None:
    line, _, strict = WRITTEN[name]
    excepted = f"\nexceptions: [{{field: {name}, allow: {strict}, reason: x, until: 2026-12-31}}]"
    for staging, production in (
        (line.format(strict), line.format(value)),
        (line.format(value), line.format(strict)),
        (line.format(value), line.format(strict) + excepted),
    ):
        folder = project(tmp_path, **_environments(name, staging, production))
        found = {one.split()[1] for one in mistakes(folder)}
        assert found
        assert not found & {"looser-policy", "unused-exception", "unlimited-timeout"}


def _excepted(*fields: str, line: str = "", allow: str = "3s") -> dict[str, str]:
    agreed = dict.fromkeys(fields, allow) | {"rollback.code": "automatic", "''": "1"}
    entries = "".join(
        f"  - {{field: {field}, reason: x, until: 2026-12-31, allow: {agreed[field]}}}\n" for field in fields
    )
    return {
        "staging": f"environment: staging\ntenants: [default]\n{line}migrations: {{lock_timeout: 2s}}\n",
        "production": f"environment: production\ntenants: [default]\n{line}exceptions:\n{entries}",
    }


def test_an_exception_that_is_needed(tmp_path: Path) -> None:
    assert mistakes(project(tmp_path, **_excepted("migrations.lock_timeout"))) == []


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        ("3s", []),
        ("1h", []),
        ("0s", []),
        ("2999ms", ["production.yaml:1:14 looser-policy"]),
        ("2s", ["production.yaml:1:14 looser-policy"]),
        ("soon", ["production.yaml:4:75 not-allowed"]),
        ("3", ["production.yaml:4:75 not-allowed"]),
        ("[3s]", ["production.yaml:4:75 not-allowed"]),
        ("{}", ["production.yaml:4:75 not-allowed"]),
        ("none", ["production.yaml:4:75 not-allowed"]),
        ("", ["production.yaml:4:75 empty-value"]),
    ],
)
def test_an_exception_allows_what_was_agreed(tmp_path: Path, allow: str, expected: list[str]) -> None:
    """And no more: 3s, by default, is looser than the 2s of staging."""
    folder = project(tmp_path, **_excepted("migrations.lock_timeout", allow=allow))
    assert mistakes(folder) == expected
    if "looser-policy" in str(expected):
        assert f"which is looser than the {allow} that its exception allows" in said(folder)
        assert f"production.yaml:4:75: the exception allows {allow}" in said(folder)


# Of fields whose loosest value says nothing: the staging that is stricter, and that value in words.
NOTHING = {
    "migrations.max_failed_tenants": (
        "migrations: {on_tenant_failure: continue, max_failed_tenants: 1}",
        "no limit",
    ),
    "migrations.canary": ("migrations: {canary: [default]}", "none"),
    "rollback.max_downgrade_revisions": (
        "rollback: {schema: downgrade, max_downgrade_revisions: 1}",
        "no limit",
    ),
    "deploy.window": ("  window: {days: [mon], from: 09:00, until: 16:00}", "none"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_an_exception_allows_what_is_not_written(tmp_path: Path, name: str) -> None:
    line, nothing = NOTHING[name]
    own = line.partition(": 1}")[0].rpartition(", max")[0] + "}\n" if ": 1}" in line else ""
    own = "migrations: {canary: []}\n" if name == "migrations.canary" else own
    for allow, expected in ((nothing, 0), ("2" if "max" in name else "no", 1)):
        entry = f"exceptions: [{{field: {name}, reason: x, until: 2026-12-31, allow: {allow}}}]"
        files = _environments(name, line, own + entry)
        assert len(mistakes(project(tmp_path, **files))) == expected, mistakes(tmp_path)


def test_an_exception_for_a_window(tmp_path: Path) -> None:
    def files(allow: str) -> dict[str, str]:
        entry = f"exceptions: [{{field: deploy.window, reason: x, until: 2026-12-31, allow: {allow}}}]"
        mine = f"  window: {{days: [mon, tue], from: 09:00, until: 16:00}}\n{entry}"
        return _environments("deploy.window", "  window: {days: [mon], from: 09:00, until: 16:00}", mine)

    assert mistakes(project(tmp_path, **files("{days: [mon, tue, wed], from: 08:00, until: 16:00}"))) == []
    folder = project(tmp_path, **files("{days: [mon, tue], from: 10:00, until: 16:00}"))
    assert mistakes(folder) == ["production.yaml:8:11 looser-policy"]
    assert "is looser than the mon, tue 10:00-16:00 UTC that its exception allows" in said(folder)
    project(folder, **files("{days: [tue, wed], from: 09:00, until: 16:00}"))
    assert "is not inside the tue, wed 09:00-16:00 UTC that its exception allows" in said(folder)
    project(folder, **files("{days: [mon, tue], from: 09:00, until: 16:00, why: x}"))
    assert mistakes(folder) == ["production.yaml:9:74 not-allowed"]


def test_an_exception_does_not_lift_the_rule_that_there_is_a_limit(tmp_path: Path) -> None:
    files = _excepted("migrations.lock_timeout")
    files["production"] += "migrations: {lock_timeout: 0s}\n"
    assert mistakes(project(tmp_path, **files)) == ["production.yaml:5:28 unlimited-timeout"]


EXCEPTIONS = {
    "idle": (("migrations.lock_timeout", "migrations.statement_timeout"), ["5:13 unused-exception"]),
    "unknown": (("migrations.lock_timeout", "migrations.deadline"), ["5:13 not-allowed"]),
    "twice": (("migrations.lock_timeout", "migrations.lock_timeout"), ["5:13 duplicate-item"]),
    "for a field that is not compared here": (
        ("migrations.lock_timeout", "rollback.code"),
        ["5:13 unused-exception"],
    ),
    "without a field": (("migrations.lock_timeout", "''"), ["5:13 invalid-text"]),
}


@pytest.mark.parametrize(("fields", "expected"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_an_exception(tmp_path: Path, fields: tuple[str, ...], expected: list[str]) -> None:
    assert mistakes(project(tmp_path, **_excepted(*fields))) == [f"production.yaml:{one}" for one in expected]


def test_an_exception_of_an_environment_that_is_not_compared(tmp_path: Path) -> None:
    files = _excepted("migrations.lock_timeout", line="tier: staging\n")
    files["demo"] = files.pop("production").replace("environment: production", "environment: demo")
    assert mistakes(project(tmp_path, **files)) == ["demo.yaml:5:13 unused-exception"]
    assert "only production is compared" in said(tmp_path)


def test_an_idle_exception_is_judged_only_when_nothing_else_is_wrong(tmp_path: Path) -> None:
    """What is wrong may be why it seems idle."""
    files = _excepted("migrations.lock_timeout")
    files["staging"] = files["staging"].replace("2s", "2 s")
    assert mistakes(project(tmp_path, **files)) == ["staging.yaml:3:28 invalid-duration"]
    files["staging"] = "environment: [\n"
    assert mistakes(project(tmp_path, **files)) == ["staging.yaml:2:1 yaml-syntax"]


BAD_ENTRIES = {
    "of text": ("migrations.lock_timeout", ["4:5 wrong-type"]),
    "of nothing": ("", ["4:4 empty-value"]),
    "without reason and last day": ("{field: migrations.lock_timeout}", ["4:5 missing-key"] * 3),
    "until another notation": (
        "{field: migrations.lock_timeout, reason: x, until: 31.12.2026, allow: 3s}",
        ["4:56 invalid-date"],
    ),
    "until no day": (
        "{field: migrations.lock_timeout, reason: x, until: 2026-02-29, allow: 3s}",
        ["4:56 invalid-date"],
    ),
}


@pytest.mark.parametrize(("entry", "expected"), BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_an_entry_of_exceptions(tmp_path: Path, entry: str, expected: list[str]) -> None:
    production = f"environment: production\ntenants: [default]\nexceptions:\n  - {entry}\n"
    assert mistakes(project(tmp_path, production=production)) == [
        f"production.yaml:{one}" for one in expected
    ]


@pytest.mark.parametrize(("today", "count"), [("2026-12-31", 0), ("2027-01-01", 1)])
def test_an_exception_ends_with_its_last_day(tmp_path: Path, today: str, count: int) -> None:
    """The load does not look at the calendar: the same spec compiles to the same bytes tomorrow."""
    spec, diagnostics, _ = load(project(tmp_path, **_excepted("migrations.lock_timeout")))
    assert diagnostics == []
    assert spec is not None
    found = [fault for environment in spec.environments for fault in expired(environment.tree, today)]
    assert [f"{fault.place} {fault.code}" for fault in found] == [
        "environments/production.yaml:4:56 expired-exception"
    ] * count
