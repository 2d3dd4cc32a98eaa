"""Argo CD objects that reach too far, or sync more or less than they should."""

from __future__ import annotations

from tests.verify.mutations.model import APPLICATION, PROJECT, Mutation

REPOSITORY = '"https://github.com/iopexses/elevaite"'

MUTATIONS = (
    Mutation("argocd-wildcard", "repositories", PROJECT, REPOSITORY, '"*"'),
    Mutation("argocd-wildcard", "namespaces", PROJECT, 'namespace: "production"', 'namespace: "*"'),
    Mutation(
        "argocd-wildcard", "kinds", PROJECT, "{group: apps, kind: Deployment}", '{group: "*", kind: "*"}'
    ),
    Mutation("argocd-project-source", "another repository", PROJECT, REPOSITORY, '"https://github.com/x/y"'),
    Mutation("argocd-destination", "another cluster", PROJECT, "kubernetes.default.svc", "other.example"),
    Mutation(
        "argocd-destination",
        "another namespace",
        APPLICATION,
        'namespace: "production"',
        'namespace: "staging"',
    ),
    Mutation(
        "argocd-cluster-resources",
        "any",
        PROJECT,
        "clusterResourceWhitelist: []",
        "clusterResourceBlacklist: []",
    ),
    Mutation(
        "argocd-kinds",
        "secrets",
        PROJECT,
        "kind: ConfigMap}",
        'kind: ConfigMap}\n    - {group: "", kind: Secret}',
    ),
    Mutation("argocd-kinds", "no Jobs", PROJECT, "    - {group: batch, kind: Job}\n", ""),
    Mutation(
        "argocd-roles", "a role", PROJECT, "  clusterResource", "  roles: [{name: x}]\n  clusterResource"
    ),
    Mutation("argocd-project", "default", APPLICATION, 'project: "elevaite-production"', "project: default"),
    Mutation(
        "argocd-project", "in another namespace", APPLICATION, 'namespace: "argocd"', 'namespace: "other"'
    ),
    Mutation("argocd-revision", "none", APPLICATION, '    targetRevision: "main"\n', ""),
    Mutation("argocd-revision", "HEAD", APPLICATION, 'targetRevision: "main"', "targetRevision: HEAD"),
    Mutation("argocd-revision", "any", APPLICATION, 'targetRevision: "main"', 'targetRevision: "*"'),
    Mutation("argocd-repository", "not encrypted", APPLICATION, '"https://', '"http://'),
    Mutation("argocd-repository", "with a password", APPLICATION, '"https://', '"https://me:hunter2@'),
    Mutation(
        "argocd-path", "of another environment", APPLICATION, "out/production/chart", "out/staging/chart"
    ),
    Mutation(
        "argocd-path",
        "as plain files",
        APPLICATION,
        "    helm:\n",
        "    directory: {recurse: true}\n    helm:\n",
    ),
    Mutation(
        "argocd-values",
        "a value of its own",
        APPLICATION,
        "      valueFiles:",
        "      values: 'x: 1'\n      valueFiles:",
    ),
    Mutation(
        "argocd-release",
        "of another name",
        APPLICATION,
        'releaseName: "elevaite-production"',
        'releaseName: "x"',
    ),
    Mutation(
        "argocd-sync", "removes everything", APPLICATION, "selfHeal: true", "selfHeal: true, allowEmpty: true"
    ),
    Mutation(
        "argocd-sync",
        "by hand against the policy",
        APPLICATION,
        "    automated: {prune: true, selfHeal: true}\n",
        "",
    ),
    Mutation("argocd-sync", "repairs nothing", APPLICATION, "selfHeal: true", "selfHeal: false"),
    Mutation(
        "argocd-sync-options",
        "makes a namespace",
        APPLICATION,
        "CreateNamespace=false",
        "CreateNamespace=true",
    ),
    Mutation("argocd-sync-options", "removes first", APPLICATION, "      - PruneLast=true\n", ""),
    Mutation(
        "argocd-sync-options",
        "by force",
        APPLICATION,
        "PruneLast=true",
        "PruneLast=true\n      - Replace=true",
    ),
    Mutation("argocd-retry", "for ever", APPLICATION, "limit: 5", "limit: -1"),
    Mutation("argocd-retry", "the same commit", APPLICATION, "      refresh: true\n", ""),
    Mutation(
        "argocd-finalizer",
        "deletes all",
        APPLICATION,
        "metadata:\n",
        "metadata:\n  finalizers: [resources-finalizer.argocd.argoproj.io]\n",
    ),
    Mutation(
        "argocd-differences",
        "any",
        APPLICATION,
        "  syncPolicy:\n",
        "  ignoreDifferences: [{kind: Job}]\n  syncPolicy:\n",
    ),
)
