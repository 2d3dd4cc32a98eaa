"""Objects and values of a chart that should not be there, or are not what they say."""

from __future__ import annotations

from tests.verify.mutations.model import (
    APPLICATION,
    ARGO_JOB,
    COMPOSE,
    FILES,
    JOB,
    PRODUCTION,
    SERVICE,
    STAGING,
    Mutation,
)

SCHEMA = STAGING + "chart/values.schema.json"
PINS = PRODUCTION + "chart/images.yaml"

MUTATIONS = (
    Mutation("readable", "a key twice", SERVICE, "  replicas: 2\n", "  replicas: 2\n  replicas: 3\n"),
    Mutation(
        "readable",
        "a quoted key twice",
        COMPOSE,
        "      HOST: 0.0.0.0\n",
        '      "PORT": "1"\n      HOST: "0"\n',
    ),
    Mutation("readable", "broken indentation", JOB, "    rules:\n", "   rules:\n     x\n"),
    Mutation("readable", "a word that is a truth value for some", SERVICE, "value: 0.0.0.0", "value: yes"),
    Mutation("readable", "a number that is another one for some", SERVICE, "value: 0.0.0.0", "value: 0o17"),
    Mutation("readable", "a merge key", SERVICE, "  replicas: 2\n", "  replicas: 2\n  <<: {paused: true}\n"),
    Mutation(
        "readable", "a JSON key twice", SCHEMA, '"type": "object",', '"type": "array", "type": "object",'
    ),
    Mutation("chart-action", "another value", SERVICE, 'index .Values.images "auth-api"', "tpl .Values.x ."),
    Mutation("chart-action", "in a comment", SERVICE, "# Alive is", '# {{ include "x" . }} Alive is'),
    Mutation("chart-action", "outside quotes", FILES, "immutable: true", "immutable: {{ true }}"),
    Mutation("chart-kinds", "a role", SERVICE, "kind: PodDisruptionBudget", "kind: Role"),
    Mutation("chart-kinds", "an old version", SERVICE, "policy/v1\n", "policy/v1beta1\n"),
    Mutation(
        "chart-names", "upper case", SERVICE, 'name: "elevaite-auth-api"', 'name: "Elevaite"', "PodDisruption"
    ),
    Mutation(
        "chart-names",
        "made up by the cluster",
        SERVICE,
        "metadata:\n",
        "metadata:\n  generateName: x-\n",
        "kind: PodDisruption",
    ),
    Mutation(
        "chart-names",
        "one name for two",
        STAGING + "chart/templates/services/workflow-engine.yaml",
        'name: "elevaite-workflow-engine"',
        'name: "elevaite-auth-api"',
        "kind: PodDisruption",
    ),
    Mutation(
        "chart-namespace",
        "another",
        SERVICE,
        'namespace: "staging"',
        'namespace: "production"',
        "kind: Service\n",
    ),
    Mutation("chart-namespace", "none", JOB, '  namespace: "staging"\n', "", "kind: Job"),
    Mutation(
        "chart-labels",
        "none",
        SERVICE,
        "    app.kubernetes.io/component: service\n",
        "",
        "kind: PodDisruption",
    ),
    Mutation(
        "chart-labels",
        "of another release",
        SERVICE,
        'instance: "elevaite-staging"',
        'instance: "elevaite-other"',
        "kind: PodDisruption",
    ),
    Mutation(
        "chart-labels",
        "of pods that are of no platform",
        SERVICE,
        '        app.kubernetes.io/part-of: "elevaite"\n',
        "",
        "template:\n",
    ),
    Mutation("chart-values", "one that may be missing", SCHEMA, '        "auth-api",\n', "", '"images"'),
    Mutation("chart-values", "one that nobody knows", SCHEMA, "false", "true"),
    Mutation("chart-values", "a digest of any shape", SCHEMA, "^sha256:[0-9a-f]{64}$", "^sha256:"),
    Mutation("chart-pins", "a digest that is cut", PINS, '"sha256:1', '"sha256:'),
    Mutation("chart-pins", "one that nobody uses", PINS, "  workflow-engine:", "  other:"),
    Mutation("chart-pins", "a hash that is none", PINS, '  digest: "', '  digest: "x'),
    Mutation("chart-version", "none", STAGING + "chart/Chart.yaml", 'kubeVersion: ">=1.34.0-0"\n', ""),
    Mutation(
        "chart-complete", "another account", SERVICE, 'AccountName: "elevaite-auth-api"', 'AccountName: "x"'
    ),
    Mutation(
        "chart-complete", "other files", ARGO_JOB, 'name: "elevaite-runner-', 'name: "elevaite-runner-0'
    ),
    Mutation("argocd-values", "one more file", APPLICATION, '["images.yaml"]', '["images.yaml", "x.yaml"]'),
)
