"""Releases in a wrong order, pods that do not wait, connections for anybody."""

from __future__ import annotations

from tests.verify.mutations.model import ARGO_FILES, ARGO_JOB, ARGO_SERVICE, FILES, JOB, SERVICE, Mutation

HOOK = "    helm.sh/hook: pre-install,pre-upgrade\n"
WEIGHT, POLICY = '    helm.sh/hook-weight: "-10"\n', "    helm.sh/hook-delete-policy: before-hook-creation\n"
HOOKS = "  annotations:\n" + HOOK + WEIGHT + POLICY
WAVE = 'argocd.argoproj.io/sync-wave: "-2"'
ACCOUNT, NETWORK, BUDGET = "kind: ServiceAccount", "kind: NetworkPolicy", "kind: PodDisruptionBudget"
LABELS = "metadata:\n  name: "
SELECTED = '      app.kubernetes.io/name: "elevaite-auth-api"\n      app.kubernetes.io/instance: "elevaite-staging"\n'
GATE = "            - --at-least\n"
RUNNER = 'kind: ConfigMap\nmetadata:\n  name: "elevaite-runner-'

MUTATIONS = (
    Mutation("job-closure", "the account is no hook", JOB, HOOKS, ""),
    Mutation("job-closure", "the network policy is no hook", JOB, HOOKS, "", NETWORK),
    Mutation("job-closure", "the files come with the Job", FILES, '"-10"', '"-5"'),
    Mutation("job-closure", "the runner comes after the Job", FILES, '"-10"', '"0"', RUNNER),
    Mutation(
        "job-closure",
        "the account only on install",
        JOB,
        "hook: pre-install,pre-upgrade",
        "hook: pre-install",
    ),
    Mutation("job-closure", "the account in the Job's wave", ARGO_JOB, WAVE, WAVE.replace("-2", "-1")),
    Mutation(
        "job-closure", "the network policy in the last wave", ARGO_JOB, WAVE, WAVE.replace("-2", "0"), NETWORK
    ),
    Mutation("job-closure", "the plan in the last wave", ARGO_FILES, WAVE, WAVE.replace("-2", "0")),
    Mutation(
        "job-order",
        "after the upgrade",
        JOB,
        "pre-install,pre-upgrade",
        "post-install,post-upgrade",
        "kind: Job",
    ),
    Mutation("job-order", "no hook", JOB, HOOK, "", "kind: Job"),
    Mutation("job-order", "in the services' wave", ARGO_JOB, '"-1"', '"0"', "kind: Job"),
    Mutation(
        "hook-policy",
        "gone with its logs",
        JOB,
        "before-hook-creation",
        "before-hook-creation,hook-succeeded",
        "kind: Job",
    ),
    Mutation("hook-policy", "files that go", FILES, "before-hook-creation", "hook-succeeded"),
    Mutation(
        "hook-kind",
        "a hook of Argo CD's",
        ARGO_JOB,
        '"-1"',
        '"-1"\n    argocd.argoproj.io/hook: PreSync',
        "kind: Job",
    ),
    Mutation(
        "hook-kind", "a hook of Helm's", ARGO_JOB, '"-1"', '"-1"\n    helm.sh/hook: pre-upgrade', "kind: Job"
    ),
    Mutation(
        "workload-order",
        "a service before the Job",
        ARGO_SERVICE,
        "  annotations:\n    #",
        '  annotations:\n    argocd.argoproj.io/sync-wave: "-1"\n    #',
        "kind: Deployment",
    ),
    Mutation(
        "workload-order",
        "a service as a hook",
        SERVICE,
        LABELS,
        "metadata:\n  annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: before-hook-creation}\n"
        "  name: ",
        "kind: Deployment",
    ),
    Mutation("gate", "none", SERVICE, "      initContainers:\n", "      x:\n"),
    Mutation("gate", "one that asks for too much", SERVICE, GATE, ""),
    Mutation("gate", "of another service", SERVICE, '"--service=auth-api"', '"--service=workflow-engine"'),
    Mutation(
        "gate",
        "with another image",
        SERVICE,
        'images "auth-api"',
        'images "workflow-engine"',
        "- name: schema-gate",
    ),
    Mutation(
        "gate-plan",
        "another plan",
        SERVICE,
        "        - name: plan\n          configMap:\n            name:",
        "        - name: plan\n          secret:\n            secretName:",
    ),
    Mutation("migration-access", "a tenant less", JOB, '"default,toshiba,iopex"', '"default,toshiba"'),
    Mutation(
        "migration-access",
        "no tenants",
        SERVICE,
        'name: "ELEVAITE_TENANTS"',
        'name: "TENANTS"',
        "schema-gate",
    ),
    Mutation("migration-access", "no URL", JOB, 'name: "AUTH_DATABASE_URL"', 'name: "DATABASE_URL"'),
    Mutation("migration-access", "another key", SERVICE, 'key: "AUTH_DATABASE_URL"', 'key: "URL"'),
    Mutation(
        "migration-access",
        "no URL for the service",
        SERVICE,
        'name: "AUTH_DATABASE_URL"',
        'name: "X"',
        "http\n",
    ),
    Mutation("migration-command", "another plan", JOB, "--plan=/gen/plan/plan.json", "--plan=/plan.json"),
    Mutation("migration-command", "another exchange", ARGO_JOB, "--exchange=/exchange", "--exchange=/tmp"),
    Mutation(
        "migration-command",
        "another program",
        SERVICE,
        "            - genmigrate\n",
        "            - alembic\n",
    ),
    Mutation("migration-command", "no runner", JOB, "value: /gen/runner}", "value: /runner}"),
    Mutation("files-kept", "pruned", ARGO_FILES, "sync-options: Prune=false", "sync-options: Prune=true"),
    Mutation(
        "files-kept",
        "strange",
        ARGO_FILES,
        "    argocd.argoproj.io/compare-options: IgnoreExtraneous\n",
        "",
        RUNNER,
    ),
    Mutation("files-kept", "that change", FILES, "immutable: true", "immutable: false"),
    Mutation("files-named", "another plan", FILES, "toshiba", "tushiba"),
    Mutation("files-named", "a module less", FILES, "  driver.py: ", "  drivers.py: "),
    Mutation(
        "selectors",
        "a Deployment of no pods",
        SERVICE,
        'instance: "elevaite-staging"',
        "instance: x",
        "matchLabels",
    ),
    Mutation(
        "selectors",
        "a Service for all",
        SERVICE,
        '    app.kubernetes.io/name: "elevaite-auth-api"\n',
        "",
        "type: ClusterIP",
    ),
    Mutation(
        "selectors",
        "a Service for migrations",
        SERVICE,
        '"elevaite-auth-api"',
        '"elevaite-migrations"',
        "type: ClusterIP",
    ),
    Mutation(
        "selectors",
        "a budget for all",
        SERVICE,
        '      app.kubernetes.io/name: "elevaite-auth-api"\n',
        "",
        "maxUnavailable: 1\n",
    ),
    Mutation("service-ports", "for the outside", SERVICE, "type: ClusterIP", "type: LoadBalancer"),
    Mutation("service-ports", "a port where nobody listens", SERVICE, "targetPort: http", "targetPort: web"),
    Mutation(
        "network-missing",
        "for another pod",
        SERVICE,
        '"elevaite-auth-api"',
        '"elevaite-other"',
        "podSelector:",
    ),
    Mutation("network-missing", "only one direction", JOB, '["Ingress", "Egress"]', '["Egress"]'),
    Mutation("network-open", "in from anywhere", SERVICE, "      from:\n", "      x:\n"),
    Mutation(
        "network-open",
        "in from every namespace",
        SERVICE,
        "        - podSelector:\n",
        "        - namespaceSelector: {}\n        - podSelector:\n",
        "      from:\n",
    ),
    Mutation("network-open", "out to anywhere", SERVICE, "  egress:\n", "  egress:\n    - {}\n"),
    Mutation(
        "network-open",
        "out to every address",
        SERVICE,
        "  egress:\n",
        "  egress:\n    - {to: [ipBlock: {cidr: 0.0.0.0/0}]}\n",
    ),
    Mutation("network-open", "into a migration", JOB, "  egress:\n", "  ingress: [{}]\n  egress:\n"),
    Mutation(
        "network-open",
        "for every pod",
        SERVICE,
        "    matchLabels:\n" + SELECTED,
        "    matchLabels: {}\n",
        "podSelector:",
    ),
    Mutation("network-needed", "no names", SERVICE, "        - {port: 53, protocol: UDP}\n", ""),
    Mutation(
        "network-needed", "no database", JOB, "    - ports:\n        - {port: 5432, protocol: TCP}\n", ""
    ),
    Mutation(
        "budget", "for no pods", SERVICE, '"elevaite-auth-api"', '"elevaite-other"', "maxUnavailable: 1\n"
    ),
    Mutation(
        "budget",
        "a node that cannot be emptied",
        SERVICE,
        "maxUnavailable: 1\n",
        "maxUnavailable: 0\n",
        BUDGET,
    ),
    Mutation(
        "budget",
        "kept by pods that are not ready",
        SERVICE,
        "unhealthyPodEvictionPolicy: AlwaysAllow",
        "unhealthyPodEvictionPolicy: IfHealthyBudget",
    ),
    Mutation("rollout", "all at once", SERVICE, "type: RollingUpdate", "type: Recreate"),
    Mutation("rollout", "pods that go first", ARGO_SERVICE, "maxUnavailable: 0", "maxUnavailable: 1"),
)
