"""Where environments are deployed: every mistake at its place, and none that only follows from another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.spec.load import load
from tests.spec.project import (
    DIGEST,
    LOCAL,
    PINS,
    PLATFORM,
    PRODUCTION,
    STAGING,
    codes,
    deployed,
    mistakes,
    project,
    said,
)
from tests.spec.test_load import VALUES
from tests.spec.test_secrets import SECRETS

if TYPE_CHECKING:
    from pathlib import Path

KUBECONFIG = "{kubeconfig: STAGING_KUBECONFIG}"
AWS = '{aws: {role: "arn:aws:iam::123456789012:role/staging", region: eu-central-1, name: shop}}'
GOOGLE = (
    "{google: {provider: projects/1/locations/global/workloadIdentityPools/pool/providers/github, "
    "service_account: staging@shop-project.iam.gserviceaccount.com, location: europe-west1, name: shop}}"
)
AZURE = (
    "{azure: {client: 7c9e6679-7425-40de-944b-e07fc1f90ae7, tenant: 550e8400-e29b-41d4-a716-446655440000, "
    "subscription: 123e4567-e89b-12d3-a456-426614174000, resource_group: shop.staging, name: shop}}"
)
ACCESS = {"kubeconfig": KUBECONFIG, "aws": AWS, "google": GOOGLE, "azure": AZURE}


def both(folder: Path, staging: str = STAGING, production: str = PRODUCTION, **more: str) -> Path:
    """Lay staging, deployed by Helm, and production, by Argo CD, into `folder`."""
    files = {"staging": staging, "production": production, "production.images": PINS, **more}
    return project(folder, **files)


@pytest.mark.parametrize("access", ACCESS.values(), ids=ACCESS)
def test_two_environments_that_are_right(tmp_path: Path, access: str) -> None:
    staging = STAGING.replace(KUBECONFIG, access) + (
        "smoke_tests: [{name: login page, service: api, get: /health, expect: 204}]\n"
        "promote: {to: production, writer: app}\nnotify: {slack: {secret: SLACK_WEBHOOK_URL}}\n"
    )
    assert mistakes(both(tmp_path, staging)) == []
    spec, _, _ = load(tmp_path)
    assert spec is not None
    production, staged = spec.environments[1:]
    assert production.model.images.keys() == {"api", "worker"}
    assert staged.model.smoke_tests[0].expect == 204


# What is written instead of `STAGING`'s line, and all that is found.
WRONG: dict[str, tuple[str, str, list[str]]] = {
    "cluster: {}": (KUBECONFIG, "{}", ["7:3 missing-key"]),
    "no value": (KUBECONFIG, "", ["7:11 empty-value"]),
    "text": (KUBECONFIG, "STAGING_KUBECONFIG", ["7:12 wrong-type"]),
    "misspelt access": (KUBECONFIG, "{kubeconfg: STAGING_KUBECONFIG}", ["7:13 unknown-key"]),
    "unknown access": (KUBECONFIG, "{eks: {name: shop}}", ["7:13 unknown-key"]),
    "unknown and misspelt keys inside": (
        KUBECONFIG,
        "{aws: {rol: x, region: eu-central-1, name: shop, user: me}}",
        ["7:19 unknown-key", "7:61 unknown-key"],
    ),
    "not in the pattern": (
        KUBECONFIG,
        AWS.replace("eu-central-1", "Frankfurt"),
        ["7:75 invalid-cloud-name"],
    ),
    "two ways": (KUBECONFIG, f"{{kubeconfig: A, {AWS[1:-1]}}}", ["7:28 duplicate-access"]),
    "a secret of GitHub's": (KUBECONFIG, "{kubeconfig: GITHUB_TOKEN}", ["7:25 reserved-name"]),
    "a file": (KUBECONFIG, "{kubeconfig: ~/.kube/config}", ["7:25 invalid-variable-name"]),
    "pattern as a branch": ("develop", "release/*", ["4:11 invalid-branch"]),
    "reference as a branch": ("develop", "refs/heads/develop", ["4:11 invalid-branch"]),
    "two dots in a branch": ("develop", "a..b", ["4:11 invalid-branch"]),
    "unknown way": ("via: helm", "via: argo", ["5:8 not-allowed"]),
    "no way": ("  via: helm\n", "", ["3:1 missing-key"]),
    "Kubernetes' namespace": ("namespace: staging", "namespace: kube-system", ["6:14 reserved-name"]),
    "no namespace": ("namespace: staging", "namespace: Staging", ["6:14 invalid-kubernetes-name"]),
    "window without an end": (
        KUBECONFIG,
        KUBECONFIG + "\n  window: {days: [mon], from: 09:00}",
        ["8:3 missing-key"],
    ),
    "window without time": (
        KUBECONFIG,
        KUBECONFIG + "\n  window: {days: [mon], from: 09:00, until: 09:00}",
        ["8:45 out-of-range"],
    ),
    "window of nothing": (KUBECONFIG, KUBECONFIG + "\n  window:", ["8:10 empty-value"]),
    "window without days": (
        KUBECONFIG,
        KUBECONFIG + "\n  window: {days: [], from: 09:00, until: 16:00}",
        ["8:18 empty-list"],
    ),
    "a day twice": (
        KUBECONFIG,
        KUBECONFIG + "\n  window: {days: [mon, mon, friday], from: 09:00, until: 16:00}",
        ["8:24 duplicate-item", "8:29 not-allowed"],
    ),
    "a zone with another name": (
        KUBECONFIG,
        KUBECONFIG + "\n  window: {days: [mon], from: 09:00, until: 16:00, zone: Europe/Berlim}",
        ["8:58 invalid-zone"],
    ),
    "settings of the other way": (
        KUBECONFIG,
        KUBECONFIG + "\n  sync: manual\n  argocd: {namespace: argo}",
        ["8:3 unused-key", "9:3 unused-key"],
    ),
    "deploy is a list": (STAGING[STAGING.index("deploy") :], "deploy: [develop]\n", ["3:9 wrong-type"]),
    "deploy is text": (STAGING[STAGING.index("deploy") :], "deploy: develop\n", ["3:9 wrong-type"]),
    "deploy is nothing": (STAGING[STAGING.index("deploy") :], "deploy:\n", ["3:8 empty-value"]),
    "deploy is empty": (STAGING[STAGING.index("deploy") :], "deploy: {}\n", ["3:1 missing-key"] * 4),
}


@pytest.mark.parametrize(("old", "new", "expected"), WRONG.values(), ids=WRONG)
def test_a_deployment_that_is_wrong(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    """Once, at its place, with nothing that only follows; also where production promotes to it and is compared."""
    assert STAGING.count(old) == 1
    production = PRODUCTION + "promote: {to: staging}\n"
    argocd = STAGING.replace("via: helm", "via: argocd")
    folder = both(tmp_path, STAGING.replace(old, new))
    assert mistakes(folder) == [f"staging.yaml:{one}" for one in expected]
    if old in argocd and not {"unused-key", "not-allowed"} & {one.split()[1] for one in expected}:
        folder = both(tmp_path, argocd.replace(old, new), production, **{"staging.images": PINS})
        found = [one for one in mistakes(folder) if not one.startswith("production.yaml:8:15 not-allowed")]
        assert found == [f"staging.yaml:{one}" for one in expected]


SMOKE_TESTS: dict[str, tuple[str, list[str]]] = {
    "without a path": ("{name: login, service: api}", ["9:5 missing-key"]),
    "of nothing": ("", ["9:4 empty-value"]),
    "of text": ("/health", ["9:5 wrong-type"]),
    "of an empty map": ("{}", ["9:5 missing-key"] * 3),
    "of a URL": ("{name: login, service: api, get: 'https://shop/health'}", ["9:38 invalid-health-path"]),
    "with a misspelt key": ("{name: login, service: api, gets: /health}", ["9:33 unknown-key"]),
    "with a key that means nothing": (
        "{name: login, service: api, get: /health, body: x}",
        ["9:47 unknown-key"],
    ),
    "of no service": ("{name: login, service: apy, get: /health}", ["9:28 unknown-service"]),
    "with a code that is none": (
        "{name: login, service: api, get: /, expect: 99}",
        ["9:49 out-of-range"],
    ),
    "with a code in quotes": ("{name: login, service: api, get: /, expect: '200'}", ["9:49 wrong-type"]),
    "without a name": ("{name: ' ', service: api, get: /}", ["9:12 invalid-text"]),
    "in several lines": ("name: login\n    service: api", ["9:5 missing-key"]),
}


@pytest.mark.parametrize(("test", "expected"), SMOKE_TESTS.values(), ids=SMOKE_TESTS)
def test_a_smoke_test(tmp_path: Path, test: str, expected: list[str]) -> None:
    folder = project(tmp_path, staging=f"{STAGING}smoke_tests:\n  - {test}\n")
    assert mistakes(folder) == [f"staging.yaml:{one}" for one in expected]


def test_a_smoke_test_of_a_service_that_is_switched_off(tmp_path: Path) -> None:
    staging = STAGING + "smoke_tests: [{name: x, service: worker, get: /}]\n"
    assert mistakes(project(tmp_path, staging=staging + "services: {worker: {enabled: false}}\n")) == [
        "staging.yaml:8:34 unknown-service"
    ]
    assert "it is switched off here" in said(tmp_path)


def test_a_branch_belongs_to_one_environment(tmp_path: Path) -> None:
    folder = both(
        tmp_path, STAGING.replace("develop", "main"), **{"staging-eu": deployed("staging-eu", "main")}
    )
    assert mistakes(folder) == ["staging-eu.yaml:4:11 duplicate-branch", "staging.yaml:4:11 duplicate-branch"]
    assert "production.yaml:4:11" in said(folder)
    assert mistakes(both(tmp_path / "cases", STAGING.replace("develop", "Main"))) == []


def cluster_of(text: str, cluster: str) -> str:
    return "\n".join(
        f"  cluster: {cluster}"
        if line.startswith("  cluster:")
        else "  namespace: shop"
        if line.startswith("  namespace:")
        else line
        for line in text.splitlines()
    )


SAME = {
    "kubeconfig": (KUBECONFIG, KUBECONFIG),
    "aws, another role and another order": (
        AWS,
        '{aws: {name: shop, region: eu-central-1, role: "arn:aws:iam::123456789012:role/other"}}',
    ),
    "google, another account": (GOOGLE, GOOGLE.replace("staging@", "production@")),
    "azure, another spelling": (AZURE, AZURE.replace("shop.staging", "Shop.Staging").replace("7c9e", "8c9e")),
}
OTHER = {
    "kubeconfig": (KUBECONFIG, "{kubeconfig: PRODUCTION_KUBECONFIG}"),
    "aws, another account": (AWS, AWS.replace("123456789012", "210987654321")),
    "aws, another region": (AWS, AWS.replace("eu-central-1", "us-east-1")),
    "google, another project": (GOOGLE, GOOGLE.replace("@shop-project", "@shop-production")),
    "azure, another subscription": (AZURE, AZURE.replace("123e4567", "223e4567")),
    "two clouds": (AWS, GOOGLE),
}


@pytest.mark.parametrize(("staging", "production"), SAME.values(), ids=SAME)
def test_a_namespace_of_a_cluster_belongs_to_one_environment(
    tmp_path: Path, staging: str, production: str
) -> None:
    folder = both(tmp_path, cluster_of(STAGING, staging), cluster_of(PRODUCTION, production))
    assert mistakes(folder) == ["staging.yaml:6:14 duplicate-namespace"]
    assert "production.yaml:6:14" in said(folder)


@pytest.mark.parametrize(("staging", "production"), OTHER.values(), ids=OTHER)
def test_two_clusters_may_have_one_namespace_each(tmp_path: Path, staging: str, production: str) -> None:
    assert mistakes(both(tmp_path, cluster_of(STAGING, staging), cluster_of(PRODUCTION, production))) == []


def test_one_cluster_of_one_argocd_by_its_address(tmp_path: Path) -> None:
    server = "  argocd: {server: 'https://k8s.example.com'}\n"
    staging = deployed("staging", "develop", "argocd", server).replace(
        "namespace: staging", "namespace: shop"
    )
    production = deployed("production", "main", "argocd", server).replace(
        "namespace: production", "namespace: shop"
    )
    folder = both(tmp_path, staging, production, **{"staging.images": PINS})
    assert mistakes(folder) == ["staging.yaml:6:14 duplicate-namespace"]


def test_the_namespace_of_argocd_itself(tmp_path: Path) -> None:
    production = PRODUCTION.replace("namespace: production", "namespace: argo")
    assert mistakes(both(tmp_path, production=production)) == []
    assert mistakes(both(tmp_path, production=production + "  argocd: {namespace: argo}\n")) == [
        "production.yaml:6:14 reserved-name"
    ]


@pytest.mark.parametrize(("length", "expected"), [(53, []), (54, ["1:14 name-too-long"])])
def test_the_longest_release(tmp_path: Path, length: int, expected: list[str]) -> None:
    name = "staging-" + "x" * 16
    platform = PLATFORM.replace("platform: shop", f"platform: {'p' * (length - 1 - len(name))}")
    folder = project(tmp_path, platform=platform, **{name: deployed(name, "develop")})
    assert mistakes(folder) == [f"{name}.yaml:{one}" for one in expected]


@pytest.mark.parametrize(("length", "expected"), [(34, []), (35, ["platform.yaml:1:11 name-too-long"])])
def test_the_longest_job_with_its_hashes_is_found_once(
    tmp_path: Path, length: int, expected: list[str]
) -> None:
    platform = PLATFORM.replace("platform: shop", f"platform: {'p' * length}")
    more = {"production-eu": deployed("production-eu", "eu", "argocd"), "production-eu.images": PINS}
    assert mistakes(both(tmp_path, platform=platform, **more)) == expected
    assert mistakes(project(tmp_path / "helm", platform=platform, staging=STAGING)) == []


def test_a_tenant_whose_schema_another_service_has(tmp_path: Path) -> None:
    platform = PLATFORM.replace("database: worker", "database: api").replace(
        "schema: public", "schema: api_big_shop"
    )
    staging = STAGING.replace("tenants: [default]", "tenants: [default, big-shop]")
    assert mistakes(project(tmp_path, platform=platform, staging=staging)) == [
        "platform.yaml:21:26 duplicate-schema"
    ]


def test_an_image_is_a_repository_without_a_tag_and_a_pin_a_digest_without_a_repository(
    tmp_path: Path,
) -> None:
    staging = STAGING + "services: {api: {image: 'ghcr.io/acme/api:latest'}}\n"
    pins = f"api: latest\nworker: ghcr.io/acme/worker@{DIGEST}\n"
    assert mistakes(both(tmp_path, staging, **{"production.images": pins})) == [
        "production.images.yaml:1:6 invalid-digest",
        "production.images.yaml:2:9 invalid-digest",
        "staging.yaml:8:25 invalid-registry",
    ]


def test_a_repository_is_missing_once(tmp_path: Path) -> None:
    platform = PLATFORM.replace("repository: https://github.com/acme/shop\n", "")
    assert mistakes(both(tmp_path, platform=platform)) == ["platform.yaml missing-key"]
    assert mistakes(project(tmp_path / "none", platform=platform)) == []


PROMOTIONS: dict[str, tuple[str, str, list[str]]] = {
    "to a misspelt one": ("prodction", "", ["staging.yaml:8:15 unknown-environment"]),
    "to itself": ("staging", "", ["staging.yaml:8:15 not-allowed"]),
    "to one that is not deployed": ("local", "", ["staging.yaml:8:15 not-allowed"]),
    "to one that Helm deploys": ("staging-eu", "", ["staging.yaml:8:15 not-allowed"]),
    "to no name": ("Production", "", ["staging.yaml:8:15 invalid-name"]),
    "of two to one": ("production", "promote: {to: production}\n", ["staging.yaml:8:15 not-allowed"]),
}


@pytest.mark.parametrize(("to", "other", "expected"), PROMOTIONS.values(), ids=PROMOTIONS)
def test_a_promotion(tmp_path: Path, to: str, other: str, expected: list[str]) -> None:
    more = {"staging-eu": deployed("staging-eu", "eu") + other}
    assert mistakes(both(tmp_path, f"{STAGING}promote: {{to: {to}}}\n", **more)) == expected


def test_a_promotion_in_a_circle(tmp_path: Path) -> None:
    names = {"staging": "production", "production": "production-eu", "production-eu": "staging"}
    environments = {
        name: deployed(name, name, "argocd") + f"promote: {{to: {to}}}\n" for name, to in names.items()
    }
    pins = dict.fromkeys((f"{name}.images" for name in names), PINS)
    assert mistakes(project(tmp_path, **environments, **pins)) == ["production.yaml:8:15 cycle"]


@pytest.mark.parametrize(
    ("broken", "expected"),
    [("deploy: [\n", "2:1 yaml-syntax"), (PRODUCTION.replace("argocd", "argo"), "5:8 not-allowed")],
)
def test_a_promotion_to_what_is_broken_is_not_judged(tmp_path: Path, broken: str, expected: str) -> None:
    folder = both(tmp_path, STAGING + "promote: {to: production}\n", broken)
    assert mistakes(folder) == [f"production.yaml:{expected}"]


def test_what_only_a_deployment_reads(tmp_path: Path) -> None:
    extra = (
        "smoke_tests: []\npromote: {to: production}\napprovals: {upgrade: 1}\nrollback: {code: manual}\n"
        "notify: {slack: {secret: HOOK}}\nmigrations: {deadline: 10m}\n"
        "services: {api: {image: x.io/y, replicas: 1, resources: {}, egress: [443], secret_name: x}}\n"
    )
    found = [f"{line}:{column} unused-key" for line, column in (
        (3, 1), (4, 1), (5, 1), (6, 12), (7, 1), (8, 14), (9, 18), (9, 33), (9, 46), (9, 61), (9, 76),
    )]  # fmt: skip
    assert mistakes(project(tmp_path, LOCAL + extra)) == [f"local.yaml:{one}" for one in found]
    folder = both(tmp_path, STAGING.split("deploy")[0] + extra)
    (folder / "environments" / "local.yaml").write_text(LOCAL)
    assert mistakes(folder) == [f"staging.yaml:{one}" for one in found]
    platform = PLATFORM + "rollback: {code: manual}\nnotify: {slack: {secret: HOOK}}\n"
    assert mistakes(project(tmp_path / "shared", platform=platform)) == [], "for the others"


def test_a_deployment_on_a_laptop(tmp_path: Path) -> None:
    local = STAGING.replace("environment: staging", "environment: local")
    assert mistakes(project(tmp_path, local)) == ["local.yaml:3:1 unused-key"]


def test_a_deployment_of_all_environments(tmp_path: Path) -> None:
    platform = PLATFORM + STAGING[STAGING.index("deploy") :]
    staging = "environment: staging\ntenants: [default]\n"
    assert mistakes(project(tmp_path, platform=platform, staging=staging)) == [
        "platform.yaml:23:1 wrong-file"
    ]


RESOURCES = {
    "{requests: {memory: 512Mi}}": None,
    "{requests: {memory: 513Mi}}": 49,
    "{requests: {memory: 1Gi}, limits: {memory: 1Gi}}": None,
    "{requests: {cpu: 1001m}}": 46,
    '{requests: {cpu: "1"}}': None,
    '{requests: {cpu: "1"}, limits: {cpu: 999m}}': 46,
    "{limits: {cpu: 99m}}": 44,
    "{limits: {ephemeral-storage: 65535Ki}}": 58,
    "{requests: {memory: 1G}, limits: {memory: 256Mi}}": None,
}


@pytest.mark.parametrize(("written", "column"), RESOURCES.items(), ids=RESOURCES)
def test_a_request_is_within_its_limit(tmp_path: Path, written: str, column: int | None) -> None:
    folder = project(tmp_path, staging=f"{STAGING}services: {{api: {{resources: {written}}}}}\n")
    found = [one for one in mistakes(folder) if not one.endswith("invalid-quantity")]
    assert found == ([f"staging.yaml:8:{column} out-of-range"] if column else [])


MEMORY = {
    "enough for the default": ("", "320Mi", True),
    "not enough for the default": ("", "319Mi", False),
    "stated": ("migrations: {parallelism: 32}\n", "447Mi", False),
    "as many as there are tenants": ("migrations: {parallelism: 32}\n", "448Mi", True),
    "one at a time": ("migrations: {parallelism: 1}\n", "128Mi", True),
    "not even one": ("migrations: {parallelism: 1}\n", "127Mi", False),
    "another unit": ("", "300000Ki", False),
    "no number": ("migrations: {parallelism: many}\n", "1Mi", True),
}


@pytest.mark.parametrize(("more", "limit", "enough"), MEMORY.values(), ids=MEMORY)
def test_memory_for_schemas_that_are_migrated_at_once(
    tmp_path: Path, more: str, limit: str, enough: bool
) -> None:
    """At the limit that was written; for a service with one schema, one process is enough."""
    tenants = "tenants: [a, b, c, d, e, f]\n"
    staging = STAGING.replace("tenants: [default]\n", tenants)
    resources = f"{{requests: {{memory: 1Mi}}, limits: {{memory: {limit}}}}}"
    services = f"services: {{api: {{resources: {resources}}}}}\n"
    assert staging != STAGING

    def refused(name: str, services: str) -> list[str]:
        found = mistakes(project(tmp_path / name, staging=staging + more + services))
        return [one.partition(":")[0] for one in found if one.endswith("out-of-range")]

    assert refused("many", services) == ([] if enough else ["staging.yaml"])
    of_one = "services: {worker: {resources: {requests: {memory: 1Mi}, limits: {memory: 128Mi}}}}\n"
    assert refused("one", of_one) == []
    assert refused("none", of_one.replace("128", "127")) == ([] if "many" in more else ["staging.yaml"])


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    texts = {"staging": STAGING, "production": PRODUCTION, "production.images": PINS}
    lf = load(project(tmp_path / "lf", **texts))
    crlf = load(
        project(
            tmp_path / "crlf",
            LOCAL.replace("\n", "\r\n"),
            PLATFORM.replace("\n", "\r\n"),
            **{name: text.replace("\n", "\r\n") for name, text in texts.items()},
        )
    )
    assert lf[0] is not None
    assert lf == crlf


# Every place of a deployment where somebody may type what they like.
FREE = [
    "repository: {}",
    "workflows: {{setup: [make, {}]}}",
    "workflows: {{prefix: {}}}",
    "services: {{api: {{lint: [ruff, {}]}}}}",
    "services: {{api: {{test: [pytest, {}]}}}}",
    "services: {{api: {{image: {}}}}}",
    "services: {{api: {{secret_name: {}}}}}",
    "services: {{api: {{egress: [{}]}}}}",
    "services: {{api: {{resources: {{limits: {{memory: {}}}}}}}}}",
    "notify: {{slack: {{secret: {}}}}}",
    "notify: {{slack: {}}}",
    "notify: {{slack: {{webhook: {}}}}}",
    "deploy: {{branch: {}}}",
    "deploy: {{namespace: {}}}",
    "deploy: {{pull_secret_name: {}}}",
    "deploy: {{ingress_from: [{}]}}",
    "deploy: {{cluster: {{kubeconfig: {}}}}}",
    "deploy: {{cluster: {{aws: {{role: {}}}}}}}",
    "deploy: {{cluster: {{google: {{provider: {}}}}}}}",
    "deploy: {{cluster: {{azure: {{client: {}}}}}}}",
    "deploy: {{argocd: {{server: {}}}}}",
    "deploy: {{window: {{zone: {}}}}}",
    "promote: {{to: {}}}",
    "smoke_tests: [{{name: {}, service: api, get: /}}]",
    "smoke_tests: [{{name: login, service: api, get: {}}}]",
    "exceptions: [{{field: {}, reason: x, until: 2026-12-31, allow: 5s}}]",
    "exceptions: [{{field: migrations.lock_timeout, reason: {}, until: 2026-12-31, allow: 5s}}]",
    "exceptions: [{{field: migrations.lock_timeout, reason: x, until: 2026-12-31, allow: {}}}]",
    "migrations: {{canary: [{}]}}",
]


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_refused_and_never_shown_in_any_new_field(tmp_path: Path, secret: str) -> None:
    for number, field in enumerate(FREE):
        line = field.format(json.dumps(secret)) + "\n"
        is_shared = line.startswith(("repository", "workflows")) or "lint" in line or "test: [" in line
        where = {"platform": PLATFORM.split("repository")[0] + line if "services" not in line else PLATFORM}
        if not is_shared or "services" in line:
            where = {"staging": "environment: staging\ntenants: [default]\n" + line}
        _refused(project(tmp_path / str(number), **where), secret)
    _refused(
        project(
            tmp_path / "pins", production=PRODUCTION, **{"production.images": f"api: {json.dumps(secret)}\n"}
        ),
        secret,
    )
    _refused(
        project(
            tmp_path / "key", production=PRODUCTION, **{"production.images": f"? {json.dumps(secret)}\n: x\n"}
        ),
        secret,
    )


def _refused(folder: Path, secret: str) -> None:
    words = said(folder)
    assert words.strip(), "refused"
    for piece in (secret, secret[:12], secret[-12:], "hunter2"):
        assert piece not in words or piece == "redis://:hun"


def test_the_long_names_of_clouds_are_no_secrets_and_are_shown(tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/GitHub-Deploy3r-Staging_XqZpWvRtYbKdL"
    staging = STAGING.replace(KUBECONFIG, AWS.replace("arn:aws:iam::123456789012:role/staging", role))
    repository = "https://github.com/Acme-Inc/Shop2-platform_monorepo-QZKWX"
    platform = PLATFORM.replace("https://github.com/acme/shop", repository)
    assert codes(project(tmp_path, platform=platform, staging=staging)) == set()
    project(tmp_path, platform=platform, staging=staging.replace("name: shop", "name: my shop"))
    assert codes(tmp_path) == {"invalid-cloud-name"}
    assert "***" not in said(tmp_path)


# Every map of a deployment, with the keys that it may hold.
MAPS = {
    "deploy: {{{}}}": (
        "branch", "via", "namespace", "build", "cluster", "argocd", "sync", "window", "pull_secret_name",
        "database_port", "ingress_from",
    ),
    "deploy: {{via: argocd, branch: x, namespace: x, cluster: {{{}}}}}": ("kubeconfig", "aws", "google", "azure"),
    "deploy: {{via: argocd, cluster: {{aws: {{{}}}}}}}": ("role", "region", "name"),
    "deploy: {{via: argocd, cluster: {{google: {{{}}}}}}}": ("provider", "service_account", "location", "name"),
    "deploy: {{via: argocd, cluster: {{azure: {{{}}}}}}}": ("client", "tenant", "resource_group", "name"),
    "deploy: {{via: argocd, argocd: {{{}}}}}": ("namespace", "server"),
    "deploy: {{via: helm, window: {{days: [mon], from: 09:00, {}}}}}": ("until", "zone", "days"),
    "deploy: {{via: helm, window: {{{}}}}}": ("days", "from", "until", "zone"),
    "deploy: {{via: helm}}\nsmoke_tests: [{{{}}}]": ("name", "service", "get", "expect"),
    "deploy: {{via: helm}}\nexceptions: [{{{}}}]": ("field", "reason", "until", "allow"),
    "deploy: {{via: helm}}\npromote: {{{}}}": ("to", "writer"),
    "deploy: {{via: helm}}\napprovals: {{{}}}": ("upgrade",),
    "deploy: {{via: helm}}\nrollback: {{{}}}": ("code", "downgrade_test", "schema", "max_downgrade_revisions"),
    "deploy: {{via: helm}}\nmigrations: {{{}}}": (
        "lock_timeout", "statement_timeout", "deadline", "parallelism", "canary", "on_tenant_failure",
        "max_failed_tenants", "lock_retries", "verify",
    ),
    "deploy: {{via: helm}}\nnotify: {{slack: {{{}}}}}": ("secret",),
    "deploy: {{via: helm}}\nservices: {{api: {{resources: {{limits: {{{}}}}}}}}}": ("cpu", "memory"),
}  # fmt: skip


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_value_under_any_key_of_a_deployment_is_a_diagnostic(tmp_path: Path, data: st.DataObject) -> None:
    where = data.draw(st.sampled_from(list(MAPS)))
    key, value = data.draw(st.sampled_from(MAPS[where])), data.draw(VALUES)
    entry = f"{key}: {json.dumps(value)}"
    name = data.draw(st.sampled_from(["staging", "production"]))
    wrong = f"environment: {name}\ntenants: [default]\n{where.format(entry)}\n"
    files = {"staging": STAGING, "production": PRODUCTION, "production.images": PINS, name: wrong}
    words = said(project(tmp_path, **files))
    assert words
    assert not any(
        theirs in words for theirs in ("Input should", "Extra inputs", "Field required", "pydantic")
    )
    assert "does not fit here" not in words, "an error of pydantic's that has no words of ours"
