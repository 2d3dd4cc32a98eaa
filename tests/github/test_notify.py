"""What the team is told: both outcomes, with environment, tenant, revision, reason and link, as text only."""

from __future__ import annotations

import json

import pytest

from tests.github.workflow import ARGOCD, REFERENCE, Machine, load

STAGING = load(ARGOCD / "shop-deploy-staging.yml")
REASON = "  ✗ orders_default failed at 7c1f_add: <!channel> & `x`\n    → look"


def _post(
    machine: Machine, webhook: str = "https://hooks.example.com/T0/B0/x", **needs: dict
) -> tuple[int, str | None]:
    machine.program(
        "curl",
        f'printf "%s\\n" "$@" > {machine.folder}/curl\n'
        'for word in "$@"; do case "$word" in\n'
        f'  @*) cat "${{word#@}}" > {machine.folder}/body ;;\n'
        f'  /dev/fd/*) cat "$word" > {machine.folder}/config ;;\n'
        "esac; done\n",
    )
    jobs = {name: {"result": "success", "outputs": {}} for name in STAGING["jobs"]["notify"]["needs"]}
    values = {
        "github.sha": "0123456789" * 4,
        "github.server_url": "https://github.com",
        "github.repository": "acme/shop",
        "github.run_id": "7",
        "secrets.SLACK_WEBHOOK_URL": webhook,
        "toJSON(needs)": json.dumps({**jobs, **needs}),
    }
    done = machine.run(STAGING, "notify", "Post how it ended", values)
    body = machine.folder / "body"
    return done.code, json.loads(body.read_text(encoding="utf-8"))["text"] if body.exists() else None


def _job(result: str, **outputs: str) -> dict:
    return {"result": result, "outputs": outputs}


def test_success(machine: Machine) -> None:
    said = "pull request #3 into main brings it to production"
    code, text = _post(machine, promote=_job("success", said=said))
    assert code == 0
    assert text.splitlines() == [
        ":white_check_mark: *shop staging* runs 0123456 for default",
        said,
        "<https://github.com/acme/shop/actions/runs/7|the run>",
    ]


def test_failure(machine: Machine) -> None:
    code, text = _post(machine, deploy=_job("failure", reason=f"{REASON}\n"), promote=_job("skipped"))
    assert code == 0
    assert text.splitlines() == [
        ":x: *shop staging* could not be brought to 0123456",
        "deploy: failure",
        "```  ✗ orders_default failed at 7c1f_add: &lt;!channel&gt; &amp; \u2019x\u2019",
        "    → look```",
        "<https://github.com/acme/shop/actions/runs/7|the run>",
    ]


def test_a_build_that_failed_and_a_run_that_was_cancelled(machine: Machine) -> None:
    _, text = _post(
        machine, **{"build-orders": _job("failure")}, deploy=_job("skipped"), promote=_job("skipped")
    )
    assert text.startswith(":x: *shop staging* could not be brought to 0123456\nbuild-orders: failure\n")
    _, text = _post(machine, deploy=_job("cancelled"), promote=_job("skipped"))
    assert "deploy: cancelled" in text


def test_a_promotion_that_failed_is_not_a_deployment_that_failed(machine: Machine) -> None:
    _, text = _post(machine, promote=_job("failure", said="merging into main conflicts in: orders/a.py"))
    assert text.splitlines()[:3] == [
        ":warning: *shop staging* runs 0123456, but not all went well",
        "promote: failure",
        "merging into main conflicts in: orders/a.py",
    ]


def test_a_smoke_test_that_failed_is_no_old_version(machine: Machine) -> None:
    deploy = _job("failure", state="serving", reason='Smoke test "login is up": …')
    _, text = _post(machine, deploy=deploy, promote=_job("skipped"))
    assert text.splitlines()[:3] == [
        ":warning: *shop staging* runs 0123456, but not all went well",
        "deploy: failure",
        '```Smoke test "login is up": …```',
    ]


def test_pins_that_wait_for_a_merge(machine: Machine) -> None:
    said = "pull request #4 into develop brings it to staging"
    pin = _job("success", state="pinned", said=said)
    _, text = _post(machine, pin=pin, deploy=_job("skipped"), promote=_job("skipped"))
    assert text.splitlines()[:2] == [":hourglass: *shop staging* does not run 0123456 yet", said]


def test_a_superseded_run_leaves_the_word_to_the_newer_one(machine: Machine) -> None:
    code, text = _post(machine, deploy=_job("success", state="superseded"), promote=_job("skipped"))
    assert (code, text) == (0, None)


def test_the_webhook_is_no_argument(machine: Machine) -> None:
    _post(machine)
    assert "hooks.example.com" not in (machine.folder / "curl").read_text(encoding="utf-8")
    assert (machine.folder / "config").read_text(
        encoding="utf-8"
    ) == 'url = "https://hooks.example.com/T0/B0/x"\n'


def test_a_webhook_that_is_not_there_is_said(machine: Machine) -> None:
    assert _post(machine, webhook="") == (1, None)


@pytest.mark.parametrize("name", ["elevaite-deploy-staging.yml", "elevaite-deploy-production.yml"])
def test_notify_waits_for_every_job_and_runs_whatever_happened(name: str) -> None:
    jobs = load(REFERENCE / name)["jobs"]
    if "notify" in jobs:
        assert set(jobs["notify"]["needs"]) == set(jobs) - {"notify"}
        assert jobs["notify"]["if"] == "${{ always() }}"
        assert jobs["notify"]["permissions"] == {}
