"""Every rule that an output must keep, by its name, and what holds where it is kept."""

from __future__ import annotations

# Add a line here, the check in the module of its world, and a mutation in tests/verify.
RULES: dict[str, str] = {
    # What every reader needs.
    "readable": "an output is read alike by all its readers: valid, no key twice, no word that YAML 1.1 and 1.2 "
    "take for different values",
    # objects.py
    "chart-action": "a template holds no action but the digest of an image and the hash of the digests, "
    "each inside a quoted text",
    "chart-kinds": "a chart holds accounts, files, workloads, services, network policies and disruption budgets only: "
    "no secret with data, no role, nothing outside its namespace",
    "chart-names": "every object has a name of its own of at most 63 characters, and none is made up by the cluster",
    "chart-namespace": "every object names its namespace, and all the same",
    "chart-labels": "every object, and its pods alike, says by its labels what it is and which release it is part of",
    "chart-values": "the schema of the values wants the digest of every image that the templates use, and nothing else",
    "chart-pins": "pinned digests are those that the schema wants, each a whole sha256",
    "chart-version": "the chart says that it needs Kubernetes 1.34",
    "chart-complete": "every service that has an image has a Deployment, and every account, file and volume that is "
    "named exists",
    # pods.py: Pod Security `restricted`, and more
    "pod-host-namespace": "a pod shares no namespace with its node",
    "pod-host-port": "a container opens no port of its node",
    "pod-share-process": "containers of a pod do not see each other's processes",
    "pod-privileged": "no container is privileged",
    "pod-escalation": "no process gets more rights than the one that started it",
    "pod-capabilities": "every capability is dropped and none is added",
    "pod-volumes": "volumes are files of the cluster's or empty folders with a limit, never a folder of the node, "
    "a share or a token",
    "pod-proc-mount": "/proc is masked",
    "pod-sysctls": "a pod changes no setting of the kernel",
    "pod-selinux": "a pod chooses no SELinux label of its own",
    "pod-apparmor": "no AppArmor profile is switched off",
    "pod-seccomp": "every container runs under the seccomp profile of the runtime",
    "pod-user": "everything runs as a user and a group of 10000 or more that is not root",
    "pod-host-process": "no container is a process of a Windows node",
    "pod-probe-host": "no probe and no handler asks another host",
    "pod-probes": "a service has a probe for being alive and another one for being ready",
    "pod-root-file-system": "no container writes to its root file system",
    "pod-resources": "every container requests CPU, memory and storage and is limited in each",
    "pod-token": "no pod holds a token of the cluster's API",
    "pod-account": "every pod has a service account of its own, not the default one",
    "pod-service-links": "a pod's environment does not depend on the services that happen to exist",
    "pod-image": "every image is given by its digest, which comes from the values, and is always asked for",
    "pod-secret-literal": "no environment variable and no argument holds a secret as plain text",
    "pod-debug-container": "no container for debugging is part of a pod",
    "pod-mounts": "what is mounted is a volume of the pod, and the migrations' files are mounted to be read only",
    # release.py
    "job-exists": "where a service migrates there is one migration Job",
    "job-closure": "everything that the migration Job needs is there before it: a hook of lower weight, "
    "or an earlier wave",
    "job-order": "the migration Job runs before the services: a hook before install and upgrade, or a wave below 0",
    "job-deadlines": "each limit is longer than the one inside it: the runner's, the pod's, the Job's, Helm's, "
    "the workflow's",
    "job-driver": "the driver is the first container of the migration Job and waits for the workers beside it, "
    "so that its log is the one that is shown",
    "job-workers": "the migration Job has one worker for each migrating service, in the plan's order, from its image",
    "job-mounts": "driver and workers share the plan, the runner and the folder of their exchange",
    "job-retries": "a Job that Helm waits for is tried once; one that Argo CD syncs, four times",
    "job-kept": "a finished migration Job stays, with its logs: Helm's until the next one, Argo CD's until somebody "
    "removes it, so that who takes back a release finds it done",
    "job-alone": "one pod migrates at a time, and a new one starts only when the one before is gone",
    "job-failures": "a pod that is evicted is tried again; a failure that another try cannot cure ends the Job",
    "job-restarts": "a container of the migration Job is never restarted in place",
    "job-name": "the Job of a Helm release has one name; that of an Argo CD application has one for each content",
    "job-grace": "a migration that is told to end has a minute for it",
    "job-undisturbed": "no autoscaler moves a running migration and no service mesh keeps its pod alive",
    "hook-policy": "a hook is replaced when the next one is made, and is kept until then",
    "hook-kind": "a release is ordered in one way: by Helm's hooks, or by Argo CD's waves; never by Argo CD's hooks",
    "workload-order": "services and what belongs to them are ordinary objects that come after the migration Job",
    "gate": "no pod of a migrating service starts before its schemas are new enough for its own image",
    "gate-plan": "the gate reads the same plan and the same runner as the migration Job",
    "migration-access": "migrations, gates and services get the plan's tenants, and the database's URL from a Secret",
    "migration-command": "what runs the runner finds it, the plan and the exchange where they are mounted",
    "files-kept": "the migrations' files outlive the release that replaces them, and nothing counts them as strange",
    "files-named": "the migrations' files are named after their content, which is that of plan.json and of the runner",
    "selectors": "a Deployment, a Service and a disruption budget each select the pods they are for, and no others",
    "service-ports": "a Service is reached inside the cluster only, at a port that its pods listen on",
    "network-missing": "every pod has a network policy for both directions",
    "network-open": "no network policy lets in, or out, without saying whom or where to; nobody talks to migrations",
    "network-needed": "every pod can resolve names, and reach the database that it needs",
    "budget": "every service has a disruption budget that lets a node be emptied",
    "rollout": "a Deployment replaces its pods one after the other",
    # argocd.py
    "argocd-wildcard": "nothing of an Argo CD project is allowed by a wildcard",
    "argocd-project-source": "the project takes one repository: the application's",
    "argocd-destination": "project and application name the same cluster and the chart's namespace",
    "argocd-cluster-resources": "the project allows no object outside a namespace",
    "argocd-kinds": "the project allows the kinds of the chart and no other",
    "argocd-roles": "the project hands out no roles",
    "argocd-project": "the application belongs to the project beside it",
    "argocd-revision": "the application follows one branch by its exact name, the one that the workflow deploys",
    "argocd-repository": "the repository is an https address without a password",
    "argocd-path": "the application renders the chart of its own environment and nothing else",
    "argocd-values": "the values are the pins, and no value is written anywhere else",
    "argocd-release": "the application, its release and the labels of its objects have one name",
    "argocd-sync": "a sync is automated as the policy says; then it removes and repairs, and never removes everything",
    "argocd-sync-options": "a sync creates no namespace, replaces nothing by force and removes last",
    "argocd-retry": "a failed sync is tried again a bounded number of times, with the newest commit",
    "argocd-finalizer": "to delete the application does not delete what it deployed",
    "argocd-differences": "no difference is ignored",
    # compose.py
    "compose-name": "the project and its containers have fixed names that Compose gives",
    "compose-privileged": "no container is privileged or has a device of this machine",
    "compose-host-namespace": "no container shares a namespace with this machine",
    "compose-mounts": "containers see folders of the repository only: no socket of Docker, no root, no home; "
    "what is mounted from it is mounted to be read only",
    "compose-ports": "ports are open on this machine only",
    "compose-secret-literal": "no environment variable and no argument holds a secret as plain text",
    "compose-capabilities": "every capability is dropped and none is added",
    "compose-new-privileges": "no process gets more rights than the one that started it",
    "compose-image": "an image is built here, or given by its digest",
    "compose-root-file-system": "no container but the database's writes to its root file system",
    "compose-limits": "every container is limited in memory and processes, and reaps its children",
    "compose-command": "a command is a list of words, which no shell reads",
    "compose-gate": "a service that migrates starts when the migrations are done, and they when the database answers",
    "compose-workers": "there is one worker for each migrating service",
    "compose-environment": "variables are written here, not read from a file with rules of its own",
    # workflows.py, steps.py, deploy.py
    "workflow-events": "a workflow is started by pushes or by pull requests, never with the rights of the repository "
    "for code of others, and no filter leaves a change out",
    "workflow-branch": "the workflows of an environment go by one branch, by its exact name: the one that its guide "
    "names and Argo CD follows",
    "workflow-concurrency": "one deployment of an environment runs at a time and is never cancelled; a newer check "
    "replaces an older one of the same pull request",
    "workflow-permissions": "a workflow grants nothing, and each job what it needs",
    "workflow-environment": "a job that reaches a cluster or has secrets belongs to a GitHub environment of its own "
    "environment",
    "workflow-timeout": "every job ends within a time that is written",
    "workflow-runner": "a job runs on a machine of GitHub's whose version is written",
    "workflow-failures": "no failure is passed over",
    "workflow-needs": "a job waits for every job whose outputs it reads, and every step and output that is read exists",
    "workflow-images": "a container beside a job is given by its digest and open on its machine only",
    "workflow-required": "the check that a branch rule asks for waits for every job, is never skipped, and is red "
    "unless all of them succeeded",
    "workflow-checks": "a pull request is held against drift, the linters and conflicting revisions",
    "workflow-notify": "how a deployment ended is told whatever became of its jobs",
    "workflow-action": "an action is one of the table, by its commit, and installs a version that is written",
    "workflow-checkout": "no token stays in a clone",
    "workflow-pull-request": "the check of a pull request has no secrets and pushes nothing",
    "workflow-shell": "scripts are read by bash and stop at the first failure",
    "workflow-expression": "no expression is put into a script",
    "workflow-download": "nothing is downloaded and run unseen",
    "workflow-secret": "no secret gets into a log or into the arguments of a program",
    "workflow-secret-scope": "a secret is given to the one step that needs it",
    "workflow-secret-literal": "no secret and no address of a webhook is written out",
    "workflow-cloud-keys": "a cloud is reached by OpenID Connect, never by a key that does not expire",
    "workflow-helm": "Helm installs or upgrades with the hooks, the schema and the digests, and waits",
    "workflow-target": "a workflow deploys the chart, the release, the Job and the namespace of its environment",
    # npm.py
    "npm-lifecycle": "no script of ours is run by npm on its own",
    "npm-command": "a script of ours is one program and plain words, which every shell reads alike",
    # contract.py
    "plan-tenants": "no tenant is in the plan twice",
    "plan-schemas": "no schema is migrated by two services",
    "plan-size": "the plan and the runner fit into the cluster's files together",
}
