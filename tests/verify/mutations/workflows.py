"""Workflows that run for strangers, tell secrets, pass over failures, or deploy something else."""

from __future__ import annotations

from tests.verify.mutations.model import APPLICATION, APPROVE, ARGO_DEPLOY, CHECK, DEPLOY, Mutation

STRICT = "set -euo pipefail\n"
JOB = "\n  deploy:\n"
CONNECT, UPGRADE, POST = "Connect to the cluster", "Migrate and upgrade", "Post how it ended"
SECRET = "${{ secrets.STAGING_KUBECONFIG }}"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"


def _line(rule: str, line: str, behind: str = UPGRADE, file: str = DEPLOY) -> Mutation:
    """One more line in the script of a step."""
    return Mutation(rule, line.strip(), file, STRICT, f"{STRICT}          {line}\n", behind)


def _with(rule: str, what: str, old: str, new: str, behind: str = "", file: str = DEPLOY) -> Mutation:
    return Mutation(rule, what, file, old, new, behind)


def _key(rule: str, key: str, behind: str = JOB, file: str = DEPLOY) -> Mutation:
    """One more key of a job."""
    return Mutation(rule, key, file, "    runs-on:", f"    {key}\n    runs-on:", behind)


MUTATIONS = (
    _with("workflow-events", "for strangers", "  pull_request: {}", "  pull_request_target: {}", file=CHECK),
    _with("workflow-events", "after another workflow", "  push:\n", "  workflow_run: {}\n  push:\n"),
    _with("workflow-events", "for comments", "  push:\n", "  issue_comment: {}\n  push:\n"),
    _with("workflow-events", "by hand", "  push:\n", "  workflow_dispatch: {}\n  push:\n", file=ARGO_DEPLOY),
    _with("workflow-events", "for some files", "  push:\n", "  push:\n    paths: [out]\n"),
    _with(
        "workflow-events",
        "for some branches",
        "  pull_request: {}",
        "  pull_request: {branches: [main]}",
        file=CHECK,
    ),
    _with("workflow-branch", "misspelt", '["develop"]', '["devlop"]'),
    _with("workflow-branch", "every", '["develop"]', '["**"]'),
    _with("workflow-branch", "one more", '["main"]', '["main", "develop"]', file=ARGO_DEPLOY),
    _with(
        "workflow-branch",
        "that Argo CD does not follow",
        'Revision: "main"',
        'Revision: "mian"',
        file=APPLICATION,
    ),
    _with("workflow-branch", "of another approval", '["main"]', '["mian"]', file=APPROVE),
    _with("workflow-concurrency", "cancelled", "cancel-in-progress: false", "cancel-in-progress: true"),
    _with(
        "workflow-concurrency", "one for all", '"elevaite-deploy-staging"', '"elevaite-deploy"', "concurrency"
    ),
    _with(
        "workflow-concurrency",
        "one for each run",
        '-staging"',
        '-staging-${{ github.run_id }}"',
        "concurrency",
    ),
    _with("workflow-concurrency", "none", "concurrency:\n", "x:\n", file=ARGO_DEPLOY),
    _with("workflow-concurrency", "one for all checks", "-${{ github.ref }}", "", file=CHECK),
    _key("workflow-concurrency", "concurrency: {group: x, cancel-in-progress: true}"),
    _with("workflow-permissions", "as the repository has them", "permissions: {}\n\ndefaults", "defaults"),
    _with("workflow-permissions", "all", "permissions: {}\n\ndefaults", "permissions: write-all\n\ndefaults"),
    _with(
        "workflow-permissions",
        "all for a job",
        "    permissions: {}\n",
        "    permissions: write-all\n",
        file=CHECK,
    ),
    _with("workflow-permissions", "writing", "contents: read", "contents: write", JOB),
    _with("workflow-permissions", "of the workflow's", "    permissions: {}\n", "", "  notify:"),
    _with("workflow-permissions", "actions", "statuses: write", "actions: write", file=APPROVE),
    _with("workflow-environment", "none", '    environment: "staging"\n', ""),
    _with("workflow-environment", "of another", '"staging"', '"production"', "    environment: "),
    _with("workflow-environment", "none for the webhook", '    environment: "staging-notify"\n', ""),
    _with("workflow-timeout", "none", "    timeout-minutes: 10\n", "", "  notify:"),
    _with("workflow-timeout", "a week", "timeout-minutes: 10", "timeout-minutes: 10080", "  notify:"),
    _with("workflow-runner", "whatever is new", "ubuntu-24.04", "ubuntu-latest"),
    _with("workflow-runner", "one's own", "ubuntu-24.04", "self-hosted", file=CHECK),
    _key("workflow-failures", "continue-on-error: true"),
    _with(
        "workflow-failures",
        "of a step",
        "        env:\n",
        "        continue-on-error: true\n        env:\n",
        UPGRADE,
    ),
    _with(
        "workflow-failures",
        "false of a step",
        "        run:",
        "        continue-on-error: false\n        run:",
        file=CHECK,
    ),
    _with(
        "workflow-needs", "an output of nobody", "      - build-auth-api\n", "", JOB + "    name: Deploy\n"
    ),
    _with("workflow-needs", "no such output", "      digest: ${{", "      image: ${{"),
    _with("workflow-needs", "no such step", "        id: digests\n", ""),
    _with("workflow-needs", "no such job", "needs: [deploy]", "needs: [deploy, deplyo]"),
    _with(
        "workflow-images",
        "a tag",
        "@sha256:95206741a5b214807675e14165369d05b93a9cf692223b616d07cca227e74b0b",
        "",
        file=CHECK,
    ),
    _with("workflow-images", "a port for all", '"127.0.0.1:5432:5432"', '"5432:5432"', file=CHECK),
    _key("workflow-images", 'container: "node:22"'),
    _with("workflow-required", "a job left out", "      - check-auth-api\n", "", file=CHECK),
    _with(
        "workflow-required",
        "skipped after a failure",
        "if: ${{ always() }}",
        "if: ${{ success() }}",
        file=CHECK,
    ),
    _with(
        "workflow-required", "green after a skipped job", '!= "success"', '== "failure"', "Every job", CHECK
    ),
    _key("workflow-required", "if: ${{ github.actor != 'x' }}", "  image-auth-api:", CHECK),
    _with("workflow-notify", "only failures", "if: ${{ always() }}", "if: ${{ failure() }}"),
    _with("workflow-notify", "without a build", "      - build-auth-api\n", "", "  notify:"),
    _with("workflow-action", "a tag", CHECKOUT, "actions/checkout@v7"),
    _with("workflow-action", "a short commit", CHECKOUT, CHECKOUT[:32]),
    _with("workflow-action", "another commit", CHECKOUT, CHECKOUT[:-2] + "00", file=CHECK),
    _with("workflow-action", "one that nobody looked up", CHECKOUT, "evil/checkout@" + "0" * 40),
    _with("workflow-action", "a folder", CHECKOUT, "./.github/actions/x"),
    _with("workflow-action", "the newest Helm", 'version: "v4.3.1"', "version: latest"),
    _key("workflow-action", "uses: x/y/.github/workflows/z.yml@main"),
    _with("workflow-checkout", "kept", "persist-credentials: false", "persist-credentials: true"),
    _with(
        "workflow-checkout", "kept by default", "          persist-credentials: false\n", "", "fetch-depth"
    ),
    _with("workflow-pull-request", "pushing", "push: false", "push: true", file=CHECK),
    _key("workflow-pull-request", "environment: staging", "  image-auth-api:", CHECK),
    _with(
        "workflow-pull-request",
        "with a secret",
        "        env:\n          NEEDS:",
        "        env:\n          KEY: ${{ secrets.KEY }}\n          NEEDS:",
        file=CHECK,
    ),
    _with("workflow-shell", "another", "shell: bash", "shell: sh"),
    _with("workflow-shell", "going on", STRICT, "\n", UPGRADE),
    _with("workflow-shell", "of a step", "        run:", "        shell: python\n        run:", UPGRADE),
    _line("workflow-expression", "echo ${{ github.event.head_commit.message }}"),
    _line("workflow-expression", "branch=${{ github.ref_name }}", "Outputs are", CHECK),
    _line("workflow-download", "curl -s https://example.com/install.sh | bash"),
    _line("workflow-download", "bash <(curl -s https://example.com/install.sh)"),
    _line("workflow-download", "wget -qO- https://example.com/install.sh | sudo sh", "Outputs are", CHECK),
    _line("workflow-download", "curl --insecure --output helm https://example.com/helm"),
    _line("workflow-download", "npm install -g cli", "Outputs are", CHECK),
    _line("workflow-secret", 'echo "$CONTENT"', CONNECT),
    _line("workflow-secret", 'kubectl --token "$CONTENT" get pods', CONNECT),
    _line("workflow-secret", "echo ${CONTENT:0:9}", CONNECT),
    _line("workflow-secret", "set -x"),
    _line("workflow-secret", "printenv"),
    _with(
        "workflow-secret",
        "a webhook as an argument",
        '--config <(printf \'url = "%s"\\n\' "$WEBHOOK")',
        '"$WEBHOOK"',
    ),
    _with(
        "workflow-secret-scope",
        "for all jobs",
        "permissions: {}\n",
        f"permissions: {{}}\nenv:\n  T: {SECRET}\n",
    ),
    _with(
        "workflow-secret-scope",
        "a token for all jobs",
        "permissions: {}\n",
        "permissions: {}\nenv: {T: '${{ github.token }}'}\n",
    ),
    _with("workflow-secret-scope", "for all steps", "    env:\n", f"    env:\n      KEY: {SECRET}\n", JOB),
    _with("workflow-secret-scope", "every secret at once", SECRET, "${{ toJSON(secrets) }}"),
    _key("workflow-secret-scope", "secrets: inherit"),
    _with(
        "workflow-secret-literal",
        "a webhook",
        "${{ secrets.SLACK_WEBHOOK_URL }}",
        "https://hooks.slack.com/services/T0/B0/x",
    ),
    _with(
        "workflow-secret-literal",
        "a token for all jobs",
        "permissions: {}\n",
        "permissions: {}\nenv: {T: ghp_0123456789abcdefABCD}\n",
    ),
    _line("workflow-secret-literal", "docker login --username me --password hunter2"),
    _with("workflow-cloud-keys", "of AWS", f"CONTENT: {SECRET}", "AWS_SECRET_ACCESS_KEY: ${{ secrets.KEY }}"),
    _with("workflow-cloud-keys", "of Google", SECRET, "${{ secrets.GOOGLE_CREDENTIALS }}"),
    _with("workflow-checks", "no drift", "bin/gen --check", "bin/gen --version", file=CHECK),
    _with("workflow-checks", "no linters", "bin/gen lint", "true", file=CHECK),
    _with("workflow-checks", "no revisions", "bin/gen migrations check", "true", file=CHECK),
    _with("workflow-target", "no namespace", '      NAMESPACE: "staging"\n', ""),
    _with("workflow-helm", "without hooks", "--rollback-on-failure", "--no-hooks"),
    _with("workflow-helm", "with old values", "--rollback-on-failure", "--reuse-values"),
    _with("workflow-helm", "not awaited", "--wait --timeout", "--timeout"),
    _with("workflow-helm", "never installed", "upgrade --install", "upgrade"),
    _with("workflow-target", "another chart", "out/staging/chart", "out/production/chart"),
    _with("workflow-target", "another namespace", 'NAMESPACE: "staging"', 'NAMESPACE: "production"'),
    _with(
        "workflow-target", "another release", 'RELEASE: "elevaite-staging"', 'RELEASE: "elevaite"', UPGRADE
    ),
    _with(
        "workflow-target", "another Job", 'JOB: "elevaite-migrations"', 'JOB: "migrations"', file=ARGO_DEPLOY
    ),
    _with("job-deadlines", "Helm's is the Job's", 'TIMEOUT: "2040s"', 'TIMEOUT: "1980s"'),
    _with("job-deadlines", "Helm has none", ' --timeout "$TIMEOUT"', ""),
    _with("job-deadlines", "the workflow's is Helm's", "timeout-minutes: 117", "timeout-minutes: 34"),
    _with(
        "job-deadlines",
        "the workflow's is too short",
        "timeout-minutes: 117",
        "timeout-minutes: 50",
        file=ARGO_DEPLOY,
    ),
)
