"""Migration Jobs that run twice, too long, in another order, or without a log."""

from __future__ import annotations

from tests.verify.mutations.model import ARGO_JOB, JOB, STAGING, Mutation

PLAN = STAGING + "plan.json"
DEADLINE = "activeDeadlineSeconds: 1980"
POD = "activeDeadlineSeconds: 1920"
GRACE = "terminationGracePeriodSeconds: 60"
RETRIED = "values: [1, 2, 5, 6, 7, 8, 9]"

MUTATIONS = (
    Mutation("job-exists", "none", JOB, "batch/v1\nkind: Job", "v1\nkind: Service"),
    Mutation("job-deadlines", "the Job's is the runner's", JOB, DEADLINE, "activeDeadlineSeconds: 1800"),
    Mutation("job-deadlines", "the Job has none", ARGO_JOB, "  " + DEADLINE + "\n", ""),
    Mutation("job-deadlines", "the pod's is the Job's", JOB, POD, "activeDeadlineSeconds: 1980"),
    Mutation("job-deadlines", "the pod has none", ARGO_JOB, "      " + POD + "\n", ""),
    Mutation("job-deadlines", "the runner has none", JOB, "            - --deadline=1800\n", ""),
    Mutation("job-driver", "workers it does not know", JOB, "- --workers=external", "- --workers=here"),
    Mutation("job-driver", "only another command", ARGO_JOB, "- upgrade", "- status"),
    Mutation(
        "job-driver",
        "containers in a row",
        JOB,
        "      containers:\n",
        "      initContainers:\n",
    ),
    Mutation(
        "job-workers", "another service", JOB, "--service=workflow-engine", "--service=ingestion-service"
    ),
    Mutation("job-workers", "another command", JOB, "- worker\n", "- wait\n"),
    Mutation(
        "job-workers",
        "another image",
        ARGO_JOB,
        'auth-api@{{ index .Values.images "auth-api" }}',
        'auth-api@{{ index .Values.images "workflow-engine" }}',
        "migrate-auth-api",
    ),
    Mutation("job-mounts", "no exchange", JOB, "            - {name: exchange, mountPath: /exchange}\n", ""),
    Mutation(
        "job-mounts",
        "no plan",
        ARGO_JOB,
        "            - {name: plan, mountPath: /gen/plan, readOnly: true}\n",
        "",
        "migrate-workflow-engine",
    ),
    Mutation("job-retries", "a hook that is tried again", JOB, "backoffLimit: 0", "backoffLimit: 6"),
    Mutation("job-retries", "a Job that is tried once", ARGO_JOB, "backoffLimit: 3", "backoffLimit: 0"),
    Mutation(
        "job-kept", "a Job that goes", JOB, "  " + DEADLINE, "  ttlSecondsAfterFinished: 60\n  " + DEADLINE
    ),
    Mutation(
        "job-kept",
        "a Job that every sync starts again",
        ARGO_JOB,
        "sync-options: Prune=false",
        "sync-options: Prune=false,Force=true,Replace=true",
    ),
    Mutation("job-kept", "a Job that the next release removes", ARGO_JOB, "Prune=false", "Prune=true"),
    Mutation(
        "job-kept",
        "a Job that looks out of sync",
        ARGO_JOB,
        "    argocd.argoproj.io/compare-options: IgnoreExtraneous\n",
        "",
    ),
    Mutation(
        "job-kept",
        "a failed Job of long ago that makes the application look ill",
        ARGO_JOB,
        '    argocd.argoproj.io/ignore-healthcheck: "true"\n',
        "",
    ),
    Mutation(
        "job-alone", "a second pod beside", JOB, "podReplacementPolicy: Failed", "podReplacementPolicy: null"
    ),
    Mutation("job-alone", "two pods", JOB, "  " + DEADLINE, "  parallelism: 2\n  " + DEADLINE),
    Mutation(
        "job-alone",
        "a Job that waits for somebody",
        ARGO_JOB,
        "  " + DEADLINE,
        "  suspend: true\n  " + DEADLINE,
    ),
    Mutation("job-failures", "an eviction that counts", JOB, "type: DisruptionTarget", "type: Ready"),
    Mutation("job-failures", "a failure that is tried again", ARGO_JOB, RETRIED, "values: [2]"),
    Mutation(
        "job-failures", "a lock that is not waited for", JOB, RETRIED, "values: [1, 2, 4, 5, 6, 7, 8, 9]"
    ),
    Mutation("job-failures", "another container", JOB, "containerName: migrations", "containerName: x"),
    Mutation("job-restarts", "restarted in place", JOB, "restartPolicy: Never", "restartPolicy: OnFailure"),
    Mutation("job-name", "one for all contents", ARGO_JOB, "-{{ .Values.migrations.digest }}", ""),
    Mutation("job-grace", "ended at once", JOB, GRACE, "terminationGracePeriodSeconds: 5"),
    Mutation(
        "job-undisturbed",
        "a proxy beside it",
        JOB,
        'sidecar.istio.io/inject: "false"',
        'sidecar.istio.io/inject: "true"',
    ),
    Mutation("job-undisturbed", "moved", ARGO_JOB, '        karpenter.sh/do-not-disrupt: "true"\n', ""),
)
