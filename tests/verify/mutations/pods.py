"""Pods that may do more than they need."""

from __future__ import annotations

from tests.verify.mutations.model import ARGO_JOB, ARGO_SERVICE, JOB, SERVICE, Mutation

POD = "      enableServiceLinks: false\n"
CONTEXT = "      securityContext:\n"
CONTAINER = "          imagePullPolicy: Always\n"
CONTAINER_CONTEXT = "          securityContext:\n"
VOLUMES = "      volumes:\n"
MAIN, GATE, DRIVER = '- name: "auth-api"\n', "- name: schema-gate\n", "- name: migrations\n"
WORKER = '- name: "migrate-workflow-engine"\n'


def _pod(rule: str, lines: str, file: str = SERVICE) -> Mutation:
    return Mutation(rule, lines.strip(), file, POD, POD + lines)


def _context(rule: str, lines: str, file: str = SERVICE) -> Mutation:
    return Mutation(rule, lines.strip(), file, CONTEXT, CONTEXT + lines)


def _container(rule: str, lines: str, behind: str = MAIN, file: str = SERVICE) -> Mutation:
    return Mutation(rule, lines.strip(), file, CONTAINER, CONTAINER + lines, behind)


def _container_context(rule: str, lines: str, behind: str = MAIN, file: str = SERVICE) -> Mutation:
    return Mutation(rule, lines.strip(), file, CONTAINER_CONTEXT, CONTAINER_CONTEXT + lines, behind)


def _volume(rule: str, line: str, file: str = SERVICE) -> Mutation:
    return Mutation(rule, line.strip(), file, VOLUMES, VOLUMES + line)


def _with(rule: str, old: str, new: str, behind: str = "", file: str = SERVICE) -> Mutation:
    return Mutation(rule, f"{old.strip()} → {new.strip() or 'nothing'}", file, old, new, behind)


MUTATIONS = (
    _pod("pod-host-namespace", "      hostNetwork: true\n"),
    _pod("pod-host-namespace", "      hostPID: true\n", JOB),
    _pod("pod-host-namespace", "      hostIPC: true\n", ARGO_SERVICE),
    _pod("pod-share-process", "      shareProcessNamespace: true\n", JOB),
    _pod("pod-debug-container", "      ephemeralContainers: [{name: debug}]\n"),
    _with(
        "pod-token",
        "automountServiceAccountToken: false\n      e",
        "automountServiceAccountToken: true\n      e",
    ),
    _with("pod-token", "\nautomountServiceAccountToken: false\n", "\n", file=JOB),
    _with("pod-service-links", POD, ""),
    _with("pod-account", '      serviceAccountName: "elevaite-auth-api"\n', ""),
    _with("pod-user", "runAsNonRoot: true", "runAsNonRoot: false"),
    _with("pod-user", "runAsUser: 10001", "runAsUser: 0", file=JOB),
    _with("pod-user", "runAsGroup: 10001", "runAsGroup: 0"),
    _with("pod-user", "        fsGroup: 10001\n", ""),
    _container_context("pod-user", "            runAsNonRoot: false\n", GATE),
    _container_context("pod-user", "            runAsUser: 0\n", WORKER, JOB),
    _context("pod-user", "        supplementalGroups: [0]\n"),
    _with("pod-seccomp", "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}"),
    _container_context("pod-seccomp", "            seccompProfile: {type: Unconfined}\n", DRIVER, JOB),
    _context("pod-apparmor", "        appArmorProfile: {type: Unconfined}\n"),
    _container_context("pod-apparmor", "            appArmorProfile: {type: Unconfined}\n"),
    _with(
        "pod-apparmor",
        "        kubectl.kubernetes.io/default-container:",
        "        container.apparmor.security.beta.kubernetes.io/auth-api: unconfined\n"
        "        kubectl.kubernetes.io/default-container:",
    ),
    _context("pod-sysctls", "        sysctls: [{name: kernel.msgmax, value: '65536'}]\n"),
    _context("pod-selinux", "        seLinuxOptions: {type: spc_t}\n"),
    _container_context("pod-selinux", "            seLinuxOptions: {user: system_u}\n"),
    _context("pod-host-process", "        windowsOptions: {hostProcess: true}\n"),
    _container_context("pod-host-process", "            windowsOptions: {hostProcess: true}\n", GATE),
    _with("pod-privileged", "privileged: false", "privileged: true", GATE),
    _with("pod-privileged", "privileged: false", "privileged: true", WORKER, JOB),
    _with("pod-escalation", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", MAIN),
    _with("pod-escalation", "            allowPrivilegeEscalation: false\n", "", DRIVER, JOB),
    _with("pod-capabilities", 'drop: ["ALL"]', 'drop: ["NET_RAW"]', MAIN),
    _with("pod-capabilities", '{drop: ["ALL"]}', '{drop: ["ALL"], add: ["SYS_ADMIN"]}', WORKER, ARGO_JOB),
    _container_context("pod-proc-mount", "            procMount: Unmasked\n"),
    _with("pod-root-file-system", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", MAIN),
    _with("pod-root-file-system", "            readOnlyRootFilesystem: true\n", "", WORKER, JOB),
    _with("pod-host-port", "              protocol: TCP\n", "              hostPort: 80\n", MAIN),
    _volume("pod-volumes", "        - {name: host, hostPath: {path: /etc}}\n"),
    _volume("pod-volumes", "        - {name: share, nfs: {server: nas, path: /}}\n", JOB),
    _volume(
        "pod-volumes", "        - {name: token, projected: {sources: [serviceAccountToken: {path: token}]}}\n"
    ),
    _with("pod-volumes", "emptyDir: {sizeLimit: 64Mi}", "emptyDir: {}"),
    _with("pod-probe-host", "tcpSocket: {port: http}", "tcpSocket: {port: http, host: example.com}"),
    _with(
        "pod-probe-host", "            httpGet:\n", "            httpGet:\n              host: example.com\n"
    ),
    _container(
        "pod-probe-host",
        "          lifecycle: {preStop: {httpGet: {host: example.com, port: 80, path: /}}}\n",
    ),
    _with("pod-probes", "          readinessProbe:\n", "          startupProbe:\n"),
    _with("pod-probes", "          livenessProbe:\n", "          startupProbe:\n"),
    _with("pod-resources", '              memory: "512Mi"\n', "", MAIN),
    _with("pod-resources", '              cpu: "100m"\n', "", WORKER, JOB),
    _with("pod-resources", ", ephemeral-storage: 64Mi}", "}", GATE),
    _with(
        "pod-image",
        'auth-api@{{ index .Values.images "auth-api" }}',
        "auth-api:latest",
        "- name: migrations\n",
        JOB,
    ),
    _with("pod-image", "imagePullPolicy: Always", "imagePullPolicy: IfNotPresent", MAIN),
    _with("pod-secret-literal", "{name: HOST, value: 0.0.0.0}", "{name: DB_PASSWORD, value: hunter2}"),
    _with("pod-secret-literal", "value: 0.0.0.0", "value: AKIAABCDEFGHIJKLMNOP"),
    _with("pod-secret-literal", "value: 0.0.0.0", "value: postgres://a:hunter2@db/x"),
    _with("pod-secret-literal", "- --worker-timeout=600", "- --password=hunter2", file=JOB),
    _with(
        "pod-mounts",
        "            - {name: tmp, mountPath: /tmp}\n",
        "            - {name: top, mountPath: /tmp}\n",
    ),
    _with("pod-mounts", "mountPath: /gen/plan, readOnly: true", "mountPath: /gen/plan", file=JOB),
)
